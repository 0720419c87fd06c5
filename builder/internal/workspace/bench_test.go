// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

// BenchmarkCollect validates and plans 300 workspaces of 28 MB without equal automations: the worst
// case for the memory of the cache.
func BenchmarkCollect(b *testing.B) {
	fs := workspacetest.Repository(workspacetest.Many(300, 28<<20/300, "base1", "base2", "extended")...)
	names, size := slices.Sorted(maps.Keys(fs)), 0
	data := make([][]byte, len(names))
	for i, name := range names {
		data[i] = []byte(fs[name])
		size += len(data[i])
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		c := NewCollector(Options{})
		for i, name := range names {
			c.Add(source.NewFile(name, data[i]))
		}
		repo, ds := c.Finish()
		if _, more := repo.Plan(); len(ds)+len(more) > 0 {
			b.Fatal(brief(append(ds, more...)))
		}
	}
}

// TestMemory checks that the collector keeps facts, not content: the live memory for 1,000
// workspaces of 50 files is less than half of the 100 MB of the files.
func TestMemory(t *testing.T) {
	const workspaces, filesEach, fileSize = 1000, 50, 2000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // the second one also frees what pools hold
	runtime.ReadMemStats(&before)
	c := NewCollector(Options{})
	for _, s := range workspacetest.Many(workspaces, filesEach*fileSize, "base1") {
		s.Automations = filesEach
		for name, text := range s.Files() {
			c.Add(source.NewFile(s.Slug+"/"+name, []byte(text)))
		}
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if live := int64(after.HeapAlloc) - int64(before.HeapAlloc); live > workspaces*filesEach*fileSize/2 {
		t.Errorf("%d MB are live after %d files", live>>20, workspaces*filesEach)
	} else {
		t.Logf("%d MB are live", live>>20)
	}
	if _, ds := c.Finish(); len(ds) > 0 {
		t.Errorf("%d diagnostics, the first is %+v", len(ds), ds[0])
	}
}

// BenchmarkManyWorkspaces validates, orders and writes 66,000 workspaces, the maximum of a source,
// in one chain of dependencies.
func BenchmarkManyWorkspaces(b *testing.B) {
	const workspaces = 66_000
	type file struct {
		name string
		data []byte
	}
	var repo []file
	for i := range workspaces {
		s := workspacetest.Sample{
			Slug:   fmt.Sprintf("workspace-%05d", i),
			Groups: []string{"base1"},
			App:    fmt.Sprintf("App %05d", i),
		}
		if i+1 < workspaces {
			s.Uses = []string{fmt.Sprintf("App %05d", i+1)}
		}
		for _, name := range []string{".import.yml", "index.yml"} {
			text, _, _ := strings.Cut(s.Files()[name], "checksums:")
			repo = append(repo, file{s.Slug + "/" + name, []byte(text)})
		}
	}
	for b.Loop() {
		c := NewCollector(Options{})
		for _, f := range repo {
			c.Add(source.NewFile(f.name, f.data))
		}
		facts, _ := c.Finish()
		plan, ds := facts.Plan()
		if len(ds) > 0 || plan.Groups[0].Workspaces[0].Slug != "workspace-65999" {
			b.Fatal(brief(ds))
		}
		if err := plan.WriteText(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
