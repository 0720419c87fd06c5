// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/release"
)

// baseImage is the resolved base with the platforms to build for.
type baseImage struct {
	// name is the name of the base as the user gave it; empty for an image from scratch.
	name string
	// digest is what name refers to.
	digest digest.Digest
	// image is nil for an image from scratch.
	image *registry.Image
	// platforms has at least one element.
	platforms []basePlatform
}

// basePlatform is the configuration of the base for one platform.
type basePlatform struct {
	platform ocispec.Platform
	config   []byte
	// manifest is the zero value for an image from scratch.
	manifest registry.Manifest
}

// resolveBase reads the manifests and configurations of the base, but none of its layers. It first
// requests the credentials to push with, so that a broken credential helper fails the build early.
// The caller closes the base.
func (b *builder) resolveBase(ctx context.Context) (*baseImage, error) {
	if err := b.checkCredentials(ctx); err != nil {
		return nil, err
	}
	if b.opts.BaseRef == "" {
		list, err := scratchPlatforms(b.opts.Platforms)
		return &baseImage{platforms: list}, err
	}
	img, err := inStage(b.stages, "base", "resolve base "+b.opts.BaseRef, nil, func() (*registry.Image, error) {
		img, err := b.opts.Registry.Resolve(ctx, pinned(b.opts.BaseRef, b.opts.BaseDigest))
		if err != nil && ctx.Err() != nil {
			return nil, context.Cause(ctx) // interrupted: not an error of the registry
		}
		return img, fail(Registry, err)
	})
	if err != nil {
		return nil, err
	}
	base := &baseImage{name: img.Name, digest: img.Descriptor.Digest, image: img}
	if b.opts.BaseDigest != "" {
		base.name = b.opts.BaseRef // the requested name, without the digest
	}
	if base.platforms, err = selectPlatforms(img, base.name, b.opts.Platforms); err != nil {
		return nil, errors.Join(err, fail(Registry, img.Close()))
	}
	return base, nil
}

// pinned returns a reference with a digest, if there is one.
func pinned(ref string, digest digest.Digest) string {
	if digest == "" {
		return ref
	}
	name, _, _ := strings.Cut(ref, "@")
	return name + "@" + digest.String()
}

// selectPlatforms returns the selected platforms, in the order of the base's index. If the index
// lists a platform twice, the first image counts, as it does for clients that pull.
func selectPlatforms(img *registry.Image, name string, wanted []ocispec.Platform) ([]basePlatform, error) {
	var selected []basePlatform
	missing := slices.Clone(wanted)
	for _, m := range img.Manifests {
		platform := platforms.Normalize(m.Platform)
		matches := func(p ocispec.Platform) bool { return platforms.OnlyStrict(p).Match(platform) }
		known := slices.ContainsFunc(selected, func(s basePlatform) bool {
			return platforms.FormatAll(s.platform) == platforms.FormatAll(platform)
		})
		if known || len(wanted) > 0 && !slices.ContainsFunc(wanted, matches) {
			continue
		}
		missing = slices.DeleteFunc(missing, matches)
		if err := checkManifest(m); err != nil {
			return nil, fail(Registry, &registry.Error{Kind: registry.Invalid, Ref: name, Err: err})
		}
		selected = append(selected, basePlatform{platform, m.RawConfig, m})
	}
	if len(missing) > 0 {
		return nil, &Error{Usage, fmt.Errorf("the base %s has no image for %s, only for %s",
			name, platforms.Format(missing[0]), strings.Join(img.Platforms(), ", "))}
	}
	return selected, nil
}

// checkManifest refuses an image of the base that contradicts itself: the release would inherit the fault.
func checkManifest(m registry.Manifest) error {
	config := m.Config
	if p := platforms.Normalize(config.Platform); p.OS != m.Platform.OS || p.Architecture != m.Platform.Architecture {
		return fmt.Errorf("the index lists %s, but the configuration of that image is for %s/%s: rebuild the base, "+
			"or name other platforms (--platform)", m.PlatformName(), config.OS, config.Architecture)
	}
	if layers, listed := len(m.Manifest.Layers), len(config.RootFS.DiffIDs); layers != listed {
		return fmt.Errorf("the image has %d layers, and %d of them in its configuration: rebuild the base", layers, listed)
	}
	for _, id := range config.RootFS.DiffIDs {
		if err := id.Validate(); err != nil {
			return fmt.Errorf("the configuration lists layer %q: %w: rebuild the base", id, err)
		}
	}
	return nil
}

// scratchPlatforms returns empty configurations. An image that contains only workspaces does not
// run, so one default platform suffices unless others are requested.
func scratchPlatforms(wanted []ocispec.Platform) ([]basePlatform, error) {
	if len(wanted) == 0 {
		wanted = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	}
	var list []basePlatform
	for i, p := range wanted {
		if slices.ContainsFunc(wanted[:i], platforms.OnlyStrict(p).Match) {
			continue
		}
		config, err := image.Scratch(p)
		if err != nil {
			return nil, fail(Internal, err)
		}
		list = append(list, basePlatform{platform: p, config: config})
	}
	return list, nil
}

// isScratch reports whether the image is built from scratch.
func (b *baseImage) isScratch() bool { return b.image == nil }

// ref returns the base's reference with its digest; empty for an image from scratch.
func (b *baseImage) ref() string { return pinned(b.name, b.digest) }

// manifests returns the manifests of all platforms of the base, selected or not.
func (b *baseImage) manifests() []registry.Manifest {
	if b.image == nil {
		return nil
	}
	return b.image.Manifests
}

// layers returns the number of layers of the base, for the platform with the most layers.
func (b *baseImage) layers() int {
	n := 0
	for _, m := range b.manifests() {
		n = max(n, len(m.Manifest.Layers))
	}
	return n
}

// describe returns the base for the release manifest; nil for an image from scratch.
func (b *baseImage) describe() *release.Base {
	if b.image == nil {
		return nil
	}
	return &release.Base{Name: b.name, Digest: b.digest}
}

// close releases the base.
func (b *baseImage) close() {
	if b.image != nil {
		b.image.Close() // it was only read
	}
}
