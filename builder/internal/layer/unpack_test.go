// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

var withParents = layer.Options{Directory: "/www/workspaces", Parents: true}

// unusual returns files whose names are difficult for unpackers.
func unusual() map[string][]byte {
	files := small()
	files["-rf"] = []byte("a leading dash")
	files["hr/Réponses 日本語.yml"] = []byte("not ASCII")
	files[`hr/back\slash`] = []byte("a backslash")
	files[strings.Repeat("d", 120)+"/"+strings.Repeat("f", 150)] = []byte("long")
	return files
}

func TestUnpackWithTar(t *testing.T) {
	_, blob := write(t, withParents, unusual())
	file, dir := filepath.Join(t.TempDir(), "layer.tar.gz"), t.TempDir()
	if err := os.WriteFile(file, blob, 0o600); err != nil {
		t.Fatal(err)
	}
	foreigntest.Run(t, "tar", "--extract", "--gzip", "--same-permissions", "--no-same-owner", "--file", file,
		"--directory", dir)
	want := unusual()
	want[".wh..wh..opq"] = nil
	checkUnpacked(t, filepath.Join(dir, "www/workspaces"), want)
}

// The whiteout hides the files of a lower layer, and nothing outside of its directory.
func TestUnpackImageOnTopOfAnEarlierRelease(t *testing.T) {
	other := withParents
	other.Directory = "/www/services"
	earlier, earlierBlob := write(t, withParents, map[string][]byte{"old/index.yml": []byte("name: Old\n"),
		"hr/old.yml": nil})
	services, servicesBlob := write(t, other, map[string][]byte{"index.js": []byte("kept")})
	ours, blob := write(t, options, unusual())

	dir := t.TempDir()
	writeLayout(t, dir, []layer.Layer{earlier, services, ours}, [][]byte{earlierBlob, servicesBlob, blob})
	rootfs := filepath.Join(t.TempDir(), "rootfs")
	foreigntest.Run(t, "umoci", "raw", "unpack", "--rootless", "--image", dir+":v1", rootfs)
	checkUnpacked(t, filepath.Join(rootfs, "www/workspaces"), unusual())
	checkUnpacked(t, filepath.Join(rootfs, "www/services"), map[string][]byte{"index.js": []byte("kept")})
}

// checkUnpacked compares a directory with the files that were written, and checks modes and times.
func checkUnpacked(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() {
			mode = fs.ModeDir | 0o755
		}
		if info.Mode() != mode || info.ModTime().Unix() != layer.ModTime {
			t.Errorf("%s has mode %s and time %s", name, info.Mode(), info.ModTime())
		}
		if d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(name)
		got[strings.TrimPrefix(name, dir+"/")] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, data := range want {
		texts[name] = string(data)
	}
	if diff := cmp.Diff(texts, got); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
}

// writeLayout writes an OCI layout with one image, tagged v1, that consists of the layers.
func writeLayout(t *testing.T, dir string, layers []layer.Layer, blobs [][]byte) {
	t.Helper()
	blobDir := filepath.Join(dir, ocispec.ImageBlobsDir, "sha256")
	if err := os.MkdirAll(blobDir, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(mediaType string, data []byte) ocispec.Descriptor {
		sum := digest.FromBytes(data)
		if err := os.WriteFile(filepath.Join(blobDir, sum.Encoded()), data, 0o600); err != nil {
			t.Fatal(err)
		}
		return ocispec.Descriptor{MediaType: mediaType, Digest: sum, Size: int64(len(data))}
	}
	config := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"},
		RootFS: ocispec.RootFS{Type: "layers"}}
	manifest := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	for i, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.DiffID)
		manifest.Layers = append(manifest.Layers, put(ocispec.MediaTypeImageLayerGzip, blobs[i]))
	}
	manifest.Config = put(ocispec.MediaTypeImageConfig, encode(t, config))
	image := put(ocispec.MediaTypeImageManifest, encode(t, manifest))
	image.Annotations = map[string]string{ocispec.AnnotationRefName: "v1"}
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []ocispec.Descriptor{image}}
	for name, value := range map[string]any{ocispec.ImageIndexFile: index,
		ocispec.ImageLayoutFile: ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}} {
		if err := os.WriteFile(filepath.Join(dir, name), encode(t, value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
