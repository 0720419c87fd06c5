// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Sizes of the base images in bytes, without the tools that the Dockerfile runs.
const (
	smallBase  = 50 << 20
	usualBase  = 480 << 20
	largeBase  = 3 << 30
	baseLayers = 8
)

// pushBase pushes an image of eight incompressible layers, and of one with a shell and TruffleHog,
// which the documented Dockerfile runs.
func (b *bench) pushBase(ctx context.Context, tag string, size int64) error {
	tools, err := b.packTools()
	if err != nil {
		return err
	}
	openers := []tarball.Opener{func() (io.ReadCloser, error) { return os.Open(tools) }}
	for i := range baseLayers {
		openers = append(openers, func() (io.ReadCloser, error) { return generateNoise(byte(i), size/baseLayers), nil })
	}
	var img v1.Image = empty.Image
	for _, open := range openers {
		layer, err := tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.NoCompression))
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return err
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS = "linux"
	config.Architecture = "amd64"
	config.Config.Env = []string{"PATH=/bin"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	ref, err := name.ParseReference(b.baseReference(tag))
	if err != nil {
		return err
	}
	return remote.Write(ref, img, remote.WithContext(ctx))
}

// packTools writes a tar archive with a static busybox and TruffleHog's program. It does not hold
// them in memory, because the peak memory of this program counts for the programs that it starts.
func (b *bench) packTools() (path string, err error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return "", fmt.Errorf("%w (apt-get install busybox-static)", err)
	}
	file, err := os.Create(filepath.Join(b.dir, "tools.tar"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := tar.NewWriter(file)
	for _, tool := range []struct{ name, path string }{{"bin/busybox", busybox}, {"bin/trufflehog", b.trufflehog}} {
		if err := packTool(w, tool.name, tool.path); err != nil {
			return "", err
		}
	}
	for _, h := range []*tar.Header{
		{Typeflag: tar.TypeSymlink, Name: "bin/sh", Linkname: "busybox", Mode: 0o777},
		{Typeflag: tar.TypeSymlink, Name: "bin/rm", Linkname: "busybox", Mode: 0o777},
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
	} {
		if err := w.WriteHeader(h); err != nil {
			return "", err
		}
	}
	return file.Name(), w.Close()
}

// packTool adds a program to an archive.
func packTool(w *tar.Writer, name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

// generateNoise returns a tar archive with one incompressible file, generated while it is read.
func generateNoise(seed byte, size int64) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		archive := tar.NewWriter(w)
		err := archive.WriteHeader(&tar.Header{Name: fmt.Sprintf("noise-%d", seed), Mode: 0o644, Size: size})
		if err == nil {
			_, err = io.CopyN(archive, rand.NewChaCha8([32]byte{seed}), size)
		}
		w.CloseWithError(errors.Join(err, archive.Close()))
	}()
	return r
}

func (b *bench) baseReference(tag string) string {
	return b.host + "/prismeai/prismeai-workspaces:" + tag
}
