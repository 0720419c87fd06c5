// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// openTree opens the files as a source.
func openTree(t *testing.T, files workspacetest.Files) *source.Tree {
	t.Helper()
	spec, err := source.Parse(workspacetest.Write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := source.Open(t.Context(), spec, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func TestWalkGivesEveryFileToEverySinkInOrder(t *testing.T) {
	files := workspacetest.Files{"b/1": "x", "a/1": "xx", "a/2": "", "a/1.d/1": "xxx"}
	var got [3][]string
	var sinks []sink
	for i := range got {
		start := func(all source.Listing) error {
			got[i] = append(got[i], fmt.Sprintf("%d in %v", all.Files, all.Slugs))
			return nil
		}
		add := func(f source.File) error {
			got[i] = append(got[i], fmt.Sprintf("%s:%d", f.Path, len(f.Data)))
			return nil
		}
		sinks = append(sinks, sink{start: start, add: add})
	}
	report, err := walkTree(openTree(t, files)).to(t.Context(), sinks...)
	if err != nil || report.Files != len(files) {
		t.Fatalf("report %+v, error %v", report, err)
	}
	for i, paths := range got {
		if want := "[4 in [a b] a/1:2 a/1.d/1:3 a/2:0 b/1:1]"; fmt.Sprint(paths) != want {
			t.Errorf("sink %d got %v instead of %s", i, paths, want)
		}
	}
}

// The sum of a file is that of the bytes that ship, after defaults, checksums and stamps.
func TestSumIsOfTheBytesThatShip(t *testing.T) {
	files := workspacetest.Files{
		"a/.import.yml":       "version: {name: v1}\nchecksums:\n  automations: {x: 0cc175b9c0f1b6a831c399e269772661}\n",
		"a/automations/x.yml": "do: []\n", "a/index.yml": "name: A\n", "b/index.yml": "name: B\n",
	}
	input := Input{Defaults: workspace.Defaults{Group: "base1", Version: "v2"}, StampVersions: true}
	checks := Checks{Workspaces: &workspace.Options{Checksums: workspace.ChecksumsRefresh}}
	walk, err := walkShipped(openTree(t, files), input, checks)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	_, err = walk.to(t.Context(), sink{add: func(f source.File) error {
		if f.Sum != sha256.Sum256(f.Data) {
			t.Errorf("the sum of %s is not that of %q", f.Path, f.Data)
		}
		if string(f.Data) != files[f.Path] {
			changed++
		}
		return nil
	}})
	if err != nil || changed != 2 {
		t.Errorf("%d files differ from the source, want both .import.yml; error %v", changed, err)
	}
}

// A failing sink ends the walk, even while another sink is slow.
func TestWalkEndsWithTheFirstSinkThatFails(t *testing.T) {
	failure := errors.New("full")
	var seen atomic.Int32
	slow := sink{add: func(source.File) error { seen.Add(1); return nil }}
	full := sink{add: func(source.File) error { return failure }}
	tree := openTree(t, workspacetest.Repository(workspacetest.Many(20, 100, "base1")...))
	_, err := walkTree(tree).to(t.Context(), slow, full)
	if !errors.Is(err, failure) || seen.Load() > 3 {
		t.Errorf("error %v after %d files", err, seen.Load())
	}
}

// A sink that cannot start ends the walk; one that starts slowly does not lose the listing.
func TestWalkEndsWithTheFirstSinkThatCannotStart(t *testing.T) {
	failure := errors.New("no base")
	tree := openTree(t, workspacetest.Repository(workspacetest.Many(20, 100, "base1")...))
	add := func(source.File) error { return nil }
	broken := sink{start: func(source.Listing) error { return failure }, add: add}
	_, err := walkTree(tree).to(t.Context(), broken, sink{add: add})
	if !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
}

// A sink that prepares files gets several at a time, and adds them in their order.
func TestFilesArePreparedConcurrentlyAndAddedInOrder(t *testing.T) {
	files := workspacetest.Files{}
	next := map[string]chan struct{}{}
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("a/%02d", i)
		files[name] = "x"
		next[name] = make(chan struct{})
		want = append(want, name)
	}
	var got []string
	prepare := func(f source.File) func() {
		// The first file of each pair waits for the second one, if there is another processor for it.
		i := slices.Index(want, f.Path)
		if close(next[f.Path]); i%2 == 0 && runtime.GOMAXPROCS(0) > 1 {
			<-next[want[i+1]]
		}
		return func() { got = append(got, f.Path) }
	}
	for _, processors := range []int{1, 4} {
		t.Run(fmt.Sprint(processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			got = nil
			for name := range next {
				next[name] = make(chan struct{})
			}
			if _, err := walkTree(openTree(t, files)).to(t.Context(), sink{prepare: prepare}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("the files are added in the order %v", got)
			}
		})
	}
}

// A panic, before or after a file is prepared, ends the walk.
func TestPanicOfASinkThatPreparesIsAnError(t *testing.T) {
	tree := openTree(t, workspacetest.Repository(workspacetest.Many(20, 100, "base1")...))
	for name, prepare := range map[string]func(source.File) func(){
		"prepare": func(source.File) func() { panic("bug") },
		"add":     func(source.File) func() { return func() { panic("bug") } },
	} {
		_, err := walkTree(tree).to(t.Context(), sink{prepare: prepare})
		var failure *Error
		if !errors.As(err, &failure) || failure.Kind != Internal {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Parsers read untrusted input.
func TestPanicOverAFileIsAnErrorWithoutItsContent(t *testing.T) {
	tree := openTree(t, workspacetest.Files{"a/x": "content of the file"})
	_, err := walkTree(tree).to(t.Context(), sink{add: func(f source.File) error { panic(string(f.Data)) }})
	var failure *Error
	if !errors.As(err, &failure) || failure.Kind != Internal {
		t.Fatalf("error %v", err)
	}
	text := err.Error()
	if strings.Contains(text, "content of the file") || !strings.Contains(text, "TestPanicOverAFile") {
		t.Errorf("error %q tells the content, or not where it was", text)
	}
}

func TestPanicOfAStageIsAnError(t *testing.T) {
	display, err := progress.New(io.Discard, "plain")
	if err != nil {
		t.Fatal(err)
	}
	s := newStages(display)
	_, err = inStage(s, "read", "read", func() string { return "" }, func() (int, error) { panic("bug") })
	if closed := display.Close(); closed != nil {
		t.Error(closed)
	}
	if err == nil || len(s.measured()) != 1 {
		t.Errorf("error %v, stages %v", err, s.measured())
	}
}

func TestGuardPassesErrorsThrough(t *testing.T) {
	if err := guard(func() error { return io.EOF }); err != io.EOF {
		t.Error(err)
	}
	if err := guard(func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// failing is a detector that fails at the last file.
type failing struct{}

func (failing) Describe() release.Scanner { return release.Scanner{Name: "failing"} }
func (failing) Scan(_ context.Context, f scan.File) (scan.Result, error) {
	if strings.HasSuffix(f.Path, "/security.yml") {
		return scan.Result{}, errors.New("failed")
	}
	return scan.Result{Bytes: int64(len(f.Data))}, nil
}

// The synctest bubble ends only when all goroutines have ended, including those that compress.
func TestReadingThatFailsLeavesNothingRunning(t *testing.T) {
	sample := workspacetest.Sample{Slug: "a", Groups: []string{"base1"}, Bytes: 4 << 20}
	spec, err := source.Parse(workspacetest.Write(t, workspacetest.Repository(sample)))
	if err != nil {
		t.Fatal(err)
	}
	scanner, err := scan.New(scan.Policy{}, failing{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := engine.NewLayerStore(filepath.Join(t.TempDir(), "layers"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		display, err := progress.New(io.Discard, "plain")
		if err != nil {
			t.Fatal(err)
		}
		b := &builder{
			opts: BuildOptions{
				Input:      Input{Spec: spec},
				Checks:     Checks{Workspaces: new(workspace.Options), Scanner: scanner},
				Repository: release.Repository{ID: "release", Directory: "/www/workspaces"},
			},
			stages: newStages(display),
			store:  store,
		}
		_, err = b.pack(t.Context(), func() (*baseImage, error) { return new(baseImage), nil })
		var failure *Error
		if !errors.As(err, &failure) || failure.Kind != Incomplete {
			t.Errorf("error %v", err)
		}
		if err := display.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCoverage(t *testing.T) {
	written := writtenLayers{files: 3, bytes: 100}
	tests := map[string]struct {
		covered scan.Coverage
		ok      bool
	}{
		"all":               {scan.Coverage{Files: 3, Bytes: 100}, true},
		"a file is missing": {scan.Coverage{Files: 2, Bytes: 100}, false},
		"a byte is missing": {scan.Coverage{Files: 3, Bytes: 99}, false},
		"a file too many":   {scan.Coverage{Files: 4, Bytes: 100}, false},
		"a byte too many":   {scan.Coverage{Files: 3, Bytes: 101}, false},
	}
	for name, test := range tests {
		content := &packed{reading: &Reading{Scan: &scan.Report{Coverage: test.covered}}, layers: written}
		err := content.checkCoverage()
		var failure *Error
		if errors.As(err, &failure) == test.ok || !test.ok && failure.Kind != Incomplete {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	invalid := []diagnostic.Diagnostic{{Severity: diagnostic.Warning}, {Severity: diagnostic.Error}}
	warning := invalid[:1]
	found := &scan.Report{Findings: []scan.Finding{{Severity: scan.Warning}, {}}}
	warned := &scan.Report{Findings: found.Findings[:1]}
	tests := map[string]struct {
		diagnostics []diagnostic.Diagnostic
		scanned     *scan.Report
		want        Kind
		ok          bool
	}{
		"clean":               {nil, new(scan.Report), 0, true},
		"warnings":            {warning, new(scan.Report), 0, true},
		"not scanned":         {warning, nil, 0, true},
		"invalid":             {invalid, new(scan.Report), Invalid, false},
		"secrets":             {nil, found, Secrets, false},
		"possible secrets":    {nil, warned, 0, true},
		"accepted secrets":    {nil, &scan.Report{Accepted: []scan.Accepted{{}}}, 0, true},
		"a stale baseline":    {nil, &scan.Report{Problems: []scan.Problem{{}}}, Invalid, false},
		"both":                {nil, &scan.Report{Findings: found.Findings, Problems: []scan.Problem{{}}}, Secrets, false},
		"secrets and invalid": {invalid, found, Secrets, false},
	}
	for name, test := range tests {
		err := verdict(&Reading{Diagnostics: test.diagnostics, Scan: test.scanned})
		var failure *Error
		if errors.As(err, &failure) == test.ok || !test.ok && failure.Kind != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailGivesAKindOnce(t *testing.T) {
	known := &Error{Source, io.EOF}
	tests := map[string]struct {
		err  error
		want Kind
		// plain marks errors that get no kind.
		plain bool
	}{
		"none":              {nil, 0, true},
		"an error":          {io.EOF, Engine, false},
		"one with a kind":   {fmt.Errorf("more: %w", known), Source, false},
		"an interruption":   {fmt.Errorf("more: %w", context.Canceled), 0, true},
		"the end of a time": {context.DeadlineExceeded, Engine, false},
	}
	for name, test := range tests {
		err := fail(Engine, test.err)
		var failure *Error
		if errors.As(err, &failure) == test.plain || !test.plain && failure.Kind != test.want {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v does not wrap %v", name, err, test.err)
		}
	}
}

func TestCounterTellsFilesBytesAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		format := c.newFormatter()
		for range 3 {
			c.add(source.File{Data: make([]byte, 1_000_000)})
		}
		time.Sleep(2 * time.Second)
		if got, want := format(), "3 files, 3MB, 1.5MB/s"; got != want {
			t.Errorf("%q instead of %q", got, want)
		}
		if err := c.expect(source.Listing{Files: 12, Bytes: 12_000_000}); err != nil {
			t.Error(err)
		}
		if got, want := format(), "3 of 12 files, 3MB of 12MB, 1.5MB/s, 6s left"; got != want {
			t.Errorf("%q instead of %q", got, want)
		}
		for range 10 {
			c.add(source.File{Data: make([]byte, 1_000_000)})
		}
		if got, want := format(), "13 of 13 files, 13MB of 13MB, 6.5MB/s"; got != want {
			t.Errorf("with a file that the build added: %q instead of %q", got, want)
		}
	})
}

func TestReleaseEpoch(t *testing.T) {
	given := time.Unix(1700000000, 999).In(time.FixedZone("x", 3600))
	commit := time.Unix(1600000000, 999).In(time.FixedZone("x", 3600))
	for want, got := range map[time.Time]time.Time{
		time.Unix(1700000000, 0).UTC(): releaseEpoch(&given, commit),
		time.Unix(1600000000, 0).UTC(): releaseEpoch(nil, commit),
		time.Unix(0, 0).UTC():          releaseEpoch(nil, time.Time{}),
	} {
		if got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
}

// FuzzExtract checks that, for any layer, the result is a file with that name and at most the size
// of a manifest.
func FuzzExtract(f *testing.F) {
	var good bytes.Buffer
	zip := gzip.NewWriter(&good)
	archive := tar.NewWriter(zip)
	if err := archive.WriteHeader(&tar.Header{Name: "m", Size: 2}); err != nil {
		f.Fatal(err)
	}
	if _, err := archive.Write([]byte("{}")); err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:20])
	f.Add([]byte("not gzip"))
	f.Fuzz(func(t *testing.T, blob []byte) {
		data, err := extract(blob, "m")
		if len(data) > release.MaxSize || err == nil && data == nil {
			t.Errorf("%d bytes, error %v", len(data), err)
		}
	})
}
