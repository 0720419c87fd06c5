// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcr "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

func ociImage(t *testing.T, layer string) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64",
		RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, registrytest.Layer(layer)); err != nil {
		t.Fatal(err)
	}
	return img
}

// writeLayout writes a layout with a second implementation: tag → image.
func writeLayout(t *testing.T, tagged ...any) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	path, err := ggcr.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(tagged); i += 2 {
		tag := ggcr.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tagged[i].(string)})
		if err := path.AppendImage(tagged[i+1].(v1.Image), tag); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func tarOf(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOpenLayout(t *testing.T) {
	one, two := ociImage(t, "layer of one"), ociImage(t, "layer of two")
	digest, err := two.Digest()
	if err != nil {
		t.Fatal(err)
	}
	single, several := writeLayout(t, "v1", one), writeLayout(t, "v1", one, "v2", two)
	colon := filepath.Join(t.TempDir(), "a:b")
	if err := os.Rename(writeLayout(t, "v1", one), colon); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, Options{})
	for _, tt := range []struct{ name, ref, want string }{
		{"directory", single, "layer of one"},
		{"directory and tag", several + ":v2", "layer of two"},
		{"directory and digest", several + "@" + digest.String(), "layer of two"},
		{"path with colon", colon, "layer of one"},
		{"tar", tarOf(t, single), "layer of one"},
		{"tar and tag", tarOf(t, several) + ":v1", "layer of one"},
		{"tar, tag and digest", tarOf(t, several) + ":v2@" + digest.String(), "layer of two"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			img := resolve(t, c, LayoutScheme+tt.ref)
			if diff := cmp.Diff([]string{"linux/amd64"}, img.Platforms()); diff != "" {
				t.Errorf("platforms (-want +got):\n%s", diff)
			}
			r, err := img.OpenBlob(t.Context(), img.Manifests[0].Manifest.Layers[0])
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != tt.want {
				t.Errorf("layer %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestOpenLayoutRefuses(t *testing.T) {
	one, two := ociImage(t, "one"), ociImage(t, "two")
	several := writeLayout(t, "v1", one, "v2", two)
	damaged := writeLayout(t, "v1", one)
	blobs, err := filepath.Glob(filepath.Join(damaged, "blobs", "sha256", "*"))
	if err != nil || len(blobs) == 0 {
		t.Fatal("no blobs", err)
	}
	for _, b := range blobs {
		data, err := os.ReadFile(b)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(b, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	escaping := writeLayout(t, "v1", one)
	secret := writeFile(t, "index.json", "{}")
	if err := errors.Join(os.Remove(filepath.Join(escaping, "index.json")),
		os.Symlink(secret, filepath.Join(escaping, "index.json"))); err != nil {
		t.Fatal(err)
	}
	fifo := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(fifo, "index.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	huge := writeLayout(t, "v1", one)
	if err := os.WriteFile(filepath.Join(huge, "index.json"), make([]byte, MaxDocument+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, ref string
		kind      Kind
		want      string
	}{
		{"absent", filepath.Join(t.TempDir(), "absent"), NotFound, "absent"},
		{"several images", several, Invalid, "PATH:TAG"},
		{"no such tag", several + ":v3", NotFound, "no such image"},
		{"no layout", t.TempDir(), NotFound, "not an OCI layout"},
		{"no tar", writeFile(t, "x.tar", strings.Repeat("x", 2000)), Invalid, "as a tar file"},
		{"damaged", damaged, Invalid, "content has digest"},
		{"symlink out of it", escaping, Invalid, "escapes"},
		{"FIFO", fifo, Invalid, "not a regular file"},
		{"huge index", huge, Invalid, "larger than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := OpenLayout(t.Context(), tt.ref)
			wantError(t, err, tt.kind, tt.want)
		})
	}
}

func TestReadBlobLimit(t *testing.T) {
	img := resolve(t, newClient(t, Options{}), LayoutScheme+writeLayout(t, "v1", ociImage(t, "twelve bytes")))
	desc := img.Manifests[0].Manifest.Layers[0]
	if _, err := img.ReadBlob(t.Context(), desc, 12); err != nil {
		t.Error(err)
	}
	_, err := img.ReadBlob(t.Context(), desc, 11)
	wantError(t, err, Invalid, "larger than 11 bytes")
	desc.Size = 5 // a descriptor that lies
	_, err = img.ReadBlob(t.Context(), desc, 11)
	wantError(t, err, Invalid, "larger than 5 bytes")
}

func FuzzIndexTar(f *testing.F) {
	f.Add([]byte("not a tar"))
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := indexTar(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for name, e := range entries {
			if e.offset < 0 || e.size < 0 || e.offset > int64(len(data)) {
				t.Errorf("%q lies outside of the file: %+v", name, e)
			}
		}
	})
}

func FuzzSplitLayoutName(f *testing.F) {
	f.Add("dir:tag@sha256:" + strings.Repeat("0", 64))
	f.Add("a/b:c/d")
	f.Fuzz(func(t *testing.T, name string) {
		file, tag, want := splitLayoutName(name)
		joined := file
		if tag != "" || strings.HasPrefix(strings.TrimPrefix(name, file), ":") {
			joined += ":" + tag
		}
		if want != "" {
			joined += "@" + want.String()
		}
		if joined != name {
			t.Errorf("%q became %q, %q, %q", name, file, tag, want)
		}
	})
}
