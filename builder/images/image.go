// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/program"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// user is an arbitrary unprivileged ID (distroless "nonroot"); any other works.
const user = "65532:65532"

// image is one program for one or more platforms.
type image struct {
	program  program.Program
	binaries []*program.Binary
	// base is the base image; nil for none.
	base     *registry.Image
	version  string
	revision string
	epoch    time.Time
}

// addBinary adds a platform.
func (i *image) addBinary(b *program.Binary) error {
	if b.Platform.OS != "linux" {
		return fmt.Errorf("%s is for %s, but images are for linux: set GOOS", b.Path, b.Platform.OS)
	}
	for _, other := range i.binaries {
		if platforms.Only(other.Platform).Match(b.Platform) {
			return fmt.Errorf("%s and %s are for the same platform", other.Path, b.Path)
		}
	}
	i.binaries = append(i.binaries, b)
	return nil
}

// imageReference returns the reference of the image; registry may be empty.
func (i *image) imageReference(registry string) string {
	return path.Join(registry, i.program.Name) + ":" + i.imageTag()
}

// leadingV matches the v of Git tags, which the chart's appVersion and image tags omit.
var leadingV = regexp.MustCompile(`^v([0-9])`)

func (i *image) imageTag() string {
	return leadingV.ReplaceAllString(i.version, "$1") + i.tagSuffix()
}

// tagSuffix distinguishes images with a base in tags and file names.
func (i *image) tagSuffix() string {
	if i.base != nil {
		return "-shell"
	}
	return ""
}

// buildConfig returns the image configuration for the platform of a binary.
func (i *image) buildConfig(b *program.Binary) ([]byte, error) {
	config := ocispec.Image{Platform: b.Platform, RootFS: ocispec.RootFS{Type: "layers"}}
	if i.base != nil {
		below, err := i.baseConfig(b)
		if err != nil {
			return nil, err
		}
		config = below
	}
	config.Created = &i.epoch
	config.Config.User = user
	config.Config.Entrypoint = []string{i.programPath()}
	config.Config.Cmd = nil
	config.Config.Labels = i.imageLabels(b)
	config.History = append(config.History, ocispec.History{
		Created:   &i.epoch,
		CreatedBy: "images: " + i.program.Name + " " + i.version,
	})
	return json.Marshal(config)
}

// programPath returns the path of the program; with a shell, it is in the search path.
func (i *image) programPath() string {
	if i.base != nil {
		return "/usr/local/bin/" + i.program.Name
	}
	return "/" + i.program.Name
}

// baseConfig returns the configuration of the base for the platform of a binary.
func (i *image) baseConfig(b *program.Binary) (config ocispec.Image, err error) {
	for _, m := range i.base.Manifests {
		if platforms.OnlyStrict(b.Platform).Match(platforms.Normalize(m.Platform)) {
			return config, json.Unmarshal(m.RawConfig, &config)
		}
	}
	return config, fmt.Errorf("the base %s has no image for %s: choose others with PLATFORMS", i.base.Name,
		platforms.Format(b.Platform))
}

func (i *image) imageLabels(b *program.Binary) map[string]string {
	labels := map[string]string{
		ocispec.AnnotationTitle:    i.program.Title,
		ocispec.AnnotationVersion:  i.version,
		ocispec.AnnotationSource:   b.Source(),
		ocispec.AnnotationLicenses: i.program.Licence,
		ocispec.AnnotationCreated:  i.epoch.Format(time.RFC3339),
	}
	if i.revision != "" {
		labels[ocispec.AnnotationRevision] = i.revision
	}
	if i.base != nil {
		labels[ocispec.AnnotationBaseImageName] = i.base.Name
		labels[ocispec.AnnotationBaseImageDigest] = i.base.Descriptor.Digest.String()
	}
	return labels
}

// buildSpec adds the layers to the store and returns the input of the engine.
func (i *image) buildSpec(ctx context.Context, store *engine.LayerStore) (engine.Spec, error) {
	spec := engine.Spec{Epoch: i.epoch}
	if i.base != nil {
		name, _, _ := strings.Cut(i.base.Name, "@")
		spec.Base = name + "@" + i.base.Descriptor.Digest.String()
	}
	for _, b := range i.binaries {
		content, err := i.listEntries(b)
		if err != nil {
			return spec, err
		}
		write := func(w io.Writer) (digest.Digest, error) { return writeLayer(w, content, i.epoch) }
		if _, err := store.Add(write); err != nil {
			return spec, err
		}
		if spec.Layers, err = store.Seal(); err != nil {
			return spec, err
		}
		config, err := i.buildConfig(b)
		if err != nil {
			return spec, err
		}
		spec.Platforms = append(spec.Platforms, engine.Platform{
			Platform: b.Platform, Config: config, Layers: spec.Layers.Manifest, Name: i.packageURL(b),
		})
		sbom, err := i.buildSBOM(b, spec.Layers.Manifest).Encode()
		if err != nil {
			return spec, err
		}
		spec.Attestations = append(spec.Attestations, engine.Attestation{
			PredicateType: spdx.PredicateType, Predicate: sbom, Platform: &b.Platform,
		})
	}
	return spec, nil
}
