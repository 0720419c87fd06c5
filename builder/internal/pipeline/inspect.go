// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/tar"
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
	// Files are the files of the manifest, byte for byte as in the image.
	Files release.Files `json:"-"`
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

// Inspect reads the release manifest of an image. It reads only the last two layers of the image, which
// contain nothing else. The error is of kind [Invalid] if the image is not a release, or does not
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
		Files:        opened.files,
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
	files    release.Files
}

// openRelease resolves an image and reads its release manifest. The caller closes the image.
func openRelease(ctx context.Context, client *registry.Client, ref string) (*openedRelease, error) {
	img, err := client.Resolve(ctx, ref)
	if err != nil {
		return nil, fail(Registry, err)
	}
	opened := &openedRelease{image: img}
	if err := opened.read(ctx); err != nil {
		return nil, errors.Join(err, fail(Registry, img.Close()))
	}
	return opened, nil
}

// read reads and verifies the release manifest of the image.
func (o *openedRelease) read(ctx context.Context) error {
	at, err := locate(o.image)
	if err != nil {
		return &Error{Invalid, fmt.Errorf("%s %w", o.image.Name, err)}
	}
	if err := o.readManifest(ctx, at); err != nil {
		return err
	}
	if err := checkContent(o.image, o.manifest.ContentLayers()); err != nil {
		return &Error{Invalid, fmt.Errorf("%s %w", o.image.Name, err)}
	}
	return nil
}

// location is where an image has its release manifest.
type location struct {
	// label is the digest of the manifest.
	label digest.Digest
	// layers are the last layers. The uppermost contains nothing but the manifest, and the one below,
	// if the manifest is split, nothing but its workspaces.
	layers []ocispec.Descriptor
}

// locate returns where the release manifest is, which must be the same for all platforms.
func locate(img *registry.Image) (location, error) {
	var first location
	for i, m := range img.Manifests {
		label := digest.Digest(m.Config.Config.Labels[release.LabelManifestDigest])
		n := len(m.Manifest.Layers)
		if label == "" || n == 0 {
			return location{}, fmt.Errorf("is not a release image: it has no label %s", release.LabelManifestDigest)
		}
		at := location{label: label, layers: m.Manifest.Layers[max(0, n-manifestLayers):]}
		if i == 0 {
			first = at
		}
		if at.label != first.label || at.uppermost().Digest != first.uppermost().Digest {
			return location{}, errors.New("holds different releases for its platforms")
		}
	}
	return first, nil
}

// uppermost returns the layer with the manifest.
func (l *location) uppermost() ocispec.Descriptor { return l.layers[len(l.layers)-1] }

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
					"layer %s is missing, or not in its place", l.DiffID)
			}
			above = above[i+1:]
		}
	}
	return nil
}

// readManifest reads the files of the manifest, and checks them against the label.
func (o *openedRelease) readManifest(ctx context.Context, at location) (err error) {
	if o.files.Manifest, err = readFile(ctx, o.image, at.uppermost(), release.ManifestPath); err != nil {
		return err
	}
	if got := digest.FromBytes(o.files.Manifest); got != at.label {
		return &Error{
			Invalid,
			fmt.Errorf("%s of %s has digest %s, but the image's label says %s",
				release.ManifestPath, o.image.Name, got, at.label),
		}
	}
	o.manifest, err = release.Load(o.files.Manifest, func(release.FileReference) (_ []byte, err error) {
		if len(at.layers) < manifestLayers {
			return nil, errors.New("the image has no layer below that of the manifest")
		}
		o.files.Workspaces, err = readFile(ctx, o.image, at.layers[0], release.WorkspacesPath(release.ManifestPath))
		return o.files.Workspaces, err
	})
	if errors.As(err, new(*Error)) {
		return err
	}
	if err != nil {
		return &Error{Invalid, fmt.Errorf("%s of %s: %w", release.ManifestPath, o.image.Name, err)}
	}
	return nil
}

// readFile reads a file of the release manifest from its layer.
func readFile(ctx context.Context, img *registry.Image, from ocispec.Descriptor, name string) ([]byte, error) {
	blob, err := img.ReadBlob(ctx, from, release.MaxSize)
	if err != nil {
		return nil, fail(Registry, err)
	}
	data, err := extract(blob, strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil, &Error{Invalid, fmt.Errorf("read %s of %s: %w", name, img.Name, err)}
	}
	return data, nil
}

// extract returns a file from a compressed layer. The size of the file is limited to that of a
// manifest.
func extract(blob []byte, name string) ([]byte, error) {
	var data []byte
	found := false
	_, err := layer.Walk(bytes.NewReader(blob), 2*release.MaxSize, func(h *tar.Header, r io.Reader) (err error) {
		if h.Name == name && !found {
			found = true
			data, err = limit.ReadAll(r, "it", release.MaxSize)
		}
		return err
	})
	if err == nil && !found {
		err = errors.New("its layer does not contain it")
	}
	return data, err
}
