// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// appendCommand is the first argument that makes this program do what ko does, as a measured
// process.
const appendCommand = "append"

// appendLayer appends the files of a directory to an image as one layer and pushes the result, as
// ko does with a binary. The arguments are the directory, the base and the target.
func appendLayer(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: bench %s DIRECTORY BASE TARGET", appendCommand)
	}
	base, err := name.ParseReference(args[1])
	if err != nil {
		return err
	}
	target, err := name.ParseReference(args[2])
	if err != nil {
		return err
	}
	img, err := remote.Image(base, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.AddFS(os.DirFS(args[0])); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	}, tarball.WithCompressedCaching)
	if err != nil {
		return err
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return err
	}
	return remote.Write(target, img, remote.WithContext(ctx))
}
