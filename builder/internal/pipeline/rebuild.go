// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/containerd/platforms"

	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/internal/version"
)

// Rebuild configures a second build of an image. All other options come from the image's
// provenance.
type Rebuild struct {
	Input Input
	// Checks are the checks of the build, without the groups.
	Checks Checks
	// TempDir is the parent of the run's temporary directory, which is removed at the end.
	TempDir string
}

// compare builds without publishing and reports the differences.
func (r *Rebuild) compare(ctx context.Context, client *registry.Client, found *verify.Report) error {
	if found.Manifest == nil || found.Parameters == nil {
		found.Skip(verify.Source, "the image has no provenance, so it is unknown how it was built")
		return nil
	}
	opts, err := r.options(client, found)
	if err != nil {
		return err
	}
	display, err := progress.New(io.Discard, "quiet")
	if err != nil {
		return fail(Internal, err)
	}
	result, err := Build(ctx, display, opts)
	if err := display.Close(); err != nil {
		return fail(Internal, err)
	}
	if err != nil {
		return fmt.Errorf("build again: %w", err)
	}
	found.Conclude(verify.Source, listDifferences(found, result.Built)...)
	return nil
}

// options returns the options of the build that the provenance records.
func (r *Rebuild) options(client *registry.Client, found *verify.Report) (BuildOptions, error) {
	asked := found.Parameters
	m := found.Manifest
	opts := BuildOptions{
		Input:              r.Input,
		Checks:             r.Checks,
		Recorded:           &m.Source,
		Release:            asked.Release,
		Epoch:              &m.Created,
		Repository:         release.Repository(asked.Repository),
		BaseRef:            asked.Base,
		Labels:             asked.Labels,
		Annotations:        asked.Annotations,
		ReplaceRepository:  asked.ReplaceRepository,
		KeepBaseWorkspaces: asked.KeepBaseWorkspaces,
		Attest:             found.Attested,
		Registry:           client,
		DryRun:             true,
		TempDir:            r.TempDir,
	}
	var err error
	if opts.Compression, err = layer.ParseCompression(asked.Compression); err != nil {
		return opts, &Error{Invalid, fmt.Errorf("provenance: %w", err)}
	}
	opts.Input.StampVersions = asked.StampVersions != ""
	opts.Input.Release = asked.Release
	if m.Base != nil {
		opts.BaseDigest = m.Base.Digest
	}
	groups := &workspace.Options{Checksums: workspace.ChecksumMode(asked.Checksums)}
	for _, g := range asked.Groups {
		groups.Groups = append(groups.Groups, workspace.Group(g))
	}
	opts.Checks.Workspaces = groups
	for _, text := range asked.Platforms {
		platform, err := platforms.Parse(text)
		if err != nil {
			return opts, &Error{Invalid, fmt.Errorf("platform of the provenance: %w", err)}
		}
		opts.Platforms = append(opts.Platforms, platforms.Normalize(platform))
	}
	return opts, nil
}

// listDifferences lists the workspaces that differ. If there are none, it names the first difference of
// the layers, or of the image.
func listDifferences(found *verify.Report, built *report.Build) []string {
	was := found.Manifest
	is := built.Manifest
	var list []string
	for _, w := range was.Workspaces {
		if now, ok := is.Workspace(w.Slug); !ok {
			list = append(list, fmt.Sprintf("workspace %q is not in the source", w.Slug))
		} else if now.Digest != w.Digest {
			list = append(list, fmt.Sprintf("the files of workspace %q have digest %s in the image, and %s in the source",
				w.Slug, w.Digest, now.Digest))
		}
	}
	for _, w := range is.Workspaces {
		if _, ok := was.Workspace(w.Slug); !ok {
			list = append(list, fmt.Sprintf("workspace %q of the source is not in the image", w.Slug))
		}
	}
	switch {
	case len(list) > 0:
	case !sameLayers(was, is):
		list = append(list, differentLayers(was.ContentLayers(), is.ContentLayers()))
	case found.Digest != built.Digest:
		list = append(list, fmt.Sprintf("a build from the source makes image %s, not %s: %s", built.Digest, found.Digest,
			explainDifference(was, is)))
	}
	return list
}

// sameLayers reports whether two manifests describe the same layers.
func sameLayers(was, is *release.Manifest) bool {
	return slices.EqualFunc(was.ContentLayers(), is.ContentLayers(), func(a, b release.ContentLayer) bool {
		return a.Layer == b.Layer
	})
}

// differentLayers names the first layer that differs.
func differentLayers(was, is []release.ContentLayer) string {
	if len(was) != len(is) {
		return fmt.Sprintf("the workspaces are in %s, and a build makes %d", terminal.Plural(len(was), "layer"), len(is))
	}
	i := 0
	for was[i].Layer == is[i].Layer {
		i++
	}
	return fmt.Sprintf("layer %d with the workspaces is %s, and a build makes %s", i+1, was[i].Digest, is[i].Digest)
}

// explainDifference names a difference between two manifests of the same workspaces.
func explainDifference(was, is *release.Manifest) string {
	switch {
	case was.Tool != is.Tool:
		return fmt.Sprintf("it was built by %s %s, and this is version %s", was.Tool.Name, was.Tool.Version,
			version.Get().Version)
	case was.Source != is.Source:
		return fmt.Sprintf("it was built from %+v, not from %+v", was.Source, is.Source)
	case was.Scan.Policy != is.Scan.Policy:
		return "it was scanned with another policy: set the scan flags of that build"
	default:
		return "its base or its configuration differs"
	}
}
