// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Inspected is the release that an image holds.
type Inspected struct {
	Image     string        `json:"image"`
	Digest    digest.Digest `json:"digest"`
	Platforms []string      `json:"platforms"`
	// Manifest is the release manifest, verified by the image's label.
	Manifest *release.Manifest `json:"release"`
}

// Inspect reads the release manifest of an image. Of the image's layers it reads
// the last one, which holds nothing else.
func Inspect(ctx context.Context, client *registry.Client, ref string) (*Inspected, error) {
	img, err := client.Resolve(ctx, ref)
	if err != nil {
		return nil, fail(Registry, err)
	}
	defer img.Close()
	m := img.Manifests[0]
	label := digest.Digest(m.Config.Config.Labels[release.LabelManifestDigest])
	if label == "" || len(m.Manifest.Layers) == 0 {
		return nil, &Error{Invalid, fmt.Errorf("%s is not a release image: it has no label %s", img.Name, release.LabelManifestDigest)}
	}
	manifest, err := readManifest(ctx, img, m.Manifest.Layers[len(m.Manifest.Layers)-1], label)
	if err != nil {
		return nil, err
	}
	return &Inspected{Image: img.Name, Digest: img.Descriptor.Digest, Platforms: img.Platforms(), Manifest: manifest}, nil
}

func readManifest(ctx context.Context, img *registry.Image, layer ocispec.Descriptor, label digest.Digest) (*release.Manifest, error) {
	blob, err := img.ReadBlob(ctx, layer, release.MaxSize)
	if err != nil {
		return nil, fail(Registry, err)
	}
	data, err := extract(blob, strings.TrimPrefix(release.ManifestPath, "/"))
	if err != nil {
		return nil, &Error{Invalid, fmt.Errorf("read %s of %s: %w", release.ManifestPath, img.Name, err)}
	}
	if got := digest.FromBytes(data); got != label {
		return nil, &Error{Invalid, fmt.Errorf("%s of %s has digest %s, but the image's label says %s", release.ManifestPath, img.Name, got, label)}
	}
	manifest, err := release.Decode(bytes.NewReader(data))
	return manifest, fail(Invalid, err)
}

// extract returns a file of a compressed layer, of at most the size of a manifest.
func extract(blob []byte, name string) ([]byte, error) {
	plain, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(io.LimitReader(plain, 2*release.MaxSize))
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the image's last layer does not hold it")
		case err != nil:
			return nil, err
		case header.Name == name:
			return io.ReadAll(io.LimitReader(archive, release.MaxSize))
		}
	}
}
