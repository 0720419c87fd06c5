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

// Job transfers one or more workspaces.
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
	// Dir is the directory for the archives of this job.
	Dir     string
	Display *progress.Display
	// Backup receives the archive of the existing workspace; may be nil.
	Backup func(present *os.File) error
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
func (j *Job) Run(ctx context.Context) (*Report, error) {
	report := &Report{}
	names, err := j.selectNames(ctx)
	if err != nil {
		return report, err
	}
	var all []*packed
	for n, name := range names {
		p, err := j.packWorkspace(ctx, name, filepath.Join(j.Dir, fmt.Sprintf("workspace-%d.zip", n)))
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
		result, err := j.transferOne(ctx, p, report)
		if result != nil {
			report.Results = append(report.Results, result)
		}
		if err != nil || result.Outcome != outcome.Done {
			report.skipRest(all[n+1:], j.To)
			return report, err
		}
	}
	return report, nil
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
func (j *Job) transferOne(ctx context.Context, p *packed, report *Report) (result *Result, err error) {
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
		opts.Present = func(ctx context.Context, present *os.File) error {
			return j.handlePresent(ctx,
				present, p, report)
		}
	}
	return Run(ctx, j.To, j.Display, opts)
}

// handlePresent backs up the existing workspace and computes the changes.
func (j *Job) handlePresent(ctx context.Context, present *os.File, p *packed, report *Report) error {
	if j.Backup != nil {
		if err := j.Backup(present); err != nil {
			return err
		}
	}
	if j.Compare == nil {
		return nil
	}
	changes, err := j.compareWithTarget(ctx, present.Name(), p)
	if err != nil {
		return fmt.Errorf("compare with the workspace of the target: %w", err)
	}
	report.addChanges(changes)
	return nil
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
