// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/scan"
)

// Build reads the source, runs the checks, and builds and publishes the image.
//
// Build also returns the reading with an error of kind [Invalid], [Secrets] or [Incomplete]. After
// any error or interruption, Build has written no file, left no temporary file and pushed no tag,
// with two exceptions: a registry that holds the complete image may still refuse its tag after
// others have accepted theirs, and a file may fail to be renamed after the tags were pushed. See
// [engine.Build].
func Build(ctx context.Context, display *progress.Display, opts BuildOptions) (_ *Reading, _ *report.Build, err error) {
	if err := opts.check(); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(opts.TempDir, "builder-")
	if err != nil {
		return nil, nil, fail(Engine, fmt.Errorf("create a temporary directory: %w", err))
	}
	defer func() { err = explainSpace(errors.Join(err, fail(Engine, os.RemoveAll(dir)))) }()
	b := &build{BuildOptions: opts, stages: stages{display: display}, dir: dir, baseResolved: make(chan struct{})}
	return b.run(ctx)
}

// explainSpace adds a remedy to an error that any stage returned because of a full disk.
func explainSpace(err error) error {
	var failure *Error
	if !errors.As(err, &failure) || failure.Kind != Engine || !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		return err
	}
	return &Error{Engine, fmt.Errorf("%w; make room there, or have temporary files elsewhere (TMPDIR)", err)}
}

// build is one run of [Build].
type build struct {
	BuildOptions
	stages
	dir   string
	store *engine.LayerStore
	base  *registry.Image
	// epoch is the time of the release. It is set once the source is open.
	epoch time.Time
	// baseResolved is closed when the base is resolved, or when there is none to resolve.
	baseResolved chan struct{}
	// inventory is filled while the source is read.
	inventory attest.Inventory
}

func (b *build) run(ctx context.Context) (*Reading, *report.Build, error) {
	var err error
	if b.store, err = engine.NewLayerStore(filepath.Join(b.dir, "layers")); err != nil {
		return nil, nil, fail(Engine, err)
	}
	defer func() {
		if b.base != nil {
			b.base.Close()
		}
	}()
	if b.KeepBaseWorkspaces {
		if err := b.keepBase(ctx); err != nil {
			return nil, nil, err
		}
	}
	var reading *Reading
	var written content
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := b.checkCredentials(gctx); err != nil {
			return err
		}
		if err := b.resolveBase(gctx); err != nil {
			return err
		}
		close(b.baseResolved)
		return b.checkEngine(gctx)
	})
	group.Go(func() (err error) {
		reading, written, err = b.readLayers(gctx)
		return err
	})
	err = group.Wait()
	if err == nil {
		err = b.scanMetadata(ctx, reading)
	}
	if err == nil {
		err = cmp.Or(verdict(reading.Diagnostics, reading.Scan), checkCoverage(reading.Scan.Coverage, written))
	}
	if err != nil {
		return reading, nil, err
	}
	if r := b.Recorded; r != nil && r.Commit == reading.Source.Commit && r.Dirty == reading.Source.Dirty {
		reading.Source = *r
	}
	b.notifyLayers(written)
	built, err := b.assemble(ctx, reading, written)
	return reading, built, err
}

// resolveBase reads the manifests and configurations of the base, but none of its layers.
func (b *build) resolveBase(ctx context.Context) error {
	if b.Base == "" || b.base != nil {
		return nil
	}
	return b.stages.run("base", "resolve base "+b.Base, nil, func() (err error) {
		ref := b.Base
		if b.BaseDigest != "" {
			name, _, _ := strings.Cut(b.Base, "@")
			ref = name + "@" + b.BaseDigest.String()
		}
		if b.base, err = b.Registry.Resolve(ctx, ref); err != nil && ctx.Err() != nil {
			return context.Cause(ctx) // interrupted: not an error of the registry
		}
		if err == nil && b.BaseDigest != "" {
			b.base.Name = b.Base // keep the requested name without the digest
		}
		return fail(Registry, err)
	})
}

// setEpoch sets the time of the release. The commit time is known once the source is open, before
// its first file arrives.
func (b *build) setEpoch(tree *source.Tree) error {
	commit, _ := tree.CommitTime()
	b.epoch = releaseEpoch(b.Epoch, commit)
	if err := checkEpoch(b.epoch); err != nil {
		return &Error{Source, fmt.Errorf("the commit's time, %w: set SOURCE_DATE_EPOCH", err)}
	}
	return nil
}

// releaseEpoch returns the given time, else the commit time, else the Unix epoch.
func releaseEpoch(given *time.Time, commit time.Time) time.Time {
	switch {
	case given != nil:
		return given.UTC().Truncate(time.Second)
	case !commit.IsZero():
		return commit.UTC().Truncate(time.Second)
	default:
		return time.Unix(0, 0).UTC()
	}
}

// checkCoverage compares two independent counts to prove that the scan covered exactly what ships.
func checkCoverage(c scan.Coverage, written content) error {
	if c.Files != written.files || c.Bytes != written.bytes {
		return &Error{Incomplete, fmt.Errorf("the scan covered %d files and %d bytes, but %d files and %d bytes would ship",
			c.Files, c.Bytes, written.files, written.bytes)}
	}
	return nil
}
