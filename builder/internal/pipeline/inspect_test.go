// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// handmade is a release image that was not built by the builder.
type handmade struct {
	// manifest is the content of the manifest file; label is its digest in the image's label.
	manifest []byte
	label    string
	// workspaces is the content of the other file, if the manifest is split.
	workspaces []byte
	// layer replaces the last layer, which contains the manifest.
	layer []byte
	// bare leaves the workspaces out.
	bare bool
	// architecture defaults to amd64.
	architecture string
}

// workspacesLayer represents the workspaces. The tests use only its digest.
const workspacesLayer = "workspaces"

// validManifest returns a manifest of an image of [workspacesLayer].
func validManifest(name string) *release.Manifest {
	return &release.Manifest{
		SchemaVersion: release.SchemaVersion, Name: name, Created: time.Unix(0, 0).UTC(),
		Repository: release.Repository{ID: "release", Name: "Release", Directory: "/www/workspaces"},
		Layer: release.Layer{Digest: digest.FromString(workspacesLayer), DiffID: digest.FromString(workspacesLayer),
			Size: 1},
	}
}

// encodedManifest returns the bytes of a valid manifest in one document.
func encodedManifest(t *testing.T, name string) []byte {
	t.Helper()
	data, err := release.Encode(validManifest(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// splitManifest returns the files of a valid manifest.
func splitManifest(t *testing.T, name string) release.Files {
	t.Helper()
	files, err := release.Split(validManifest(name))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (h handmade) image(t *testing.T) v1.Image {
	t.Helper()
	if h.layer == nil {
		h.layer = tarball(t, file{"www/release/", nil}, file{"www/release/manifest.json", h.manifest})
	}
	if h.architecture == "" {
		h.architecture = "amd64"
	}
	layers := []v1.Layer{registrytest.Layer(workspacesLayer)}
	if h.workspaces != nil {
		below := tarball(t, file{workspacesName, h.workspaces})
		layers = append(layers, static.NewLayer(below, types.OCILayer))
	}
	layers = append(layers, static.NewLayer(h.layer, types.OCILayer))
	if h.bare {
		layers = layers[1:]
	}
	img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		types.OCIConfigJSON), layers...)
	if err != nil {
		t.Fatal(err)
	}
	return registrytest.Configure(t, img, func(config *v1.ConfigFile) {
		config.OS, config.Architecture = "linux", h.architecture
		if h.label != "" {
			config.Config.Labels = map[string]string{release.LabelManifestDigest: h.label}
		}
	})
}

type file struct {
	name string
	data []byte
}

// tarball returns a compressed tar. A name that ends with a slash is a directory.
func tarball(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, f := range files {
		if err := archive.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sum returns the value of the label for the bytes of a manifest.
func sum(data []byte) string { return digest.FromBytes(data).String() }

func TestInspectReadsAReleaseOfAnyTool(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	for _, files := range []release.Files{{Manifest: encodedManifest(t, "v1")}, splitManifest(t, "v1")} {
		built := handmade{manifest: files.Manifest, label: sum(files.Manifest), workspaces: files.Workspaces}
		pushed := reg.PushImage(t, "release:1", built.image(t))
		inspected, err := pipeline.Inspect(t.Context(), client(t, nil), pushed.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if inspected.Manifest.Name != "v1" || inspected.Digest.String() != pushed.Digest.String() ||
			inspected.Image != pushed.Ref {
			t.Errorf("inspected %+v", inspected)
		}
		if diff := cmp.Diff([]string{"linux/amd64"}, inspected.Platforms); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(files, inspected.Files); diff != "" {
			t.Error(diff)
		}
	}
}

func TestInspectRefusesWhatIsNotWhole(t *testing.T) {
	good := encodedManifest(t, "v1")
	invalid := bytes.Replace(good, []byte(`"id":"release"`), []byte(`"id":""`), 1)
	newer := bytes.Replace(good, []byte(`"schemaVersion":1`), []byte(`"schemaVersion":3`), 1)
	split := splitManifest(t, "v1")
	other := bytes.Replace(split.Workspaces, []byte(`"size":1`), []byte(`"size":2`), 1)
	huge := make([]byte, release.MaxSize+1)
	tests := map[string]struct {
		image handmade
		want  string
	}{
		"no label":                  {handmade{manifest: good}, "is not a release image"},
		"tampered with":             {handmade{manifest: good, label: sum([]byte("other"))}, "the image's label says"},
		"label that is no digest":   {handmade{manifest: good, label: "x"}, "the image's label says"},
		"without its workspaces":    {handmade{manifest: good, label: sum(good), bare: true}, "does not hold the workspaces"},
		"another last layer":        {handmade{layer: tarball(t, file{"etc/passwd", []byte("x")}), label: sum(good)}, "its layer does not contain it"},
		"a last layer that is none": {handmade{layer: []byte("not gzip at all"), label: sum(good)}, "read layer: "},
		"a last layer cut short":    {handmade{layer: tarball(t, file{"www/release/manifest.json", good})[:60], label: sum(good)}, "EOF"},
		"not JSON":                  {handmade{manifest: []byte("{"), label: sum([]byte("{"))}, "decode release manifest"},
		"not valid":                 {handmade{manifest: invalid, label: sum(invalid)}, "invalid release manifest"},
		"a newer schema":            {handmade{manifest: newer, label: sum(newer)}, "schema version 3"},
		"other workspaces":          {handmade{manifest: split.Manifest, label: sum(split.Manifest), workspaces: other}, "the manifest names one with digest"},
		"no workspaces":             {handmade{manifest: split.Manifest, label: sum(split.Manifest)}, "manifest.workspaces.json"},
		"no layer of workspaces":    {handmade{manifest: split.Manifest, label: sum(split.Manifest), bare: true}, "no layer below that of the manifest"},
		"huge workspaces":           {handmade{manifest: split.Manifest, label: sum(split.Manifest), workspaces: huge}, "it is larger than"},
		"a huge manifest":           {handmade{manifest: huge, label: sum(huge)}, "it is larger than"},
		"a bomb before it": {handmade{layer: tarball(t, file{"a", huge}, file{"b", huge}, file{"www/release/manifest.json", good}), label: sum(good)},
			"the unpacked layer is larger than"},
	}
	reg := registrytest.New(t, registrytest.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pushed := reg.PushImage(t, "release:1", test.image.image(t))
			_, err := pipeline.Inspect(t.Context(), client(t, nil), pushed.Ref)
			var failure *pipeline.Error
			if !errors.As(err, &failure) || failure.Kind != pipeline.Invalid {
				t.Fatalf("error %v instead of one of kind %d", err, pipeline.Invalid)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), pushed.Ref) {
				t.Errorf("error %q does not say %q of %s", err, test.want, pushed.Ref)
			}
		})
	}
}

func TestInspectWantsTheSameReleaseForAllPlatforms(t *testing.T) {
	one, two := encodedManifest(t, "v1"), encodedManifest(t, "v2")
	same := handmade{manifest: one, label: sum(one), architecture: "arm64"}
	other := handmade{manifest: two, label: sum(two), architecture: "arm64"}
	lying := handmade{manifest: two, label: sum(one), architecture: "arm64"}
	tests := map[string]struct {
		second handmade
		want   string
	}{
		"the same":          {same, ""},
		"another":           {other, "different releases"},
		"another, labelled": {lying, "different releases"},
		"none":              {handmade{manifest: one, architecture: "arm64"}, "not a release image"},
		"no workspaces":     {handmade{manifest: one, label: sum(one), architecture: "arm64", bare: true}, "does not hold the workspaces"},
	}
	reg := registrytest.New(t, registrytest.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var index v1.ImageIndex = empty.Index
			for _, h := range []handmade{{manifest: one, label: sum(one)}, test.second} {
				index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: h.image(t)})
			}
			_, err := pipeline.Inspect(t.Context(), client(t, nil), reg.PushIndex(t, "release:1", index).Ref)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// A layer too large to contain a manifest is not even requested.
func TestInspectDoesNotReadLargeLayers(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	large := make([]byte, release.MaxSize+1)
	pushed := reg.PushImage(t, "release:1", handmade{layer: large, label: sum(large)}.image(t))
	_, err := pipeline.Inspect(t.Context(), client(t, nil), pushed.Ref)
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
	for _, r := range reg.Requests() {
		if strings.HasSuffix(r.Path, sum(large)) {
			t.Errorf("it was asked for: %v", r)
		}
	}
}

func TestInspectTellsAFailureOfTheRegistry(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	_, err := pipeline.Inspect(t.Context(), client(t, nil), reg.Ref("nosuch:1"))
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Kind != pipeline.Registry {
		t.Errorf("error %v", err)
	}
}
