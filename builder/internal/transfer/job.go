// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/requirements"
)

// Job describes the transfer of one or more workspaces. It does not change while it runs.
type Job struct {
	// From is the platform to export from. If nil, Input is the source.
	From  *platform.Client
	To    *platform.Client
	Input pipeline.Input
	// Workspaces are slugs, or IDs on From. Empty means the only workspace of the source.
	Workspaces []string
	// Group selects the workspaces of a group instead.
	Group string
	// Checks are run on each workspace.
	Checks pipeline.Checks
	// As is the slug on the target; empty keeps the slug.
	As string
	// Exclude omits parts, such as index, security or pages/custom.
	Exclude []string

	Prune       bool
	Create      bool
	KeepDomains bool
	DryRun      bool
	// Variables are environment variables that the service has itself.
	Variables []string
	// Timeout bounds the time from an import to its result.
	Timeout time.Duration
	// TempDir is the parent of the directory for the archives of this job, which is removed at the
	// end.
	TempDir string
	Display *progress.Display
	// Backup is a file for the archive of the existing workspace, which may contain secrets; empty
	// for none.
	Backup string
	// Compare controls how changes are computed; nil computes none.
	Compare *pipeline.DiffOptions
}

// Report is the result of a job. After an error it covers the part that ran.
type Report struct {
	Readings []*pipeline.Reading
	Results  Results
	// Changes are the changes that the imports make; nil if not requested, or if all workspaces are
	// new.
	Changes *compare.Report
}

// packed is a checked workspace in its own archive.
type packed struct {
	path, slug string
	reading    *pipeline.Reading
	notes      []outcome.Problem
}

// Run checks all workspaces before it sends any, then imports them in dependency order and stops at
// the first failure. Problems of workspaces and imports are in the report; the error is that of a
// source or a check, or the cause of ctx.
func Run(ctx context.Context, job Job) (report *Report, err error) {
	dir, err := os.MkdirTemp(job.TempDir, "transfer-")
	if err != nil {
		return &Report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return (&batch{job: job, dir: dir}).run(ctx)
}

// batch is one run of a job.
type batch struct {
	job Job
	// dir is for archives.
	dir string
}

func (b *batch) run(ctx context.Context) (*Report, error) {
	report := &Report{}
	names, err := b.selectNames(ctx)
	if err != nil {
		return report, err
	}
	var all []*packed
	for n, name := range names {
		p, err := b.packWorkspace(ctx, name, filepath.Join(b.dir, fmt.Sprintf("workspace-%d.zip", n)))
		if p != nil && p.reading != nil {
			report.Readings = append(report.Readings, p.reading)
		}
		if err != nil {
			return report, err
		}
		all = append(all, p)
	}
	all = sortByDependency(all)
	for n, p := range all {
		done, err := b.transferOne(ctx, p)
		report.addTransferred(done)
		if err != nil || done.result.Outcome != outcome.Done {
			report.skipRest(all[n+1:], b.job.To)
			return report, err
		}
	}
	return report, nil
}

// transferOutcome is what is known about the transfer of one workspace.
type transferOutcome struct {
	// result is nil if nothing was tried.
	result *Result
	// changes is what the import changes; nil if not requested, or for a new workspace.
	changes *compare.Report
}

// addTransferred adds the transfer of one workspace to the report.
func (r *Report) addTransferred(t transferOutcome) {
	if t.result != nil {
		r.Results = append(r.Results, t.result)
	}
	if t.changes != nil {
		r.addChanges(t.changes)
	}
}

// skipRest reports the workspaces that were not tried because an earlier one failed.
func (r *Report) skipRest(rest []*packed, to *platform.Client) {
	for _, p := range rest {
		skipped := newResult(to, &Options{Slug: p.slug})
		skipped.addProblem(outcome.Problem{
			Code:    "not-tried",
			Message: fmt.Sprintf("%s was not transferred, because a workspace before it failed", p.slug),
			Help:    "run again after the correction: workspaces that were imported are imported again",
		})
		r.Results = append(r.Results, skipped)
	}
}

// transferOne imports one workspace.
func (b *batch) transferOne(ctx context.Context, p *packed) (done transferOutcome, err error) {
	file, err := os.Open(p.path)
	if err != nil {
		return transferOutcome{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return transferOutcome{}, err
	}
	opts := b.newOptions(p)
	opts.Archive = file
	opts.Size = info.Size()
	if b.job.Backup != "" || b.job.Compare != nil {
		opts.Present = func(ctx context.Context, present *os.File) error {
			changes, err := b.handlePresent(ctx, present, p)
			done.changes = changes
			return err
		}
	}
	done.result, err = Import(ctx, b.job.To, b.job.Display, opts)
	return done, err
}

// newOptions returns the options of an import without its archive.
func (b *batch) newOptions(p *packed) Options {
	w := p.reading.Repository.Workspaces[0]
	opts := Options{
		Slug:         p.slug,
		Name:         w.Name.Value,
		Prune:        b.job.Prune,
		Create:       b.job.Create,
		KeepDomains:  b.job.KeepDomains,
		DryRun:       b.job.DryRun,
		Requirements: requirements.Of(p.reading.Repository.Manifest()),
		Variables:    b.job.Variables,
		TempDir:      b.dir,
		Timeout:      b.job.Timeout,
		Notes:        p.notes,
	}
	for _, label := range w.Labels {
		opts.Labels = append(opts.Labels, label.Value)
	}
	return opts
}

// handlePresent backs up the existing workspace and computes the changes.
func (b *batch) handlePresent(ctx context.Context, present *os.File, p *packed) (*compare.Report, error) {
	if b.job.Backup != "" {
		if err := writeBackup(b.job.Backup, present); err != nil {
			return nil, err
		}
	}
	if b.job.Compare == nil {
		return nil, nil
	}
	changes, err := b.compareWithTarget(ctx, present.Name(), p)
	if err != nil {
		return nil, fmt.Errorf("compare with the workspace of the target: %w", err)
	}
	return changes, nil
}

// writeBackup writes a backup that only its owner can read: it has not been scanned for secrets.
func writeBackup(name string, present *os.File) (err error) {
	if _, err := present.Seek(0, io.SeekStart); err != nil {
		return err
	}
	file, err := atomicfile.Create(name, 0o600)
	if err != nil {
		return fmt.Errorf("create backup: %w", err)
	}
	defer func() { err = errors.Join(err, file.Discard()) }()
	if _, err := io.Copy(file, present); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return file.Commit()
}

// addChanges merges the changes of one workspace into the report.
func (r *Report) addChanges(changes *compare.Report) {
	if r.Changes == nil {
		r.Changes = changes
		return
	}
	all := r.Changes
	all.Differ = all.Differ || changes.Differ
	all.Warnings = append(all.Warnings, changes.Warnings...)
	all.Workspaces = append(all.Workspaces, changes.Workspaces...)
	all.Unchanged += changes.Unchanged
	all.Old.Files += changes.Old.Files
	all.New.Files += changes.New.Files
	all.Old.Workspaces += changes.Old.Workspaces
	all.New.Workspaces += changes.New.Workspaces
}
