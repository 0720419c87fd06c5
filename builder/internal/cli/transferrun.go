// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/transfer"
	"github.com/prismeai/workspaces-release/scan/format"
)

// newJob makes a job of the flags. Whoever calls it removes job.Dir.
func (a *app) newJob(f *transferFlags, show progressFlag, args []string) (*transfer.Job, error) {
	job := &transfer.Job{Workspaces: f.workspaces, Group: f.group, As: f.as, Exclude: f.exclude, Prune: f.prune, Create: f.create,
		KeepDomains: f.keepDomains, DryRun: f.dryRun, Variables: f.variables, Timeout: f.timeout}
	if err := f.look.apply(&job.Checks); err != nil {
		return nil, err
	}
	checks, err := (&checkFlags{strict: f.strict}).checks()
	if err != nil {
		return nil, err
	}
	job.Checks.Workspaces = checks.Workspaces
	job.Checks.Workspaces.Alone = true
	job.Checks.Strict = checks.Strict
	a.applyRules(&job.Checks)
	job.Input = pipeline.Input{Source: source.Options{Auth: git.Auth{Getenv: a.getenv}, Limits: f.source.limits()}}
	if f.from.url != "" {
		if job.From, err = f.from.client(a); err != nil {
			return nil, withCode(exitUsage, err)
		}
	} else if job.Input, err = f.source.input(a, args[0]); err != nil {
		return nil, err
	}
	if job.To, err = f.to.client(a); err != nil {
		return nil, withCode(exitUsage, err)
	}
	if f.backup != "" {
		job.Backup = f.keep
	}
	if f.dryRun || len(f.changes) > 0 {
		if job.Compare, err = a.comparison(f, job); err != nil {
			return nil, err
		}
	}
	if job.Display, err = show.display(a); err != nil {
		return nil, err
	}
	if job.Dir, err = os.MkdirTemp(a.tempDir(), "transfer-"); err != nil {
		return nil, errors.Join(err, job.Display.Close())
	}
	return job, nil
}

// comparison is how the changes of an import are found.
func (a *app) comparison(f *transferFlags, job *transfer.Job) (opts *pipeline.DiffOptions, err error) {
	opts = &pipeline.DiffOptions{Checks: pipeline.Checks{Workspaces: job.Checks.Workspaces}, Limits: f.source.limits(), MaxLines: diffLines}
	if opts.Registry, err = new(registryFlags).client(a); err != nil {
		return nil, err
	}
	opts.Scanner, err = new(scanFlags).scanner("", nil)
	return opts, err
}

// runTransfer transfers, and then writes everything there is to report, below the display
// of progress.
func (a *app) runTransfer(ctx context.Context, f *transferFlags, job *transfer.Job) error {
	report, err := job.Run(ctx)
	errs := []error{job.Display.Close()}
	for _, reading := range report.Readings {
		errs = append(errs, a.explainReading(reading, defaultMaxDiagnostics))
	}
	if len(report.Readings) > 0 {
		errs = append(errs, f.look.write(a, report.Readings[len(report.Readings)-1], nil))
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

// closeJob removes what a job has left.
func closeJob(job *transfer.Job) error {
	if job.From != nil {
		job.From.CloseIdleConnections()
	}
	job.To.CloseIdleConnections()
	return os.RemoveAll(job.Dir)
}

// keep writes the backup, which may hold secrets: nobody has scanned it.
func (f *transferFlags) keep(present *os.File) error {
	return replaceFileOf(0o600, f.backup, func(w io.Writer) error {
		if _, err := present.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(w, present)
		return err
	})
}

// writeChanges writes what the import changes to files, for those who approve it.
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

// showChanges shows what the import changes. What is only on the target stays, unless it
// is pruned.
func (a *app) showChanges(f *transferFlags, changes *compare.Report) error {
	if err := changes.WriteText(a.Out, a.color(a.Out)); err != nil {
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

// transferError is the exit code of results, whose problems have been written.
func transferError(results transfer.Results, err error) error {
	switch ended := results.Outcome(); {
	case err != nil || ended == outcome.Done:
		return nil
	case ended == outcome.Unknown:
		return &exitError{code: exitUnknown, err: errors.New("the outcome of the import is unknown"), said: true}
	default:
		return &exitError{code: exitPush, err: errors.New("the transfer failed"), said: true}
	}
}
