// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/cache"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// cached is a fixture whose builds may use a cache.
type cached struct {
	*fixture
	dir   string
	notes []string
}

func newCached(t *testing.T) *cached {
	c := &cached{fixture: newFixture(t), dir: t.TempDir()}
	c.opts.DryRun = true
	c.opts.Outputs = nil
	return c
}

// key is the key of the cache.
var key = secret.New("the key of the cache")

// build returns the digest of a build with the cache or without.
func (c *cached) build(t *testing.T, with bool) digest.Digest {
	t.Helper()
	c.read(t, c.src)
	c.opts.Input.Source.Notify = func(note string) { c.notes = append(c.notes, note) }
	c.opts.Cache = nil
	if with {
		var err error
		if c.opts.Cache, err = cache.Open(c.dir, key); err != nil {
			t.Fatal(err)
		}
	}
	return c.mustBuild(t).Digest
}

// files returns the cached layers, sorted.
func (c *cached) files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.dir, "layers", "*.layer"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Whatever changed since the build that filled the cache, a build with it makes the same image as
// one without.
func TestCacheDoesNotChangeTheImage(t *testing.T) {
	remove := func(t *testing.T, c *cached, name string) {
		if err := os.RemoveAll(filepath.Join(c.src, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*testing.T, *cached){
		"nothing":         func(*testing.T, *cached) {},
		"first file":      func(t *testing.T, c *cached) { c.write(t, "crm/.import.yml.md", "new\n") },
		"middle file":     func(t *testing.T, c *cached) { c.write(t, "crm/notes.md", "changed\n") },
		"last file":       func(t *testing.T, c *cached) { c.write(t, "mail/zz.md", "changed\n") },
		"new last file":   func(t *testing.T, c *cached) { c.write(t, "mail/zzz.md", "new\n") },
		"no last file":    func(t *testing.T, c *cached) { remove(t, c, "mail/zz.md") },
		"renamed":         func(t *testing.T, c *cached) { remove(t, c, "mail/zz.md"); c.write(t, "mail/zy.md", "last\n") },
		"same size":       func(t *testing.T, c *cached) { c.write(t, "mail/zz.md", "lost\n") },
		"several layers":  func(t *testing.T, c *cached) { c.useMany(t, 60, 200) },
		"other directory": func(_ *testing.T, c *cached) { c.opts.Repository.Directory = "/srv/workspaces" },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCached(t)
			c.write(t, "crm/notes.md", strings.Repeat("some notes\n", 50_000)) // more than a block
			c.write(t, "mail/zz.md", "last\n")
			c.build(t, true)
			change(t, c)
			want := c.build(t, false)
			for _, run := range []string{"after the change", "again"} {
				if got := c.build(t, true); got != want {
					t.Errorf("%s: digest %s with the cache, and %s without", run, got, want)
				}
			}
			if len(c.notes) > 0 {
				t.Errorf("notes: %q", c.notes)
			}
		})
	}
}

// A change of one of several layers leaves the cached files of the others as they are.
func TestCacheKeepsTheLayersWithoutAChange(t *testing.T) {
	c := newCached(t)
	c.useMany(t, 60, 200)
	c.build(t, true)
	before := c.contents(t)
	if len(before) < 3 {
		t.Fatalf("%d layers in the cache", len(before))
	}
	c.build(t, true)
	if after := c.contents(t); !slices.EqualFunc(before, after, bytes.Equal) {
		t.Error("a build without a change has other layers in the cache")
	}
	slugs, err := os.ReadDir(c.src)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, slugs[0].Name()+"/notes.md", "changed\n")
	want := c.build(t, false)
	if got := c.build(t, true); got != want {
		t.Errorf("digest %s with the cache, and %s without", got, want)
	}
	changed := 0
	for i, data := range c.contents(t) {
		if !bytes.Equal(data, before[i]) {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d layers of the cache changed", changed)
	}
}

func (c *cached) contents(t *testing.T) (list [][]byte) {
	t.Helper()
	for _, file := range c.files(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, data)
	}
	return list
}

// A damaged layer is reported, and replaced by the right one.
func TestDamagedCacheIsReplaced(t *testing.T) {
	c := newCached(t)
	want := c.build(t, true)
	files := c.files(t)
	if len(files) != 1 {
		t.Fatalf("cached layers: %q", files)
	}
	whole := c.contents(t)[0]
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-1] ^= 1
	if err := os.WriteFile(files[0], damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.build(t, true); got != want {
		t.Errorf("digest %s instead of %s", got, want)
	}
	if len(c.notes) != 1 || !strings.Contains(c.notes[0], "damaged") {
		t.Errorf("notes %q", c.notes)
	}
	if !bytes.Equal(c.contents(t)[0], whole) {
		t.Error("the layer was not replaced")
	}
}

// What cannot be kept is a note.
func TestCacheThatCannotBeWritten(t *testing.T) {
	c := newCached(t)
	if err := os.WriteFile(filepath.Join(c.dir, "layers"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "CACHEDIR.TAG"), []byte("Signature: 8a477f597d28d172789f06886806bc55\n"+
		"# This directory is a cache of workspaces-release, version 1. It is safe to delete.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := c.build(t, false)
	if got := c.build(t, true); got != want {
		t.Errorf("digest %s instead of %s", got, want)
	}
	if !slices.ContainsFunc(c.notes, func(n string) bool { return strings.Contains(n, "not kept for the next build") }) {
		t.Errorf("notes %q", c.notes)
	}
}

// The layers of a release that is refused do not get into the cache: they may hold a secret.
func TestRefusedReleaseIsNotCached(t *testing.T) {
	c := newCached(t)
	c.write(t, "crm/index.yml", "name: [\n")
	var err error
	if c.opts.Cache, err = cache.Open(c.dir, key); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.fixture.build(t, t.Context()); err == nil {
		t.Fatal("the release was not refused")
	}
	if files := c.files(t); len(files) > 0 {
		t.Errorf("cached layers: %q", files)
	}
}

// Without a key, the directory holds no layers, and a layer that somebody puts there is not read.
func TestCacheWithoutAKeyHoldsNoLayers(t *testing.T) {
	c := newCached(t)
	want := c.build(t, true)
	planted := c.files(t)
	if len(planted) != 1 {
		t.Fatalf("cached layers: %q", planted)
	}
	var err error
	if c.opts.Cache, err = cache.Open(c.dir, secret.Value{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(planted[0], []byte("anything"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.mustBuild(t).Digest; got != want {
		t.Errorf("digest %s instead of %s", got, want)
	}
	if data := c.contents(t); len(data) != 1 || string(data[0]) != "anything" {
		t.Errorf("a cache without a key has %d layers", len(data))
	}
	if len(c.notes) > 0 {
		t.Errorf("notes: %q", c.notes)
	}
}

// Builds of different sources that share a directory at the same time replace the entries of each
// other. Each makes its own image.
func TestTwoBuildsShareACache(t *testing.T) {
	const builds = 2
	var sharing [builds]*cached
	var want [builds]digest.Digest
	dir := t.TempDir()
	for i := range sharing {
		c := newCached(t)
		c.dir = dir
		c.opts.BaseRef = "" // so that the images differ in their workspaces alone
		c.write(t, "crm/notes.md", strings.Repeat("notes\n", 1000*(i+1)))
		want[i] = c.build(t, false)
		sharing[i] = c
	}
	if want[0] == want[1] {
		t.Fatal("both sources make the same image")
	}
	for range 3 {
		var running sync.WaitGroup
		for i, c := range sharing {
			running.Go(func() {
				if got := c.build(t, true); got != want[i] {
					t.Errorf("build %d: digest %s instead of %s", i, got, want[i])
				}
			})
		}
		running.Wait()
	}
	for i, c := range sharing {
		if len(c.notes) > 0 {
			t.Errorf("build %d: notes %q", i, c.notes)
		}
	}
}
