// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// Result holds what a build has made until it ended.
type Result struct {
	// Reading is nil if the source could not be read.
	Reading *Reading
	// Built is nil if the image was not built and published.
	Built *report.Build
}

// Build reads the source, runs the checks, and builds and publishes the image.
//
// The result has the reading also with an error of kind [Invalid], [Secrets] or [Incomplete]. After
// any error or interruption, Build has written no file, left no temporary file and pushed no tag,
// with two exceptions: a registry that holds the complete image may still refuse its tag after
// others have accepted theirs, and a file may fail to be renamed after the tags were pushed. See
// [engine.Build].
func Build(ctx context.Context, display *progress.Display, opts BuildOptions) (result Result, err error) {
	if err := opts.check(); err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp(opts.TempDir, "builder-")
	if err != nil {
		return Result{}, fail(Engine, fmt.Errorf("create a temporary directory (TMPDIR): %w", err))
	}
	defer func() { err = explainSpace(errors.Join(err, fail(Engine, os.RemoveAll(dir)))) }()
	store, err := engine.NewLayerStore(filepath.Join(dir, "layers"))
	if err != nil {
		return Result{}, fail(Engine, err)
	}
	b := &builder{opts: opts, stages: newStages(display), store: store, engineDir: filepath.Join(dir, "engine")}
	return b.run(ctx)
}

// explainSpace adds a remedy to an error that any stage returned because of a full disk.
func explainSpace(err error) error {
	var failure *Error
	if !errors.As(err, &failure) || failure.Kind != Engine || !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return &Error{Engine, fmt.Errorf("%w; make room there, or have temporary files elsewhere (TMPDIR)", err)}
}

// builder holds the options and the tools of one run of [Build]. What the run makes are values: the
// source is opened, read, described as an image, and published.
type builder struct {
	opts   BuildOptions
	stages *stages
	store  *engine.LayerStore
	// engineDir is for the state of the engine.
	engineDir string
}

// run resolves the base and reads the source at the same time, and then builds and publishes the
// image.
func (b *builder) run(ctx context.Context) (Result, error) {
	group, gctx := errgroup.WithContext(ctx)
	resolve := sync.OnceValues(func() (*baseImage, error) { return b.resolveBase(gctx) })
	var content *packed
	group.Go(func() error {
		base, err := resolve()
		if err != nil {
			return err
		}
		return b.checkEngine(gctx, base)
	})
	group.Go(func() (err error) {
		content, err = b.pack(gctx, resolve)
		return err
	})
	err := group.Wait()
	base, unresolved := resolve()
	if unresolved == nil {
		defer base.close()
	}
	switch {
	case err != nil && content == nil:
		return Result{}, err
	case err != nil:
		return Result{Reading: content.reading}, err
	}
	return b.publishChecked(ctx, base, content)
}

// publishChecked completes the checks, and publishes the image if nothing is wrong.
func (b *builder) publishChecked(ctx context.Context, base *baseImage, content *packed) (Result, error) {
	reading, err := b.scanMetadata(ctx, base, content.reading)
	if err != nil {
		return Result{Reading: content.reading}, err
	}
	if err := cmp.Or(verdict(reading), content.checkCoverage()); err != nil {
		return Result{Reading: reading}, err
	}
	b.notifyLayers(base, content.layers)
	b.keepLayers(content.layers)
	img, err := b.assemble(base, content)
	if err != nil {
		return Result{Reading: reading}, err
	}
	built, err := b.publish(ctx, img)
	return Result{Reading: reading, Built: built}, err
}

// packed is a source that was read into layers.
type packed struct {
	reading *Reading
	// epoch is the time of the release.
	epoch  time.Time
	layers writtenLayers
	// files are the files in the layers, for the bill of materials; nil without one.
	files []spdx.File
}

// pack reads the source once, for the checks and into layers. resolve returns the base.
func (b *builder) pack(ctx context.Context, resolve func() (*baseImage, error)) (_ *packed, err error) {
	checks, err := b.checks(ctx, resolve)
	if err != nil {
		return nil, err
	}
	src, err := openSource(ctx, b.stages, b.opts.Input, checks)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	epoch := releaseEpoch(b.opts.Epoch, src.commitTime)
	if err := checkEpoch(epoch); err != nil {
		return nil, &Error{Source, fmt.Errorf("the commit's time, %w: set SOURCE_DATE_EPOCH", err)}
	}
	layers := b.newLayers(resolve)
	defer layers.close()
	inventory := new(attest.Inventory)
	reading, err := src.read(ctx, b.stages, b.sinks(layers, inventory)...)
	if err != nil {
		return nil, fail(Engine, err)
	}
	reading.notifyGroups(b.opts.Input.Source.Notify)
	written, err := layers.commit()
	if err != nil {
		return nil, err
	}
	return &packed{reading: reading, epoch: epoch, layers: written, files: inventory.Files()}, nil
}

// checks returns the checks of the source. They include the workspaces of the base if these are kept.
func (b *builder) checks(ctx context.Context, resolve func() (*baseImage, error)) (Checks, error) {
	checks := b.opts.Checks
	if !b.opts.KeepBaseWorkspaces {
		return checks, nil
	}
	base, err := resolve()
	if err != nil {
		return Checks{}, err
	}
	kept, err := b.readKept(ctx, base)
	if err != nil {
		return Checks{}, err
	}
	options := *checks.Workspaces
	options.Kept = kept
	checks.Workspaces = &options
	return checks, nil
}

// sinks returns what receives the files that ship, in addition to the checks.
func (b *builder) sinks(layers *layerSet, inventory *attest.Inventory) []sink {
	sinks := []sink{{start: layers.start, add: layers.add}}
	if b.opts.Attest.SBOM && b.opts.Attest.Files {
		sinks = append(sinks, sink{add: func(f source.File) error { inventory.Add(f); return nil }})
	}
	return sinks
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
func (p *packed) checkCoverage() error {
	c := p.reading.Scan.Coverage
	if c.Files != p.layers.files || c.Bytes != p.layers.bytes {
		return &Error{Incomplete, fmt.Errorf("the scan covered %d files and %d bytes, but %d files and %d bytes would ship",
			c.Files, c.Bytes, p.layers.files, p.layers.bytes)}
	}
	return nil
}
