// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/rootfs"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
)

// maxUnpacked limits the unpacked size of the base layers that are read for workspaces, in bytes.
const maxUnpacked = 32 << 30

// readKept reads the workspaces of the base that ship with the release. All platforms must contain
// the same workspaces, because they share one release.
func (b *builder) readKept(ctx context.Context, base *baseImage) ([]workspace.Workspace, error) {
	for _, p := range base.platforms {
		if err := image.CheckKeep(p.manifest.Config.Config.Env, b.opts.Repository); err != nil {
			return nil, fail(Usage, err)
		}
	}
	const title = "read the workspaces of the base"
	return inStage(b.stages, "base workspaces", title, nil, func() ([]workspace.Workspace, error) {
		return b.readPlatforms(ctx, base)
	})
}

// readPlatforms reads the workspaces of all platforms. Platforms with the same layers are read once.
func (b *builder) readPlatforms(ctx context.Context, base *baseImage) ([]workspace.Workspace, error) {
	first := base.platforms[0]
	kept, err := b.readPlatform(ctx, base, first)
	if err != nil {
		return nil, err
	}
	for _, other := range base.platforms[1:] {
		if slices.EqualFunc(first.manifest.Manifest.Layers, other.manifest.Manifest.Layers, sameBlob) {
			continue
		}
		found, err := b.readPlatform(ctx, base, other)
		if err != nil {
			return nil, err
		}
		if !slices.EqualFunc(kept, found, sameWorkspace) {
			return nil, &Error{
				Usage,
				fmt.Errorf("the base has different workspaces for %s and for %s: build for one of them at a time (--platform)",
					platforms.Format(other.platform), platforms.Format(first.platform)),
			}
		}
	}
	return kept, nil
}

func sameBlob(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest }

func sameWorkspace(a, b workspace.Workspace) bool { return a.Slug == b.Slug && a.Digest == b.Digest }

func (b *builder) readPlatform(ctx context.Context, base *baseImage, p basePlatform) ([]workspace.Workspace, error) {
	found := workspace.NewBase(*b.opts.Checks.Workspaces)
	limits := cmp.Or(b.opts.Input.Source.Limits, source.DefaultLimits())
	add := func(name string, data []byte) error {
		found.Add(source.NewFile(name, data))
		return nil
	}
	if err := readWorkspaces(ctx, base.image, p.manifest, b.opts.Repository.Directory, limits, add); err != nil {
		return nil, err
	}
	kept := found.Finish()
	if len(kept) == 0 {
		return nil, &Error{
			Usage,
			errors.New("the base holds no workspaces that could be kept: build without --keep-base-workspaces"),
		}
	}
	return kept, nil
}

// readWorkspaces calls fn for each file in a directory of an image, with all layers applied. Errors
// of fn without a kind become errors of kind [Registry].
func readWorkspaces(
	ctx context.Context,
	img *registry.Image,
	m registry.Manifest,
	dir string,
	limits source.Limits,
	fn func(name string, data []byte) error,
) error {
	var layers []rootfs.Layer
	for _, desc := range m.Manifest.Layers {
		layers = append(layers, func() (io.ReadCloser, error) { return img.OpenBlob(ctx, desc) })
	}
	err := rootfs.Read(layers, dir, rootfs.Limits{
		FileSize: limits.FileSize, TotalSize: limits.TotalSize, Files: limits.Files, Unpacked: maxUnpacked,
	}, fn)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return fail(Registry, fmt.Errorf("read the workspaces of %s for %s: %w", img.Name, m.PlatformName(), err))
	}
}

// groups returns the groups of the plan. If the workspaces of the base are kept, the groups include
// the labels from the base.
func (b *builder) groups(plan *workspace.Plan, base *baseImage) []release.Group {
	groups := plan.Manifest()
	if !b.opts.KeepBaseWorkspaces {
		return groups
	}
	env := base.manifests()[0].Config.Config.Env
	for i, g := range groups {
		labels := image.GroupLabels(env, g.Name)
		for _, label := range g.Labels {
			if !slices.Contains(labels, label) {
				labels = append(labels, label)
			}
		}
		groups[i].Labels = labels
	}
	return groups
}
