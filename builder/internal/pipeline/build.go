// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
)

// BuildOptions say what to build, out of what, and where it goes.
type BuildOptions struct {
	Input  Input
	Checks Checks
	// Release is the name of the release; empty for one made of the commit.
	Release string
	// Epoch is the time of the release; nil for the commit's, or 0 if there is none.
	Epoch      *time.Time
	Repository release.Repository
	// Base is the reference of the image below; empty for an image from scratch.
	Base string
	// Platforms selects those of the base; none means all of them.
	Platforms []ocispec.Platform
	// Labels and Annotations are the user's.
	Labels, Annotations map[string]string
	// ReplaceRepository allows a base that has such a repository already.
	ReplaceRepository bool
	Registry          *registry.Client
	// Outputs say where the image goes. With DryRun nothing is written.
	Outputs []engine.Output
	DryRun  bool
	// TempDir is where a directory for the run is made. It is removed at the end.
	TempDir string
}

// Build reads the source, makes the checks, and makes and publishes the image.
// The reading is returned also with an error of kind [Invalid], [Secrets] or
// [Incomplete], in which case nothing has been published.
func Build(ctx context.Context, display *progress.Display, opts BuildOptions) (_ *Reading, _ *report.Build, err error) {
	dir, err := os.MkdirTemp(opts.TempDir, "builder-")
	if err != nil {
		return nil, nil, fail(Engine, fmt.Errorf("create a temporary directory: %w", err))
	}
	defer func() { err = errors.Join(err, fail(Engine, os.RemoveAll(dir))) }()
	b := &build{BuildOptions: opts, stages: stages{display: display}, dir: dir}
	return b.run(ctx)
}

// build is one run of [Build].
type build struct {
	BuildOptions
	stages
	dir   string
	store *engine.LayerStore
	base  *registry.Image
}

func (b *build) run(ctx context.Context) (*Reading, *report.Build, error) {
	var err error
	if b.store, err = engine.NewLayerStore(filepath.Join(b.dir, "layers")); err != nil {
		return nil, nil, fail(Engine, err)
	}
	var reading *Reading
	var content layer.Layer
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.resolveBase(gctx) })
	group.Go(func() (err error) {
		reading, content, err = b.readLayer(gctx)
		return err
	})
	err = group.Wait()
	if b.base != nil {
		defer b.base.Close()
	}
	if err == nil {
		err = checkCoverage(reading, content)
	}
	if err == nil {
		err = verdict(reading.Diagnostics, reading.Scan)
	}
	if err != nil {
		return reading, nil, err
	}
	built, err := b.assemble(ctx, reading, content)
	return reading, built, err
}

// resolveBase reads the base's manifests and configurations, and none of its layers.
func (b *build) resolveBase(ctx context.Context) error {
	if b.Base == "" {
		return nil
	}
	return b.stages.run("base", "resolve base "+b.Base, nil, func() (err error) {
		b.base, err = b.Registry.Resolve(ctx, b.Base)
		return fail(Registry, err)
	})
}

// readLayer reads the source into the checks and the layer at the same time.
func (b *build) readLayer(ctx context.Context) (reading *Reading, content layer.Layer, err error) {
	_, err = b.store.Add(ctx, func(w io.Writer) (digest.Digest, error) {
		// The epoch of a Git source is known when it is open, which is before its
		// first file arrives.
		var out *layer.Writer
		reading, err = b.stages.read(ctx, b.Input, b.Checks, func(tree *source.Tree) (sink, error) {
			out, err = layer.NewWriter(w, layer.Options{
				Directory: b.Repository.Directory, Epoch: b.epoch(committed(tree)), Parents: b.Base == "",
			})
			return func(f source.File) error { return fail(Engine, out.Add(f.Path, f.Data)) }, fail(Engine, err)
		})
		if err != nil {
			return "", err
		}
		content, err = out.Close()
		return content.DiffID, fail(Engine, err)
	})
	return reading, content, err
}

func committed(tree *source.Tree) time.Time {
	t, _ := tree.CommitTime()
	return t
}

// epoch is the time of the release: the given one, else the commit's, else 0.
func (b *build) epoch(commit time.Time) time.Time {
	switch {
	case b.Epoch != nil:
		return *b.Epoch
	case !commit.IsZero():
		return commit.UTC().Truncate(time.Second)
	default:
		return time.Unix(0, 0).UTC()
	}
}

// checkCoverage proves that what was scanned is what ships, by two counts that
// know nothing of each other.
func checkCoverage(r *Reading, content layer.Layer) error {
	c := r.Scan.Coverage
	if c.Files != content.Files || c.Bytes != content.Bytes {
		return &Error{Incomplete, fmt.Errorf("the scan covered %d files and %d bytes, but %d files and %d bytes would ship",
			c.Files, c.Bytes, content.Files, content.Bytes)}
	}
	return nil
}
