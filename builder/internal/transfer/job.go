// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/requirements"
)

// Job is a transfer of one or several workspaces.
type Job struct {
	// From is the platform to export from; nil if Input is the source.
	From  *platform.Client
	To    *platform.Client
	Input pipeline.Input
	// Workspaces are the slugs, or ids on From; none is the only one of the source. Group
	// takes those of a group instead.
	Workspaces []string
	Group      string
	// Checks of each workspace.
	Checks pipeline.Checks
	// As is the slug on the target, if it is to be another one. Exclude leaves parts out,
	// such as index, security or pages/custom.
	As      string
	Exclude []string

	Prune, Create, KeepDomains, DryRun bool
	// Variables that the service has of its own.
	Variables []string
	// Timeout bounds the time from an import to its known end.
	Timeout time.Duration
	// Dir is a directory for the archives of this job.
	Dir     string
	Display *progress.Display
	// Backup is given the archive of a workspace as it is; nil is not.
	Backup func(present *os.File) error
	// Compare says how changes are found; nil if nobody asks for them.
	Compare *pipeline.DiffOptions
}

// Report is what a job did. It is complete as far as the job came.
type Report struct {
	Readings []*pipeline.Reading
	Results  Results
	// Changes are what the imports change; nil if they were not asked for, or all of the
	// workspaces are new.
	Changes *compare.Report
}

// packed is a workspace that was checked, in an archive of its own.
type packed struct {
	path, slug string
	reading    *pipeline.Reading
	notes      []outcome.Problem
}

// Run checks all of the workspaces before it sends one, and imports them in the order of
// their dependencies. It stops at the first that fails. What is wrong with workspaces and
// imports is in the report; the error is that of a source or a check, or of ctx.
func (j *Job) Run(ctx context.Context) (*Report, error) {
	report := &Report{}
	names, err := j.names(ctx)
	if err != nil {
		return report, err
	}
	var all []*packed
	for n, name := range names {
		p, err := j.pack(ctx, name, filepath.Join(j.Dir, fmt.Sprintf("workspace-%d.zip", n)))
		if p != nil && p.reading != nil {
			report.Readings = append(report.Readings, p.reading)
		}
		if err != nil {
			return report, err
		}
		all = append(all, p)
	}
	all = inImportOrder(all)
	for n, p := range all {
		result, err := j.transfer(ctx, p, report)
		if result != nil {
			report.Results = append(report.Results, result)
		}
		if err != nil || result.Outcome != outcome.Done {
			report.skip(all[n+1:], j.To)
			return report, err
		}
	}
	return report, nil
}

// skip reports workspaces that were not tried because one before them failed.
func (r *Report) skip(rest []*packed, to *platform.Client) {
	for _, p := range rest {
		skipped := newResult(to, &Options{Slug: p.slug})
		skipped.add(outcome.Problem{
			Code:    "not-tried",
			Message: fmt.Sprintf("%s was not transferred, because a workspace before it failed", p.slug),
			Help:    "run again after the correction: workspaces that were imported are imported again",
		})
		r.Results = append(r.Results, skipped)
	}
}

// transfer imports one workspace.
func (j *Job) transfer(ctx context.Context, p *packed, report *Report) (result *Result, err error) {
	file, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	w := p.reading.Repository.Workspaces[0]
	opts := Options{
		Slug:         p.slug,
		Name:         w.Name.Value,
		Archive:      file,
		Size:         info.Size(),
		Prune:        j.Prune,
		Create:       j.Create,
		KeepDomains:  j.KeepDomains,
		DryRun:       j.DryRun,
		Requirements: requirements.Of(p.reading.Repository.Manifest()),
		Variables:    j.Variables,
		TempDir:      j.Dir,
		Timeout:      j.Timeout,
		Notes:        p.notes,
	}
	for _, label := range w.Labels {
		opts.Labels = append(opts.Labels, label.Value)
	}
	if j.Backup != nil || j.Compare != nil {
		opts.Present = func(ctx context.Context, present *os.File) error { return j.present(ctx, present, p, report) }
	}
	return Run(ctx, j.To, j.Display, opts)
}

// present keeps the workspace as it is, and says what the import changes.
func (j *Job) present(ctx context.Context, present *os.File, p *packed, report *Report) error {
	if j.Backup != nil {
		if err := j.Backup(present); err != nil {
			return err
		}
	}
	if j.Compare == nil {
		return nil
	}
	changes, err := j.compare(ctx, present.Name(), p)
	if err != nil {
		return fmt.Errorf("compare with the workspace of the target: %w", err)
	}
	report.addChanges(changes)
	return nil
}

// addChanges adds what one workspace changes.
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
