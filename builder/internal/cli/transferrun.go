// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/transfer"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/scan/format"
)

// transferRun is one transfer: what it uses, and what it finds.
type transferRun struct {
	*app
	*transferFlags
	checks   pipeline.Checks
	from, to *platform.Client // from is nil without --from-api-url
	display  *progress.Display
	dir      string // removed at the end
}

func (a *app) newTransfer(f *transferFlags, show progressFlag) (*transferRun, error) {
	run := &transferRun{app: a, transferFlags: f}
	if err := f.look.apply(&run.checks); err != nil {
		return nil, err
	}
	checks, err := (&checkFlags{strict: f.strict}).checks()
	if err != nil {
		return nil, err
	}
	run.checks.Workspaces, run.checks.Strict = checks.Workspaces, checks.Strict
	run.checks.Workspaces.Alone = true
	if f.from.url != "" {
		if run.from, err = f.from.client(a); err != nil {
			return nil, withCode(exitUsage, err)
		}
	}
	if run.to, err = f.to.client(a); err != nil {
		return nil, withCode(exitUsage, err)
	}
	if run.display, err = show.display(a); err != nil {
		return nil, err
	}
	if run.dir, err = os.MkdirTemp(a.tempDir(), "transfer-"); err != nil {
		return nil, errors.Join(err, run.display.Close())
	}
	return run, nil
}

func (t *transferRun) close() error {
	if t.from != nil {
		t.from.CloseIdleConnections()
	}
	t.to.CloseIdleConnections()
	return os.RemoveAll(t.dir)
}

// run transfers, and then says all there is to say, past the display of progress.
func (t *transferRun) run(ctx context.Context, args []string) error {
	var said []func() error
	reading, err := t.read(ctx, args)
	if reading != nil {
		said = append(said, func() error { return t.explainReading(reading) }, func() error { return t.look.write(t.app, reading) })
	}
	var result *transfer.Result
	if err == nil {
		var changes *compare.Report
		result, changes, err = t.transfer(ctx, reading)
		if changes != nil && t.dryRun {
			said = append(said, func() error { return t.showChanges(changes) })
		}
	}
	if result != nil {
		said = append(said, func() error { return t.writeOutcome(t.reports, result) })
		err = errors.Join(err, transferError(result, err))
	}
	errs := []error{t.display.Close()}
	for _, say := range said {
		errs = append(errs, say())
	}
	if problem, ok := errors.AsType[*outcome.Problem](err); ok {
		err = withCode(exitPush, fmt.Errorf("%w\n  help: %s", err, problem.Help))
	}
	return errors.Join(append(errs, err)...)
}

// read makes an archive of what was validated and scanned. The name of the archive is archiveFile.
func (t *transferRun) read(ctx context.Context, args []string) (*pipeline.Reading, error) {
	var input pipeline.Input
	var err error
	if t.from == nil {
		input, err = t.source.input(t.app, args[0])
		input.Source.Workspace = t.workspace
	} else {
		input, err = t.export(ctx)
	}
	if err != nil {
		return nil, err
	}
	input.Source.One = true
	file, err := os.Create(t.archiveFile())
	if err != nil {
		return nil, err
	}
	reading, err := pipeline.Pack(ctx, t.display, input, t.checks, file)
	return reading, errors.Join(err, file.Close())
}

func (t *transferRun) archiveFile() string { return filepath.Join(t.dir, "workspace.zip") }

// export fetches the workspace from the other platform.
func (t *transferRun) export(ctx context.Context) (input pipeline.Input, err error) {
	file, err := os.Create(filepath.Join(t.dir, "export.zip"))
	if err != nil {
		return input, err
	}
	slug, err := transfer.Export(ctx, t.from, t.display, t.workspace, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return input, err
	}
	return t.archive(file.Name(), slug)
}

// archive is the input of an archive that this run has made.
func (t *transferRun) archive(path, slug string) (pipeline.Input, error) {
	spec, err := source.Parse(path)
	return pipeline.Input{Spec: spec, Source: source.Options{Getenv: t.getenv, TempDir: t.dir, Limits: t.source.limits(), One: true, Workspace: slug}}, err
}

// transfer imports what was read. What would change comes with a dry run.
func (t *transferRun) transfer(ctx context.Context, reading *pipeline.Reading) (result *transfer.Result, changes *compare.Report, err error) {
	file, err := os.Open(t.archiveFile())
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	workspaces := reading.Repository.Manifest()
	slug := workspaces[0].Slug
	opts := transfer.Options{Slug: slug, Archive: file, Size: info.Size(), Prune: t.prune, Create: t.create, DryRun: t.dryRun,
		Requirements: requirements.Of(workspaces), Variables: t.variables, TempDir: t.dir, Timeout: t.timeout}
	if t.dryRun || t.backup != "" || len(t.changes) > 0 {
		opts.Present = func(ctx context.Context, present *os.File) (err error) {
			if err := t.keep(present); err != nil || !t.dryRun && len(t.changes) == 0 {
				return err
			}
			if changes, err = t.compare(ctx, present.Name(), slug); err != nil {
				return fmt.Errorf("compare with the workspace of the target: %w", err)
			}
			return t.writeChanges(changes)
		}
	}
	result, err = transfer.Run(ctx, t.to, t.display, opts)
	return result, changes, err
}

// keep writes the backup, which may hold secrets: nobody has scanned it.
func (t *transferRun) keep(present *os.File) error {
	if t.backup == "" {
		return nil
	}
	return replaceFileOf(0o600, t.backup, func(w io.Writer) error {
		if _, err := present.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(w, present)
		return err
	})
}

// compare says what an import would change in the workspace with the archive at path.
func (t *transferRun) compare(ctx context.Context, path, slug string) (*compare.Report, error) {
	opts := pipeline.DiffOptions{Workspaces: t.checks.Workspaces, Limits: t.source.limits(), MaxLines: diffLines}
	var err error
	if opts.Old.Input, err = t.archive(path, slug); err != nil {
		return nil, err
	}
	if opts.New.Input, err = t.archive(t.archiveFile(), slug); err != nil {
		return nil, err
	}
	if opts.Registry, err = new(registryFlags).client(t.app); err != nil {
		return nil, err
	}
	if opts.Scanner, err = new(scanFlags).scanner("", nil); err != nil {
		return nil, err
	}
	changes, err := pipeline.Diff(ctx, opts)
	if err != nil {
		return nil, err
	}
	// An archive is imported whatever version is installed.
	changes.Warnings = slices.DeleteFunc(changes.Warnings, func(w compare.Warning) bool { return w.Rule == compare.SameVersion })
	changes.Old.Name, changes.New.Name = slug+" on "+t.to.BaseURL(), slug+" to be imported"
	return changes, nil
}

// writeChanges writes what the import changes to files, for whoever approves it.
func (t *transferRun) writeChanges(changes *compare.Report) error {
	targets, err := parseTargets(t.changes, changeReports)
	errs := []error{err}
	for _, target := range targets {
		errs = append(errs, replaceFile(target.path, func(w io.Writer) error {
			if target.format == format.JSON {
				return changes.WriteJSON(w)
			}
			return changes.WriteMarkdown(w, compare.FitsComment)
		}))
	}
	return errors.Join(errs...)
}

// showChanges shows what the import changes. What is only on the target stays, unless it
// is pruned.
func (t *transferRun) showChanges(changes *compare.Report) error {
	if err := changes.WriteText(t.Out, t.color(t.Out)); err != nil {
		return err
	}
	var stays []string
	for _, w := range changes.Workspaces {
		for _, f := range w.Files {
			if f.Status == compare.Removed && !t.prune {
				stays = append(stays, f.Path)
			}
		}
	}
	if len(stays) > 0 {
		fmt.Fprintf(t.Out, "\nnote: without --prune, the target keeps %s\n", strings.Join(stays, ", "))
	}
	_, err := fmt.Fprintln(t.Out)
	return err
}

// transferError is the exit code of a result, whose problems are told with it.
func transferError(result *transfer.Result, err error) error {
	switch {
	case err != nil || result.Outcome == outcome.Done:
		return nil
	case result.Outcome == outcome.Unknown:
		return &exitError{code: exitUnknown, err: errors.New("it is not known how the import ended"), said: true}
	default:
		return &exitError{code: exitPush, err: errors.New("the transfer failed"), said: true}
	}
}
