// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// distribution returns the layer of a small distribution with certificates.
func distribution(t *testing.T) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	for _, e := range []entry{
		{name: "bin/", mode: 0o755}, {
			name: "bin/sh",
			mode: 0o755,
			data: []byte("a shell"),
		}, {name: "tmp/", mode: 0o1777},
		{name: "usr/", mode: 0o755}, {name: "usr/local/", mode: 0o755}, {name: "usr/local/bin/", mode: 0o775},
		{name: "etc/", mode: 0o755}, {name: "etc/ssl/", mode: 0o755}, {name: "etc/ssl/certs/", mode: 0o755},
		{name: certificates, mode: 0o644, data: []byte("authorities of the company")},
	} {
		if err := out.WriteHeader(&tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// On a base, the program is in the search path, and all else is the base's.
func TestOnABase(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base := reg.PushBase(t, "distribution:1", registrytest.Base{
		Platforms: []string{"linux/amd64", "linux/arm64"}, Env: []string{"PATH=/usr/local/bin:/bin"},
		Cmd:  []string{"/bin/sh"},
		User: "root", Layers: []v1.Layer{distribution(t)},
	})
	var out bytes.Buffer
	o := testOptions(t, &out, compile(t, repository, "sidecar", runtime.GOARCH))
	o.base, o.registry, o.push = base.Ref, reg.Host()+"/team", true
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if want := reg.Ref("team/sidecar:1.2.3-shell") + "@" +
		reg.Descriptor(t, "team/sidecar:1.2.3-shell").Digest.String() + "\n"; out.String() != want {
		t.Errorf("printed %q instead of %q", out.String(), want)
	}
	archive := filepath.Join(o.dir, "sidecar-shell.oci.tar")
	got := parse[ocispec.Image](t, foreigntest.Skopeo(t, "inspect", "--config", "oci-archive:"+archive))
	if strings.Join(got.Config.Entrypoint, " ") != "/usr/local/bin/sidecar" || got.Config.Cmd != nil ||
		got.Config.User != user ||
		strings.Join(got.Config.Env, " ") != "PATH=/usr/local/bin:/bin" || len(got.History) != len(got.RootFS.DiffIDs) {
		t.Errorf("configuration %+v, history %v", got.Config, got.History)
	}
	if l := got.Config.Labels; l[ocispec.AnnotationBaseImageName] != base.Ref ||
		l[ocispec.AnnotationBaseImageDigest] != base.Digest.String() {
		t.Errorf("labels %v", l)
	}
	rootfs := unpack(t, pull(t, archive, runtime.GOARCH))
	found := modes(t, rootfs)
	for path, mode := range map[string]string{
		"/usr/local/bin":         "drwxrwxr-x",
		"/usr/local/bin/sidecar": "-r-xr-xr-x",
		"/bin/sh":                "-rwxr-xr-x",
	} {
		if !strings.HasPrefix(found[path], mode+" ") {
			t.Errorf("%s is %q instead of %s", path, found[path], mode)
		}
	}
	for _, uid := range users {
		if out := output(t, contained(t, rootfs, uid, "/usr/local/bin/sidecar", "version")); !strings.HasPrefix(out,
			"sidecar "+release+" ") {
			t.Errorf("as %d: %s", uid, out)
		}
	}
	if text := readFile(t, filepath.Join(rootfs, certificates)); text != "authorities of the company" {
		t.Errorf("certificates %.40q", text)
	}
	if bill := readFile(t, filepath.Join(o.dir, "sidecar-shell-linux-"+runtime.GOARCH+
		".spdx.json")); strings.Contains(bill, authoritiesModule) {
		t.Errorf("the bill of materials has certificates that are the base's")
	}
}

func TestBaseWithoutThePlatform(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base := reg.PushBase(t, "distribution:1", registrytest.Base{Platforms: []string{"linux/amd64"}})
	var out bytes.Buffer
	o := testOptions(t, &out, compile(t, repository, "sidecar", "arm64"))
	o.base = base.Ref
	if err := run(t.Context(), o); err == nil ||
		!strings.Contains(err.Error(), base.Ref+" has no image for linux/arm64: choose others with PLATFORMS") {
		t.Errorf("%v", err)
	}
	o.base = reg.Ref("distribution:2")
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), o.base) {
		t.Errorf("%v", err)
	}
}

func TestTags(t *testing.T) {
	for version, want := range map[string]string{
		"v0.1.0": "0.1.0", "0.1.0": "0.1.0", "v0.1.0-3-gabc-dirty": "0.1.0-3-gabc-dirty",
		"2f0eded": "2f0eded", "vnext": "vnext",
	} {
		if got := (&image{version: version}).imageTag(); got != want {
			t.Errorf("%s is tagged %s instead of %s", version, got, want)
		}
	}
}

// The chart's default tag is the image tag of a Git tag.
func TestTagOfTheChart(t *testing.T) {
	chart := readFile(t, filepath.Join(repository, "charts/workspaces-release/Chart.yaml"))
	_, after, _ := strings.Cut(chart, "\nappVersion: ")
	line, _, _ := strings.Cut(after, "\n")
	version := strings.Trim(line, `"`)
	if got := (&image{version: "v" + version}).imageTag(); version == "" || got != version {
		t.Errorf("the chart wants %q, and there is %s", version, got)
	}
}
