// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// tarLayer returns a layer that can be unpacked.
func tarLayer(t *testing.T, files map[string]string) v1.Layer {
	t.Helper()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(plain.Bytes())), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// tree reads all files below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Foreign tools read a release on top of a release: skopeo copies it, umoci unpacks it, and the
// result has exactly the new workspaces and the services of the base.
func TestForeignToolsUnpackReleaseOnRelease(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base := reg.PushBase(t, "prismeai-workspaces:v1", registrytest.Base{
		Platforms: []string{"linux/amd64", "linux/arm64"},
		Env:       []string{"NODE_ENV=production"}, Labels: map[string]string{"vendor": "prisme.ai"}, User: "1000",
		Layers: []v1.Layer{tarLayer(t, map[string]string{
			"www/services/index.js": "serve()\n",
			"www/workspaces/.keep":  "",
		})},
	}).Ref
	src := workspaces(t)
	build := func(base, tag string) {
		builder(t, nil, "build", src, "--base", base, "-t", reg.Ref("release:"+tag), "--push", "--release", tag,
			"--progress", "quiet").run(t, 0)
	}
	build(base, "v1")
	if err := os.RemoveAll(filepath.Join(src, "back-office-portal")); err != nil {
		t.Fatal(err)
	}
	build(reg.Ref("release:v1"), "v2")

	layout := filepath.Join(t.TempDir(), "layout")
	foreigntest.Skopeo(t, "copy", "--src-tls-verify=false", "--override-arch", "arm64",
		"docker://"+reg.Ref("release:v2"), "oci:"+layout+":v2")
	rootfs := filepath.Join(t.TempDir(), "rootfs")
	foreigntest.Run(t, "umoci", "raw", "unpack", "--rootless", "--image", layout+":v2", rootfs)
	want := map[string]string{"www/services/index.js": "serve()\n"}
	for path, text := range tree(t, src) {
		if strings.Contains(path, "/") { // files at the top do not belong to a workspace
			want["www/workspaces/"+path] = text
		}
	}
	got := tree(t, rootfs)
	manifest := got[strings.TrimPrefix(release.ManifestPath, "/")]
	for _, name := range []string{release.ManifestPath, release.WorkspacesPath(release.ManifestPath)} {
		if _, ok := got[strings.TrimPrefix(name, "/")]; !ok {
			t.Errorf("there is no %s", name)
		}
		delete(got, strings.TrimPrefix(name, "/"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
	checkInspected(t, reg, manifest)
}

// checkInspected compares the output of skopeo with the release manifest in the image.
func checkInspected(t *testing.T, reg *registrytest.Server, manifest string) {
	t.Helper()
	var image struct {
		Digest string
		Labels map[string]string
		Env    []string
		Layers []string
	}
	out := foreigntest.Skopeo(t, "inspect", "--tls-verify=false", "docker://"+reg.Ref("release:v2"))
	if err := json.Unmarshal(out, &image); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"org.opencontainers.image.version":   "v2",
		"org.opencontainers.image.base.name": reg.Ref("release:v1"),
		"vendor":                             "prisme.ai",
		release.LabelManifestDigest:          digest.FromString(manifest).String(),
		release.LabelGroups:                  "base1,base2,extended",
	} {
		if got := image.Labels[key]; got != want {
			t.Errorf("label %s is %q instead of %q", key, got, want)
		}
	}
	wantEnv := []string{
		"NODE_ENV=production",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=Release v2",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_TYPE=filesystem",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH=/www/workspaces",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_MODE=read-only",
	}
	if diff := cmp.Diff(wantEnv, image.Env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if want := reg.Descriptor(t, "release:v2").Digest.String(); image.Digest != want {
		t.Errorf("digest %s instead of %s", image.Digest, want)
	}
}

// All platforms survive a copy to another registry by a program that verifies every digest.
func TestForeignToolsCopyAllPlatforms(t *testing.T) {
	reg, mirror := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	builder(t, nil, "build", workspaces(t), "--base", pushBase(t, reg), "-t", reg.Ref("release:v1"), "--push",
		"--progress", "quiet").run(t, 0)
	foreigntest.Skopeo(t, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
		"docker://"+reg.Ref("release:v1"), "docker://"+mirror.Ref("copy:v1"))
	if want, got := reg.Descriptor(t, "release:v1").Digest, mirror.Descriptor(t, "copy:v1").Digest; want != got {
		t.Errorf("the copy has digest %s instead of %s", got, want)
	}
}

// docker load and OCI tools accept the files that the builder writes.
func TestForeignToolsReadFiles(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	dir := t.TempDir()
	docker, oci, sum := filepath.Join(dir, "docker.tar"), filepath.Join(dir, "oci.tar"), filepath.Join(dir, "digest")
	builder(t, nil, "build", workspaces(t), "--base", pushBase(t, reg), "-t", "example.com/release:v1", "--platform",
		"linux/amd64", "--release", "v1",
		"--output", "type=docker,dest="+docker, "--output", "type=oci,dest="+oci, "--digest-file", sum,
		"--progress", "quiet").run(t, 0)

	var loaded struct{ Labels map[string]string }
	if err := json.Unmarshal(foreigntest.Skopeo(t, "inspect", "docker-archive:"+docker+":example.com/release:v1"),
		&loaded); err != nil {
		t.Fatal(err)
	}
	if got := loaded.Labels["org.opencontainers.image.version"]; got != "v1" {
		t.Errorf("the docker archive holds version %q", got)
	}
	foreigntest.Skopeo(t, "copy", "docker-archive:"+docker, "dir:"+filepath.Join(dir, "docker"))

	var written struct{ Digest string }
	if err := json.Unmarshal(foreigntest.Skopeo(t, "inspect", "oci-archive:"+oci), &written); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(sum)
	if err != nil || written.Digest != string(want) {
		t.Errorf("the OCI layout holds %s instead of %s (%v)", written.Digest, want, err)
	}
}
