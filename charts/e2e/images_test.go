// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"cmp"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	// repository is the repository of the images. It does not exist: the images are loaded into the nodes.
	repository = "registry.invalid/e2e/"
	// service is the stand-in for the vendor's prismeai-workspaces.
	service = repository + "prismeai-workspaces"
	sidecar = repository + "sidecar:e2e"
	// content has images with a release and no programs.
	content = repository + "content"
	stock   = service + ":stock"

	workspaces = "../../examples/workspaces"
)

// releases in their order.
const (
	releaseA = "v2.4.0"
	releaseB = "v2.5.0"
	releaseC = "v2.6.0"
)

// loadImages builds all images and loads them into the cluster.
func (c *cluster) loadImages(t *testing.T) {
	t.Helper()
	host := startRegistry(t)
	base := c.stockImage(t)
	baseRef := host + "/prismeai-workspaces:stock"
	push(t, baseRef, base)
	c.loadImage(t, stock, base)
	c.loadImage(t, sidecar, c.sidecarImage(t))
	for _, version := range []string{releaseA, releaseB, releaseC} {
		source := sourceOf(t, version)
		c.buildRelease(t, source, version, service+":"+version, baseRef)
	}
	c.buildRelease(t, sourceOf(t, releaseA), releaseA, content+":"+releaseA, "scratch")
}

// buildRelease builds an image with the builder.
func (c *cluster) buildRelease(t *testing.T, source, version, reference, base string) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "release.tar")
	args := []string{"build", source, "--release", version, "--base", base, "-t", reference, "-o",
		"type=docker,dest=" + archive, "--progress", "quiet"}
	if base == "scratch" {
		args = append(args, "--platform", c.platform().String())
	}
	mustRun(t, c.builder, args...)
	c.load(t, archive)
}

// sourceOf copies the example workspaces and gives them the versions of a release.
func sourceOf(t *testing.T, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "workspaces")
	if err := os.CopyFS(dir, os.DirFS(workspaces)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "/*/.import.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %d workspaces", err, len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`(?m)^  name: v\S+$`).ReplaceAll(text, []byte("  name: "+version))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (c *cluster) loadImage(t *testing.T, reference string, image v1.Image) {
	t.Helper()
	tag, err := name.NewTag(reference)
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		t.Fatal(err)
	}
	c.load(t, archive)
}

func (c *cluster) load(t *testing.T, archive string) {
	t.Helper()
	load := strings.Fields(cmp.Or(os.Getenv("E2E_LOAD"), "kind load image-archive"))
	mustRun(t, load[0], append(load[1:], archive)...)
}

// sidecarImage returns the image that make images has built.
func (c *cluster) sidecarImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := tarball.ImageFromPath(filepath.Join(c.images, "sidecar-linux-"+c.architecture+".docker.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// stockImage is the service without a release.
func (c *cluster) stockImage(t *testing.T) v1.Image {
	t.Helper()
	userland := c.goBuild(t, "./charts/e2e/userland", "userland")
	files := files{
		"bin/fake-platform": c.goBuild(t, "./internal/platform/platformtest/cmd/fake-platform", "fake-platform"),
		"bin/userland":      userland,
	}
	for _, command := range []string{"cp", "sleep", "ask", "kill9"} {
		files["bin/"+command] = userland
	}
	return files.image(t, c.platform(), v1.Config{
		Entrypoint: []string{"/bin/fake-platform", "--join", "http://platform:8080"},
		Env:        []string{"PATH=/bin"},
	})
}

// goBuild compiles a program for the platform of the nodes.
func (c *cluster) goBuild(t *testing.T, pkg, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	mustRun(t, "env", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+c.architecture, "go", "-C", "../..", "build", "-trimpath",
		"-ldflags", "-s -w", "-o", out, pkg)
	return out
}

// files maps paths in an image to files.
type files map[string]string

func (f files) image(t *testing.T, platform v1.Platform, config v1.Config) v1.Image {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for inside, path := range f {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: inside, Mode: 0o755, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.ConfigFile(image, withConfig(t, image, platform, config))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func withConfig(t *testing.T, image v1.Image, platform v1.Platform, config v1.Config) *v1.ConfigFile {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = platform.OS, platform.Architecture, config
	return file
}

// startRegistry starts a registry from which the builder reads the base.
func startRegistry(t *testing.T) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func push(t *testing.T, reference string, image v1.Image) {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
}
