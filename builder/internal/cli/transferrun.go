// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/transfer"
	"github.com/prismeai/workspaces-release/scan/format"
)

// newJob creates a job from the flags. The caller closes its connections.
func (a *app) newJob(f *transferFlags, args []string) (*transfer.Job, error) {
	job := &transfer.Job{
		Workspaces:  f.workspaces,
		Group:       f.group,
		As:          f.as,
		Exclude:     f.exclude,
		Prune:       f.prune,
		Create:      f.create,
		KeepDomains: f.keepDomains,
		DryRun:      f.dryRun,
		Variables:   f.variables,
		Timeout:     f.timeout,
		TempDir:     a.tempDir(),
		Backup:      f.backup,
	}
	if err := f.scanOpts.applyTo(a, &job.Checks); err != nil {
		return nil, err
	}
	checks, err := (&checkFlags{strict: f.strict}).buildChecks()
	if err != nil {
		return nil, err
	}
	job.Checks.Workspaces = checks.Workspaces
	job.Checks.Workspaces.Alone = true
	job.Checks.Strict = checks.Strict
	a.applyRules(&job.Checks)
	job.Input = pipeline.Input{Source: source.Options{Auth: git.Auth{Getenv: a.getenv}, Limits: f.source.parseLimits()}}
	if f.from.url != "" {
		if job.From, err = f.from.newClient(a); err != nil {
			return nil, withCode(exitUsage, err)
		}
	} else if job.Input, err = f.source.buildInput(a, args[0]); err != nil {
		return nil, err
	}
	if job.To, err = f.to.newClient(a); err != nil {
		return nil, withCode(exitUsage, err)
	}
	if f.dryRun || len(f.changes) > 0 {
		if job.Compare, err = a.newComparison(f, job); err != nil {
			return nil, err
		}
	}
	return job, nil
}

// newComparison returns the options to compute the changes of an import.
func (a *app) newComparison(f *transferFlags, job *transfer.Job) (opts *pipeline.DiffOptions, err error) {
	opts = &pipeline.DiffOptions{
		Checks:   pipeline.Checks{Workspaces: job.Checks.Workspaces},
		Limits:   f.source.parseLimits(),
		MaxLines: diffLines,
	}
	if opts.Registry, err = new(registryFlags).newClient(a); err != nil {
		return nil, err
	}
	opts.Scanner, err = new(scanFlags).newScanner(a, "", nil)
	return opts, err
}

// runTransfer runs the transfer, and then writes all reports below the progress.
func (a *app) runTransfer(ctx context.Context, f *transferFlags, job *transfer.Job) error {
	report, err := transfer.Run(ctx, *job)
	errs := []error{job.Display.Close()}
	for _, reading := range report.Readings {
		errs = append(errs, a.explainReading(reading, defaultMaxDiagnostics))
	}
	if len(report.Readings) > 0 {
		errs = append(errs, f.scanOpts.writeReports(a, report.Readings[len(report.Readings)-1], nil))
	}
	if report.Changes != nil {
		errs = append(errs, f.writeChanges(report.Changes))
		if f.dryRun {
			errs = append(errs, a.showChanges(f, report.Changes))
		}
	}
	if len(report.Results) > 0 {
		errs = append(errs, a.writeOutcome(f.reports, report.Results))
		err = errors.Join(err, transferError(report.Results, err))
	}
	if problem, ok := errors.AsType[*outcome.Problem](err); ok {
		err = withCode(exitPush, fmt.Errorf("%w\n  help: %s", err, problem.Help))
	}
	return errors.Join(append(errs, err)...)
}

// closeConnections closes the connections of a job.
func closeConnections(job *transfer.Job) {
	if job.From != nil {
		job.From.CloseIdleConnections()
	}
	job.To.CloseIdleConnections()
}

// writeChanges writes the changes of the import to files, for approvers.
func (f *transferFlags) writeChanges(changes *compare.Report) error {
	targets, err := parseTargets(f.changes, changeReports)
	errs := []error{err}
	for _, target := range targets {
		errs = append(errs, replaceFile(target.path, func(w io.Writer) error {
			if target.format == format.JSON {
				return changes.WriteJSON(w)
			}
			_, err := changes.WriteMarkdown(w, compare.FitsComment)
			return err
		}))
	}
	return errors.Join(errs...)
}

// showChanges shows the changes of the import. Files that exist only on the target are kept unless
// pruned.
func (a *app) showChanges(f *transferFlags, changes *compare.Report) error {
	if err := changes.WriteText(a.Out, a.useColor(a.Out)); err != nil {
		return err
	}
	var stays []string
	for _, w := range changes.Workspaces {
		for _, file := range w.Files {
			if file.Status == compare.Removed && !f.prune {
				stays = append(stays, file.Path)
			}
		}
	}
	if len(stays) > 0 {
		fmt.Fprintf(a.Out, "\nnote: without --prune, the target keeps %s\n", strings.Join(stays, ", "))
	}
	_, err := fmt.Fprintln(a.Out)
	return err
}

// transferError returns the exit code of results whose problems have been printed.
func transferError(results transfer.Results, err error) error {
	switch ended := results.Outcome(); {
	case err != nil || ended == outcome.Done:
		return nil
	case ended == outcome.Unknown:
		return &exitError{code: exitUnknown, err: errors.New("the outcome of the import is unknown"), reported: true}
	default:
		return &exitError{code: exitPush, err: errors.New("the transfer failed"), reported: true}
	}
}
