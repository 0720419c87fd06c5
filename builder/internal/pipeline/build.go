// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/scan"
)

// Build reads the source, makes the checks, and makes and publishes the image.
//
// The reading is returned also with an error of kind [Invalid], [Secrets] or
// [Incomplete]. With an error of any kind, or after an interruption, no file has been
// written, no temporary file is left, and no name has been pushed, with exceptions:
// a registry that holds all of the image may still refuse its name when others have
// it already, and a file its own when the names are pushed. See [engine.Build].
func Build(ctx context.Context, display *progress.Display, opts BuildOptions) (_ *Reading, _ *report.Build, err error) {
	if err := opts.check(); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(opts.TempDir, "builder-")
	if err != nil {
		return nil, nil, fail(Engine, fmt.Errorf("create a temporary directory: %w", err))
	}
	defer func() { err = explainSpace(errors.Join(err, fail(Engine, os.RemoveAll(dir)))) }()
	b := &build{BuildOptions: opts, stages: stages{display: display}, dir: dir}
	return b.run(ctx)
}

// explainSpace says what to do about a full disk, whichever stage has met it.
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
	// epoch is the time of the release. It is set when the source is open.
	epoch time.Time
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
	var content layer.Layer
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := b.checkCredentials(gctx); err != nil {
			return err
		}
		if err := b.resolveBase(gctx); err != nil {
			return err
		}
		return b.checkEngine(gctx)
	})
	group.Go(func() (err error) {
		reading, content, err = b.readLayer(gctx)
		return err
	})
	err = group.Wait()
	if err == nil {
		err = b.scanMetadata(ctx, reading)
	}
	if err == nil {
		err = cmp.Or(verdict(reading.Diagnostics, reading.Scan), checkCoverage(reading.Scan.Coverage, content))
	}
	if err != nil {
		return reading, nil, err
	}
	if r := b.Recorded; r != nil && r.Commit == reading.Source.Commit && r.Dirty == reading.Source.Dirty {
		reading.Source = *r
	}
	built, err := b.assemble(ctx, reading, content)
	return reading, built, err
}

// resolveBase reads the base's manifests and configurations, and none of its layers.
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
			return context.Cause(ctx) // the registry is not to blame
		}
		if err == nil && b.BaseDigest != "" {
			b.base.Name = b.Base // the digest is beside it
		}
		return fail(Registry, err)
	})
}

// readLayer reads the source into the checks and the layer at the same time.
func (b *build) readLayer(ctx context.Context) (reading *Reading, content layer.Layer, err error) {
	stored, err := b.store.Add(ctx, func(w io.Writer) (digest.Digest, error) {
		var out *layer.Writer
		reading, err = b.stages.read(ctx, b.Input, b.Checks, func(tree *source.Tree) (_ []sink, err error) {
			out, err = b.openLayer(w, tree)
			sinks := []sink{func(f source.File) error { return fail(Engine, out.Add(f.Path, f.Data)) }}
			if b.Attest.SBOM {
				sinks = append(sinks, func(f source.File) error { b.inventory.Add(f.Path, f.Data); return nil })
			}
			return sinks, err
		})
		if out == nil {
			return "", err
		}
		var closed error
		content, closed = out.Close()
		return content.DiffID, cmp.Or(err, fail(Engine, closed))
	})
	if err == nil && stored.Digest != content.Digest {
		err = &Error{Internal, fmt.Errorf("the layer was written as %s and stored as %s", content.Digest, stored.Digest)}
	}
	return reading, content, fail(Engine, err)
}

// openLayer starts the layer. The time of a commit is known when the source is open,
// which is before its first file arrives.
func (b *build) openLayer(w io.Writer, tree *source.Tree) (*layer.Writer, error) {
	commit, _ := tree.CommitTime()
	if b.epoch = releaseEpoch(b.Epoch, commit); checkEpoch(b.epoch) != nil {
		return nil, &Error{Source, fmt.Errorf("the commit's time, %w: set SOURCE_DATE_EPOCH", checkEpoch(b.epoch))}
	}
	out, err := layer.NewWriter(w, layer.Options{
		Directory: b.Repository.Directory, Parents: b.Base == "", Keep: b.KeepBaseWorkspaces,
	})
	return out, fail(Engine, err)
}

// releaseEpoch is the given time, else the commit's, else 0.
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

// checkCoverage proves that what was scanned is what ships, by two counts that
// know nothing of each other.
func checkCoverage(c scan.Coverage, content layer.Layer) error {
	if c.Files != content.Files || c.Bytes != content.Bytes {
		return &Error{Incomplete, fmt.Errorf("the scan covered %d files and %d bytes, but %d files and %d bytes would ship",
			c.Files, c.Bytes, content.Files, content.Bytes)}
	}
	return nil
}
