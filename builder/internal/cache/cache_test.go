// SPDX-License-Identifier: AGPL-3.0-or-later

package cache

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// key seals the caches of the tests.
var key = secret.New("a key")

const blob = "compressed bytes of a layer"

func describe() *Layer {
	return &Layer{
		Layer: layer.Layer{
			Digest: digest.FromString(blob), DiffID: digest.FromString("tar"), Size: int64(len(blob)),
			Unpacked: 4096, Files: 2, Bytes: 5,
		},
		Files: []File{
			{Path: "crm/index.yml", Size: 2, Sum: digest.FromString("ab")},
			{Path: "mail/index.yml", Size: 3, Sum: digest.FromString("cde")},
		},
	}
}

func open(t *testing.T, dir string, seal secret.Value) *Cache {
	t.Helper()
	c, err := Open(dir, seal)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func store(t *testing.T, c *Cache, key Key) {
	t.Helper()
	if err := c.Store(key, describe(), bytes.NewReader([]byte(blob))); err != nil {
		t.Fatal(err)
	}
}

func TestLayerIsLoadedAsItWasStored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "cache")
	store(t, open(t, dir, key), Key{1})
	c := open(t, dir, key)
	var got bytes.Buffer
	l, err := c.Load(Key{1}, &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != blob {
		t.Errorf("blob %q", got.String())
	}
	if diff := cmp.Diff(describe(), l); diff != "" {
		t.Error(diff)
	}
	if l, err := c.Load(Key{2}, io.Discard); l != nil || err != nil {
		t.Errorf("another key has %+v, %v", l, err)
	}
}

// A change of any byte of a cached layer makes it unusable.
func TestDamagedLayerIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, key)
	store(t, c, Key{1})
	file := filepath.Join(dir, Key{1}.path())
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		checkRefused(t, c, file, damaged)
	}
	for n := range whole {
		checkRefused(t, c, file, whole[:n])
	}
	checkRefused(t, c, file, append(bytes.Clone(whole), 0))
}

func checkRefused(t *testing.T, c *Cache, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := c.Load(Key{1}, io.Discard); l != nil || err == nil {
		t.Errorf("a damaged file of %d bytes was loaded: %+v", len(content), l)
	}
}

// A layer that was stored under another key, or for another layer, is refused.
func TestForgedLayerIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	store(t, open(t, dir, secret.New("another key")), Key{1})
	c := open(t, dir, key)
	if l, err := c.Load(Key{1}, io.Discard); l != nil || err == nil {
		t.Errorf("a layer with another seal was loaded: %+v", l)
	}
	store(t, c, Key{1})
	if err := os.Rename(filepath.Join(dir, Key{1}.path()), filepath.Join(dir, Key{2}.path())); err != nil {
		t.Fatal(err)
	}
	if l, err := c.Load(Key{2}, io.Discard); l != nil || err == nil {
		t.Errorf("the layer of another key was loaded: %+v", l)
	}
}

// Without a key, anyone who can write to the directory could forge a layer.
func TestCacheWithoutAKeyHoldsNoLayers(t *testing.T) {
	var none *Cache
	c := open(t, t.TempDir(), secret.Value{})
	if c.HoldsLayers() || none.HoldsLayers() || !open(t, t.TempDir(), key).HoldsLayers() {
		t.Error("a cache holds layers without a key, or none with a key")
	}
	if err := c.Store(Key{1}, describe(), bytes.NewReader([]byte(blob))); err == nil {
		t.Error("a layer was stored without a seal")
	}
	if l, err := c.Load(Key{1}, io.Discard); l != nil || err == nil {
		t.Errorf("a layer was loaded without a seal: %+v", l)
	}
}

func TestDirectoryOfSomethingElseIsRefused(t *testing.T) {
	for name, file := range map[string]string{"files": "important.txt", "another version": tagFile, "large tag": tagFile} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			content := []byte("Signature: 8a477f597d28d172789f06886806bc55\n# version 0\n")
			if name == "large tag" {
				content = bytes.Repeat(content, 100)
			}
			if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, secret.Value{}); !errors.Is(err, ErrForeign) {
				t.Errorf("error %v", err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("the directory was changed: %v", entries)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "cache"), secret.Value{}); err == nil {
		t.Error("a cache below a file was opened")
	}
}

// The layers that were used last stay, and nothing but layers and old temporary files goes.
func TestTrimRemovesTheLeastRecentlyUsed(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, key)
	if err := c.Trim(); err != nil {
		t.Fatalf("an empty cache: %v", err)
	}
	old := time.Now().Add(-48 * time.Hour)
	for i := range 4 {
		store(t, c, Key{byte(i)})
		at := old.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir, Key{byte(i)}.path()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Load(Key{0}, io.Discard); err != nil { // the oldest is used again
		t.Fatal(err)
	}
	for name, at := range map[string]time.Time{temporary + "old": old, temporary + "new": time.Now()} {
		path := filepath.Join(dir, layersDirectory, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, Key{0}.path()))
	if err != nil {
		t.Fatal(err)
	}
	c.room = 2 * info.Size()
	if err := c.Trim(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, layersDirectory))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{temporary + "new", filepath.Base(Key{0}.path()), filepath.Base(Key{3}.path())}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKeyDependsOnWhatDecidesTheLayer(t *testing.T) {
	seen := map[Key]string{}
	for name, change := range map[string]func(*layer.Options, *[]string){
		"nothing":   func(*layer.Options, *[]string) {},
		"directory": func(o *layer.Options, _ *[]string) { o.Directory = "/srv" },
		"parents":   func(o *layer.Options, _ *[]string) { o.Parents = true },
		"keep":      func(o *layer.Options, _ *[]string) { o.Keep = true },
		"compression": func(o *layer.Options, _ *[]string) {
			o.Compressor = layer.NewCompressor(layer.Compression{Algorithm: layer.Zstd})
		},
		"workspaces": func(_ *layer.Options, slugs *[]string) { *slugs = []string{"crm"} },
	} {
		opts := layer.Options{Directory: "/www/workspaces"}
		slugs := []string{"crm", "mail"}
		change(&opts, &slugs)
		key, err := NewKey(opts, slugs)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		seen[key] = name
	}
}

func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	c, err := Open(dir, key)
	if err != nil {
		f.Fatal(err)
	}
	if err := c.Store(Key{1}, describe(), bytes.NewReader([]byte(blob))); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, Key{1}.path()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		var got bytes.Buffer
		l, err := c.read(Key{1}, bytes.NewReader(data), &got)
		if err == nil && digest.FromBytes(got.Bytes()) != l.Layer.Digest {
			t.Errorf("the blob is not that of %+v", l)
		}
	})
}
