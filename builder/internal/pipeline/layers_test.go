// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// many returns n workspaces, each with notes of the given size that compress by half.
func many(n, bytes int) workspacetest.Files {
	var samples []workspacetest.Sample
	for i := range n {
		slug := fmt.Sprintf("ws-%04d", i)
		samples = append(samples, workspacetest.Sample{Slug: slug, Groups: []string{"base1"}, Labels: []string{"core"}})
	}
	samples[0].Groups = []string{"base2"}
	samples[0].Labels = nil
	files := workspacetest.Repository(samples...)
	for i, s := range samples {
		noise := make([]byte, bytes/2)
		rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(noise)
		files[s.Slug+"/notes.md"] = hex.EncodeToString(noise)
	}
	return files
}

// useMany uses n workspaces as the source.
func (f *fixture) useMany(t *testing.T, n, bytes int) workspacetest.Files {
	t.Helper()
	files := many(n, bytes)
	f.src = workspacetest.Write(t, files)
	f.read(t, f.src)
	return files
}

// sent counts the bytes of request bodies that reach the registry.
func (f *fixture) sent(t *testing.T, do func()) int64 {
	t.Helper()
	var n atomic.Int64
	f.hook.on(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Body = &countingBody{ReadCloser: r.Body, n: &n}
		return false
	})
	do()
	return n.Load()
}

type countingBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *countingBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// pulled returns the bytes that a node pulls for an image: missing if it already has the blobs of
// the image before, and all if it has none.
func pulled(t *testing.T, ref, before string) (missing, all int64) {
	t.Helper()
	there := blobs(t, pull(t, before, "linux/amd64"))
	for hash, size := range blobs(t, pull(t, ref, "linux/amd64")) {
		all += size
		if _, ok := there[hash]; !ok {
			missing += size
		}
	}
	return missing, all
}

// blobs returns the sizes of the blobs of an image.
func blobs(t *testing.T, img v1.Image) map[v1.Hash]int64 {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[v1.Hash]int64{m.Config.Digest: m.Config.Size}
	for _, l := range m.Layers {
		sizes[l.Digest] = l.Size
	}
	return sizes
}

func TestWorkspacesAreInTheLayersOfTheManifest(t *testing.T) {
	f := newFixture(t)
	files := f.useMany(t, 60, 100)
	built := f.mustBuild(t)
	if n := len(built.Manifest.Layers); n != 4 {
		t.Errorf("%d layers", n)
	}
	for _, platform := range platforms {
		checkLayers(t, pull(t, built.Images[0], platform), built.Manifest)
		if diff := cmp.Diff(files, unpacked(t, built, platform)); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", platform, diff)
		}
	}
}

// checkLayers compares the layers of an image with its manifest.
func checkLayers(t *testing.T, img v1.Image, m *release.Manifest) {
	t.Helper()
	all, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	own := all[len(all)-2-len(m.Layers) : len(all)-2] // the last two are the release manifest
	for i, want := range m.Layers {
		if got, _ := own[i].Digest(); got.String() != want.Digest.String() {
			t.Errorf("layer %d is %s instead of %s", i, got, want.Digest)
		}
		var slugs []string
		hides := false
		for name := range contents(t, own[i]) {
			slug, rest, _ := strings.Cut(strings.TrimPrefix(name, "/www/workspaces/"), "/")
			if slug == ".wh..wh..opq" {
				hides = true
			} else if rest == "index.yml" {
				slugs = append(slugs, slug)
			}
		}
		slices.Sort(slugs)
		if !slices.Equal(slugs, want.Workspaces) || hides != (i == 0) {
			t.Errorf("layer %d holds %v and hides what is below: %v; the manifest says %v", i, slugs, hides, want.Workspaces)
		}
	}
}

// All readers of images support several layers.
func TestSeveralLayersAreReadBack(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 40, 100)
	first := f.mustBuild(t)
	if len(first.Manifest.Layers) < 2 {
		t.Fatalf("layers %+v", first.Manifest.Layers)
	}
	for _, ref := range []string{f.reg.Ref("out:v1"), "oci-layout://" + filepath.Join(f.out, "image.tar")} {
		inspected, err := pipeline.Inspect(t.Context(), f.opts.Registry, ref)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first.Manifest, inspected.Manifest); diff != "" {
			t.Errorf("%s: manifest (-built +read):\n%s", ref, diff)
		}
		if r := f.verify(t, ref); len(r.Problems)+len(r.Unproven) > 0 {
			t.Errorf("%s: %+v", ref, r)
		}
	}
	older := f.reg.Ref("out:v1")
	f.write(t, "ws-0007/notes.md", "other notes\n")
	r, err := f.diff(t, older, f.src)
	if err != nil || len(r.Workspaces) != 1 || r.Unchanged != 39 {
		t.Fatalf("difference %+v: %v", r, err)
	}
	if w := r.Workspaces[0]; w.Slug != "ws-0007" || len(w.Files) != 1 {
		t.Errorf("difference %+v", w)
	}
}

// A directory and a Git repository with the same workspaces produce the same layers.
func TestLayersAreTheSameFromGit(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 40, 100)
	f.opts.DryRun = true
	epoch := time.Unix(1700000000, 0)
	f.opts.Epoch = &epoch
	directory := f.mustBuild(t)
	commit(t, f.src, time.Unix(1600000000, 0))
	f.read(t, "file://"+filepath.ToSlash(f.src))
	if diff := cmp.Diff(directory.Manifest.Layers, f.mustBuild(t).Manifest.Layers); diff != "" {
		t.Errorf("layers (-directory +Git):\n%s", diff)
	}
}

func TestKeptWorkspacesStayBelowSeveralLayers(t *testing.T) {
	f := onProducts(t, vendorLayer(t, products()))
	want := f.useMany(t, 40, 100)
	built := f.mustBuild(t)
	maps.Copy(want, products())
	if diff := cmp.Diff(want, unpacked(t, built, platforms[0])); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(built.Manifest.Layers) < 2 {
		t.Errorf("layers %+v", built.Manifest.Layers)
	}
	for _, l := range built.Manifest.Layers {
		if slices.Contains(l.Workspaces, "store") {
			t.Errorf("workspaces of the base are in layer %+v", l)
		}
	}
	if r := f.verify(t, built.Images[0]); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
	if r, err := f.diff(t, built.Images[0], built.Images[0]); err != nil || r.Differ {
		t.Errorf("%+v: %v", r, err)
	}
}

// A base with many layers leaves room for fewer layers of the release.
func TestBaseWithManyLayers(t *testing.T) {
	for _, test := range []struct {
		below, workspaces, layers int
		warned                    bool
	}{
		{below: 3, workspaces: 60, layers: 4},
		{below: 119, workspaces: 60, layers: 4},
		{below: 121, workspaces: 60, layers: 2, warned: true},
		{below: 123, workspaces: 60, layers: 1, warned: true},
		{below: 122, workspaces: 24, layers: 1},
		{below: 123, workspaces: 24, layers: 1, warned: true},
		{below: 130, workspaces: 60, layers: 1, warned: true},
	} {
		t.Run(fmt.Sprintf("%d workspaces on %d layers", test.workspaces, test.below), func(t *testing.T) {
			f := newFixture(t)
			f.useMany(t, test.workspaces, 100)
			f.opts.BaseRef = f.reg.PushBase(t, "deep:1", registrytest.Base{Layers: layers(test.below)}).Ref
			f.opts.DryRun = test.below != 121 // only one case pushes
			var notes []string
			f.opts.Input.Source.Notify = func(note string) { notes = append(notes, note) }
			built := f.mustBuild(t)
			if got := len(built.Manifest.Layers); got != test.layers {
				t.Errorf("%d layers, want %d", got, test.layers)
			}
			warned := slices.ContainsFunc(notes, func(n string) bool {
				return strings.Contains(n, fmt.Sprintf("the base has %d layers", test.below))
			})
			if warned != test.warned {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// A release on top of a release hides all layers of the latter.
func TestReleaseOnSeveralLayersReplacesThem(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 40, 100)
	f.opts.BaseRef = f.mustBuild(t).Images[0]
	f.opts.Release = "v2"
	f.opts.Outputs = []engine.Output{{Kind: engine.Push, Names: []string{f.reg.Ref("out:v2")}}}
	want := f.useMany(t, 20, 200)
	built := f.mustBuild(t)
	built.Images[0] = strings.TrimSuffix(built.Images[0], ":v2") + ":v1" // unpacked uses the digest
	if diff := cmp.Diff(want, unpacked(t, built, platforms[0])); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestOneOfManyWorkspacesChanges counts bytes: if one of 1,000 workspaces changes, at most a
// twentieth of the release is transferred, even if the workspace is in the largest layer.
func TestOneOfManyWorkspacesChanges(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 1000, 30_000)
	f.opts.Attest = attest.Kinds{}
	f.opts.Outputs = []engine.Output{{Kind: engine.Push, Names: []string{f.reg.Ref("out:v1")}}}
	var first *report.Build
	all := f.sent(t, func() { first = f.mustBuild(t) })

	largest := slices.MaxFunc(first.Manifest.Layers, func(a, b release.ContentLayer) int {
		return len(a.Workspaces) - len(b.Workspaces)
	})
	f.write(t, largest.Workspaces[0]+"/notes.md", "changed\n")
	f.opts.Release = "v2"
	f.opts.Outputs[0].Names[0] = f.reg.Ref("out:v2")
	sent := f.sent(t, func() { f.mustBuild(t) })
	received, whole := pulled(t, f.reg.Ref("out:v2"), f.reg.Ref("out:v1"))
	t.Logf("one workspace changed: %d of %d bytes sent (%.1f %%), %d of %d pulled (%.1f %%)",
		sent, all, percent(sent, all), received, whole, percent(received, whole))
	if percent(sent, all) > 5 || percent(received, whole) > 5 {
		t.Error("more than 5 % travels")
	}
}

func percent(part, whole int64) float64 { return 100 * float64(part) / float64(whole) }

// TestNothingButTheCommitChanges counts bytes: unchanged content is not sent.
func TestNothingButTheCommitChanges(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 300, 3000)
	commit(t, f.src, time.Unix(1700000000, 0))
	f.opts.Release = ""
	f.opts.Attest = attest.Kinds{}
	f.opts.Platforms = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	f.opts.Outputs = []engine.Output{{Kind: engine.Push, Names: []string{f.reg.Ref("out:v1")}}}
	first := f.mustBuild(t)
	recommit(t, f.src, time.Unix(1700001000, 0))
	f.opts.Outputs[0].Names[0] = f.reg.Ref("out:v2")
	var second *report.Build
	sent := f.sent(t, func() { second = f.mustBuild(t) })
	if first.Digest == second.Digest || first.Manifest.Source.Commit == second.Manifest.Source.Commit {
		t.Fatal("the commit is the same")
	}
	received, whole := pulled(t, f.reg.Ref("out:v2"), f.reg.Ref("out:v1"))
	t.Logf("nothing but the commit changed: %d bytes sent, %d of %d pulled", sent, received, whole)
	if sent > 30_000 || received > 30_000 {
		t.Error("more than 30 kB travels")
	}
}
