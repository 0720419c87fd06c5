// SPDX-License-Identifier: AGPL-3.0-or-later

// Package transfer copies workspaces between platforms as archives, and waits until it knows how
// each import ended.
//
// An import is posted at most once. If the response does not contain the result, the events and the
// status of the workspace are polled; otherwise the outcome is unknown.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/requirements"
)

// Options of an import.
type Options struct {
	// Slug, Name and Labels of the workspace.
	Slug, Name string
	Labels     []string
	// Archive has Size bytes.
	Archive io.ReaderAt
	Size    int64
	// Prune deletes files that the archive lacks.
	Prune bool
	// Create creates the workspace if the target lacks it.
	Create bool
	// KeepDomains restores the custom domains, which an import removes.
	KeepDomains bool
	// DryRun does everything except the import.
	DryRun bool
	// Notes are warnings from before the transfer.
	Notes []outcome.Problem
	// Requirements are the values that the workspace needs.
	Requirements []requirements.Requirement
	// Variables are environment variables that the service has itself.
	Variables []string
	// Present receives the archive of the existing workspace before anything changes. It is
	// optional, and not called for a new workspace.
	Present func(ctx context.Context, archive *os.File) error
	// TempDir is the directory for that archive.
	TempDir string
	// Timeout bounds the time from the import to its result.
	Timeout time.Duration
}

// run is one import.
type run struct {
	Options
	client  *platform.Client
	display outcome.Display
	result  *Result
	since   time.Time // platform time of the last read before the import
	posted  bool
	domains []string // custom domains before the import
}

// Import imports a workspace. The result lists what was imported and every problem. The error is an
// error of [Options.Present] or the cause of ctx; the platform may then still be importing.
func Import(ctx context.Context, client *platform.Client, display outcome.Display, o Options) (*Result, error) {
	r := &run{Options: o, client: client, display: display, result: newResult(client, &o)}
	began := time.Now()
	err := r.transferWorkspace(ctx)
	r.result.Duration = outcome.Milliseconds(time.Since(began))
	problem, ok := errors.AsType[*outcome.Problem](err)
	switch {
	case err == nil:
		return r.result, nil
	case ctx.Err() != nil:
		r.reportInterruption()
		return r.result, fmt.Errorf("interrupted: %w", ctx.Err())
	case ok:
		r.result.addProblem(*problem)
		return r.result, nil
	}
	return r.result, err
}

// reportInterruption adds a problem that says whether the platform is still importing.
func (r *run) reportInterruption() {
	if r.posted {
		r.result.Outcome = outcome.Unknown
	}
	r.result.addProblem(outcome.InterruptedProblem("import", r.posted, r.describeLookup()))
}

// transferWorkspace returns a [*outcome.Problem], an error of Present, or the cause of ctx.
func (r *run) transferWorkspace(ctx context.Context) error {
	target, err := r.findTarget(ctx)
	if err != nil {
		return err
	}
	if err := r.warnMissing(ctx); err != nil {
		return err
	}
	if target != nil && r.Present != nil {
		if err := r.exportPresent(ctx, target.ID); err != nil {
			return err
		}
	}
	if target != nil {
		if err := r.inspectTarget(ctx, target.ID); err != nil {
			return err
		}
	}
	r.warnOfLabels(r.Labels, "the workspace")
	if r.DryRun {
		r.result.Outcome = outcome.Done
		return nil
	}
	if target == nil {
		if err := r.createWorkspace(ctx); err != nil {
			return err
		}
	}
	report, err := r.postAndFollow(ctx)
	if err == nil {
		err = r.recordReport(report)
	}
	r.warnIfEmpty()
	return errors.Join(err, r.restoreDomains(ctx))
}

// postAndFollow posts the import and follows it until its result is known.
func (r *run) postAndFollow(ctx context.Context) (report *platform.ArchiveReport, err error) {
	sent := time.Now()
	request := platform.ArchiveRequest{
		Workspace: r.result.Workspace.ID,
		Prune:     r.Prune,
		Archive:   r.Archive,
		Size:      r.Size,
		Wait:      r.Timeout,
	}
	var answer platform.ArchiveResult
	err = r.display.Narrate(r.describeImport(), func(say func(string)) error {
		r.posted = true
		err := retry.Write(ctx, printWait(say), func() error {
			answer, err = r.client.ImportArchive(ctx, request)
			return err
		})
		r.posted = err == nil || platform.OutcomeUnknown(err)
		return err
	})
	r.result.CorrelationID = answer.CorrelationID
	switch {
	case err != nil && !r.posted:
		return nil, r.explainImportRefusal(err)
	case answer.Report != nil:
		return answer.Report, nil
	}
	err = r.display.Narrate("find the result of the import", func(say func(string)) error {
		report, err = r.findResult(ctx, sent, err, say)
		return err
	})
	return report, err
}

func (r *run) describeImport() string {
	var how []string
	if r.result.Created {
		how = append(how, "into the new workspace")
	}
	if r.Prune {
		how = append(how, "and delete what is not in it")
	}
	return strings.Join(append([]string{"import " + r.Slug}, how...), " ")
}

func (r *run) describeLookup() string {
	return "the result is in the activity of the workspace " + r.Slug + ", as event " + platform.EventArchiveImported
}
