// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

const (
	// maxPlatforms bounds the images of an index.
	maxPlatforms = 64
	// readers is the number of documents read concurrently.
	readers = 4
)

// attestationKey marks BuildKit's attestation manifests in an index.
const attestationKey = "vnd.docker.reference.type"

// loadIndex reads the images of an index. It does not read attestations and unknown entries.
func (i *Image) loadIndex(ctx context.Context) error {
	var index ocispec.Index
	if err := i.decodeDocument(ctx, i.Descriptor, &index); err != nil {
		return err
	}
	var entries []ocispec.Descriptor
	for _, desc := range index.Manifests {
		switch {
		case desc.Annotations[attestationKey] != "":
			i.Attestations = append(i.Attestations, desc)
		case desc.Platform != nil && isUnknown(*desc.Platform):
			i.Others = append(i.Others, desc)
		case images.IsManifestType(desc.MediaType):
			entries = append(entries, desc)
		}
	}
	nested := slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		return images.IsIndexType(d.MediaType)
	})
	if len(entries) == 0 && nested {
		return i.invalidContent("the index lists another index: name the image in it by its digest")
	}
	if len(entries) == 0 || len(entries) > maxPlatforms {
		return i.invalidContent("the index lists %d images, want 1 to %d", len(entries), maxPlatforms)
	}
	return i.loadEntries(ctx, entries)
}

// isUnknown reports whether a platform is the one of manifests that are not images: attestations that
// have lost their annotations have it.
func isUnknown(p ocispec.Platform) bool { return p.OS == "unknown" && p.Architecture == "unknown" }

// loadEntries reads the manifests of an index concurrently, and leaves out artifacts without a platform.
func (i *Image) loadEntries(ctx context.Context, entries []ocispec.Descriptor) error {
	list := make([]Manifest, len(entries))
	artifacts := make([]error, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for n, desc := range entries {
		group.Go(func() error {
			err := i.loadManifest(ctx, desc, &list[n])
			var artifact *artifactError
			if desc.Platform == nil && errors.As(err, &artifact) {
				artifacts[n] = err
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for n, err := range artifacts {
		if err != nil {
			i.Others = append(i.Others, entries[n])
		} else {
			i.Manifests = append(i.Manifests, list[n])
		}
	}
	if len(i.Manifests) == 0 {
		return artifacts[0]
	}
	return nil
}

// artifactError reports a manifest that is not an image, by the type of its configuration.
type artifactError struct{ config string }

func (e *artifactError) Error() string {
	return fmt.Sprintf("its configuration is of type %q, so this is not a container image", e.config)
}
