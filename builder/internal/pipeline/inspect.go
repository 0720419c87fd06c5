// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Inspected describes the release in an image.
type Inspected struct {
	Image     string        `json:"image"`
	Digest    digest.Digest `json:"digest"`
	Platforms []string      `json:"platforms"`
	// Manifest is the release manifest, verified against the image's label.
	Manifest *release.Manifest `json:"release"`
	// Attestations are the statements about the image, for all platforms.
	Attestations []attest.Attached `json:"attestations"`
}

// AttestationTypes returns the predicate types of the attestations of all platforms, each once.
func (i *Inspected) AttestationTypes() []string {
	var types []string
	for _, a := range i.Attestations {
		if !slices.Contains(types, a.PredicateType) {
			types = append(types, a.PredicateType)
		}
	}
	return types
}

// Inspect reads the release manifest of an image. It reads only the last layer of the image, which
// contains nothing else. The error is of kind [Invalid] if the image is not a release, or does not
// match its labels and its manifest.
func Inspect(ctx context.Context, client *registry.Client, ref string) (*Inspected, error) {
	opened, err := openRelease(ctx, client, ref)
	if err != nil {
		return nil, err
	}
	defer opened.image.Close()
	attached, err := attest.List(ctx, opened.image)
	if err != nil {
		return nil, fail(attestationKind(err), err)
	}
	return &Inspected{
		Image:        opened.image.Name,
		Digest:       opened.image.Descriptor.Digest,
		Platforms:    opened.image.Platforms(),
		Manifest:     opened.manifest,
		Attestations: attached,
	}, nil
}

// attestationKind distinguishes failures of the registry from invalid attestations.
func attestationKind(err error) Kind {
	var failure *registry.Error
	if errors.As(err, &failure) {
		return Registry
	}
	return Invalid
}

// openedRelease is a release image whose manifest was read and verified.
type openedRelease struct {
	image    *registry.Image
	manifest *release.Manifest
}

// openRelease resolves an image and reads its release manifest. The caller closes the image.
func openRelease(ctx context.Context, client *registry.Client, ref string) (*openedRelease, error) {
	img, err := client.Resolve(ctx, ref)
	if err != nil {
		return nil, fail(Registry, err)
	}
	manifest, err := releaseOf(ctx, img)
	if err != nil {
		return nil, errors.Join(err, fail(Registry, img.Close()))
	}
	return &openedRelease{image: img, manifest: manifest}, nil
}

func releaseOf(ctx context.Context, img *registry.Image) (*release.Manifest, error) {
	at, err := locate(img)
	if err != nil {
		return nil, &Error{Invalid, fmt.Errorf("%s %w", img.Name, err)}
	}
	manifest, err := readManifest(ctx, img, at)
	if err != nil {
		return nil, err
	}
	if err := checkContent(img, manifest.ContentLayers()); err != nil {
		return nil, &Error{Invalid, fmt.Errorf("%s %w", img.Name, err)}
	}
	return manifest, nil
}

// location is where an image has its release manifest.
type location struct {
	// label is the digest of the manifest.
	label digest.Digest
	// layer contains nothing but the manifest.
	layer ocispec.Descriptor
}

// locate returns where the release manifest is, which must be the same for all platforms.
func locate(img *registry.Image) (location, error) {
	var first location
	for i, m := range img.Manifests {
		label := digest.Digest(m.Config.Config.Labels[release.LabelManifestDigest])
		if label == "" || len(m.Manifest.Layers) == 0 {
			return location{}, fmt.Errorf("is not a release image: it has no label %s", release.LabelManifestDigest)
		}
		at := location{label: label, layer: m.Manifest.Layers[len(m.Manifest.Layers)-1]}
		if i == 0 {
			first = at
		}
		if at.label != first.label || at.layer.Digest != first.layer.Digest {
			return location{}, errors.New("holds different releases for its platforms")
		}
	}
	return first, nil
}

// checkContent checks that the image of every platform contains the layers in the manifest, in the
// same order: the lowest one hides the layers below it. The compressed bytes may differ, because
// some registries and mirrors compress layers again.
func checkContent(img *registry.Image, layers []release.ContentLayer) error {
	for _, m := range img.Manifests {
		above := m.Config.RootFS.DiffIDs
		for _, l := range layers {
			i := slices.Index(above, l.DiffID)
			if i < 0 {
				return fmt.Errorf("does not hold the workspaces that its manifest describes: "+
					"there is no layer %s, or not in its place", l.DiffID)
			}
			above = above[i+1:]
		}
	}
	return nil
}

func readManifest(ctx context.Context, img *registry.Image, at location) (*release.Manifest, error) {
	blob, err := img.ReadBlob(ctx, at.layer, release.MaxSize)
	if err != nil {
		return nil, fail(Registry, err)
	}
	data, err := extract(blob, strings.TrimPrefix(release.ManifestPath, "/"))
	if err != nil {
		return nil, &Error{Invalid, fmt.Errorf("read %s of %s: %w", release.ManifestPath, img.Name, err)}
	}
	if got := digest.FromBytes(data); got != at.label {
		return nil, &Error{
			Invalid,
			fmt.Errorf("%s of %s has digest %s, but the image's label says %s", release.ManifestPath, img.Name, got, at.label),
		}
	}
	manifest, err := release.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, &Error{Invalid, fmt.Errorf("%s of %s: %w", release.ManifestPath, img.Name, err)}
	}
	return manifest, nil
}

// extract returns a file from a compressed layer. The size of the file is limited to that of a
// manifest.
func extract(blob []byte, name string) ([]byte, error) {
	plain, err := layer.Unpack(bufio.NewReader(bytes.NewReader(blob)))
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	archive := tar.NewReader(limit.NewReader(plain, "its layer", 2*release.MaxSize))
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the image's last layer does not hold it")
		case err != nil:
			return nil, fmt.Errorf("read its layer: %w", err)
		case header.Name == name:
			return limit.ReadAll(archive, "it", release.MaxSize)
		}
	}
}
