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

// keepBase reads the workspaces of the base and adds them to the validation. All platforms must
// contain the same workspaces, because they share one release.
func (b *build) keepBase(ctx context.Context) error {
	if err := b.resolveBase(ctx); err != nil {
		return err
	}
	bases, err := b.bases()
	if err != nil {
		return err
	}
	for _, base := range bases {
		if err := image.CheckKeep(base.image.Config.Config.Env, b.Repository); err != nil {
			return fail(Usage, err)
		}
	}
	options := *b.Checks.Workspaces
	err = b.stages.run("base workspaces", "read the workspaces of the base", nil, func() (err error) {
		options.Kept, err = b.readBases(ctx, bases)
		return err
	})
	b.Checks.Workspaces = &options
	return err
}

// readBases reads the workspaces of all platforms. Platforms with the same layers are read once.
func (b *build) readBases(ctx context.Context, bases []baseImage) ([]workspace.Workspace, error) {
	first, err := b.readBase(ctx, bases[0])
	for _, other := range bases[1:] {
		if err != nil {
			return nil, err
		}
		if slices.EqualFunc(bases[0].image.Manifest.Layers, other.image.Manifest.Layers, sameBlob) {
			continue
		}
		var found []workspace.Workspace
		if found, err = b.readBase(ctx, other); err == nil && !slices.EqualFunc(first, found, sameWorkspace) {
			err = &Error{
				Usage,
				fmt.Errorf("the base holds other workspaces for %s than for %s: build for one of them at a time (--platform)",
					platforms.Format(other.platform), platforms.Format(bases[0].platform)),
			}
		}
	}
	return first, err
}

func sameBlob(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest }

func sameWorkspace(a, b workspace.Workspace) bool { return a.Slug == b.Slug && a.Digest == b.Digest }

func (b *build) readBase(ctx context.Context, base baseImage) ([]workspace.Workspace, error) {
	found := workspace.NewBase(*b.Checks.Workspaces)
	limits := cmp.Or(b.Input.Source.Limits, source.DefaultLimits())
	err := readWorkspaces(ctx, b.base, base.image, b.Repository.Directory, limits, func(name string, data []byte) error {
		found.Add(name, data)
		return nil
	})
	if err != nil {
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
func (b *build) groups(plan *workspace.Plan) []release.Group {
	groups := plan.Manifest()
	if !b.KeepBaseWorkspaces {
		return groups
	}
	env := b.base.Manifests[0].Config.Config.Env
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
