// SPDX-License-Identifier: AGPL-3.0-or-later

// Package transfer brings workspaces from platform to platform as archives, and does not
// end before it is known how each import ended.
//
// An import is never posted twice: after an answer that does not say how the import ended,
// the events and the status of the workspace say it, or the outcome is unknown.
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

// Options of a transfer.
type Options struct {
	// Slug, Name and Labels of the workspace. Its archive has Size bytes.
	Slug, Name string
	Labels     []string
	Archive    io.ReaderAt
	Size       int64
	// Prune deletes what the archive lacks. Create makes the workspace where there is none.
	Prune, Create bool
	// KeepDomains puts the custom domains back that an import empties.
	KeepDomains bool
	// DryRun does all but the import.
	DryRun bool
	// Notes are warnings from before the transfer.
	Notes []outcome.Problem
	// Requirements of the workspace, and the Variables that the service has of its own.
	Requirements []requirements.Requirement
	Variables    []string
	// Present is given the archive of the workspace as it is, before anything is changed.
	// nil is not, and where there is no workspace it is not called.
	Present func(ctx context.Context, archive *os.File) error
	// TempDir is where that archive is kept meanwhile.
	TempDir string
	// Timeout bounds the time from the import to its known end.
	Timeout time.Duration
}

// Display shows stages, each with lines that it says while it runs.
type Display interface {
	Narrate(name string, fn func(say func(line string)) error) error
}

// run is one transfer.
type run struct {
	Options
	client  *platform.Client
	display Display
	result  *Result
	since   time.Time // of the last look before the import, by the platform's clock
	posted  bool
	domains []string // custom domains before the import
}

// Run transfers. The result says what was imported, and all that is wrong; the error is
// that of ctx, whose end is not the end of the import, or of [Options.Present].
func Run(ctx context.Context, client *platform.Client, display Display, o Options) (*Result, error) {
	r := &run{Options: o, client: client, display: display, result: newResult(client, &o)}
	began := time.Now()
	err := r.transfer(ctx)
	r.result.Duration = outcome.Milliseconds(time.Since(began))
	problem, told := errors.AsType[*outcome.Problem](err)
	switch {
	case err == nil:
		return r.result, nil
	case ctx.Err() != nil:
		r.interrupted()
		return r.result, fmt.Errorf("interrupted: %w", ctx.Err())
	case told:
		r.result.add(*problem)
		return r.result, nil
	}
	return r.result, err
}

// interrupted says what goes on without us.
func (r *run) interrupted() {
	p := outcome.Problem{Code: "interrupted", Message: "interrupted before anything was imported", Help: "run again"}
	if r.posted {
		r.result.Outcome = outcome.Unknown
		p.Message, p.Help = "interrupted: the platform goes on with the import", r.whereToLook()
	}
	r.result.add(p)
}

// transfer returns a [*outcome.Problem], or an error of ctx or of Present.
func (r *run) transfer(ctx context.Context) error {
	target, err := r.find(ctx)
	if err != nil {
		return err
	}
	if err := r.missing(ctx); err != nil {
		return err
	}
	if target != nil && r.Present != nil {
		if err := r.present(ctx, target.ID); err != nil {
			return err
		}
	}
	if target != nil {
		if err := r.lookAtTarget(ctx, target.ID); err != nil {
			return err
		}
	}
	r.warnOfLabels(r.Labels, "the workspace")
	if r.DryRun {
		r.result.Outcome = outcome.Done
		return nil
	}
	if target == nil {
		if err := r.create(ctx); err != nil {
			return err
		}
	}
	report, err := r.post(ctx)
	if err == nil {
		err = r.judge(report)
	}
	r.noteEmpty()
	return errors.Join(err, r.restoreDomains(ctx))
}

// post imports, and finds out how that ends.
func (r *run) post(ctx context.Context) (report *platform.ArchiveReport, err error) {
	deadline := time.Now().Add(r.Timeout)
	request := platform.ArchiveRequest{
		Workspace: r.result.Workspace.ID,
		Prune:     r.Prune,
		Archive:   r.Archive,
		Size:      r.Size,
		Wait:      r.Timeout,
	}
	var answer platform.ArchiveResult
	err = r.display.Narrate(r.title(), func(say func(string)) error {
		r.posted = true
		err := retry.WriteNoting(ctx, sayWaiting(say), func() error {
			answer, err = r.client.ImportArchive(ctx,
				request)
			return err
		})
		r.posted = err == nil || platform.OutcomeUnknown(err)
		return err
	})
	r.result.CorrelationID = answer.CorrelationID
	switch {
	case err != nil && !r.posted:
		return nil, r.refusal(err)
	case answer.Report != nil:
		return answer.Report, nil
	}
	err = r.display.Narrate("find out how the import ended", func(say func(string)) error {
		if err != nil {
			say(err.Error())
		}
		report, err = (&search{run: r, id: answer.CorrelationID, deadline: deadline, cause: err, say: say}).find(ctx)
		return err
	})
	return report, err
}

func (r *run) title() string {
	var how []string
	if r.result.Created {
		how = append(how, "into the new workspace")
	}
	if r.Prune {
		how = append(how, "and delete what is not in it")
	}
	return strings.Join(append([]string{"import " + r.Slug}, how...), " ")
}

func (r *run) whereToLook() string {
	return "its end is in the activity of the workspace " + r.Slug + ", as event " + platform.EventArchiveImported
}
