// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// user is no one that a node or a base image knows. Any other does as well.
const user = "65532:65532"

// image is one program for one or more platforms.
type image struct {
	program  program
	binaries []*binary
	version  string
	revision string
	epoch    time.Time
}

// add adds a platform.
func (i *image) add(b *binary) error {
	for _, other := range i.binaries {
		if platforms.Only(other.platform).Match(b.platform) {
			return fmt.Errorf("%s and %s are for the same platform", other.path, b.path)
		}
	}
	i.binaries = append(i.binaries, b)
	return nil
}

// name is the reference of the image in a registry, or without one.
func (i *image) name(registry string) string {
	return path.Join(registry, i.program.name) + ":" + i.version
}

// config is what the platform of a binary runs.
func (i *image) config(b *binary) ([]byte, error) {
	config := ocispec.Image{
		Created:  &i.epoch,
		Platform: b.platform,
		Config: ocispec.ImageConfig{
			User:       user,
			Entrypoint: []string{"/" + i.program.name},
			Labels:     i.labels(b),
		},
		RootFS:  ocispec.RootFS{Type: "layers"},
		History: []ocispec.History{{Created: &i.epoch, CreatedBy: "images: " + i.program.name + " " + i.version}},
	}
	return json.Marshal(config)
}

func (i *image) labels(b *binary) map[string]string {
	labels := map[string]string{
		ocispec.AnnotationTitle:    i.program.title,
		ocispec.AnnotationVersion:  i.version,
		ocispec.AnnotationSource:   "https://" + b.info.Main.Path,
		ocispec.AnnotationLicenses: i.program.licence,
		ocispec.AnnotationCreated:  i.epoch.Format(time.RFC3339),
	}
	if i.revision != "" {
		labels[ocispec.AnnotationRevision] = i.revision
	}
	return labels
}

// spec puts the layers into the store and says what to build of them.
func (i *image) spec(ctx context.Context, store *engine.LayerStore) (engine.Spec, error) {
	spec := engine.Spec{Epoch: i.epoch}
	for _, b := range i.binaries {
		content, err := entries(b)
		if err != nil {
			return spec, err
		}
		if _, err := store.Add(ctx, func(w io.Writer) (digest.Digest, error) { return writeLayer(w, content, i.epoch) }); err != nil {
			return spec, err
		}
		if spec.Layers, err = store.Seal(ctx); err != nil {
			return spec, err
		}
		config, err := i.config(b)
		if err != nil {
			return spec, err
		}
		spec.Platforms = append(spec.Platforms, engine.Platform{
			Platform: b.platform, Config: config, Layers: spec.Layers.Manifest, Name: i.subject(b),
		})
		sbom, err := json.Marshal(i.sbom(b, spec.Layers.Manifest))
		if err != nil {
			return spec, err
		}
		spec.Attestations = append(spec.Attestations, engine.Attestation{
			PredicateType: spdx.PredicateType, Predicate: sbom, Platform: &b.platform,
		})
	}
	return spec, nil
}
