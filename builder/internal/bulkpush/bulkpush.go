// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bulkpush asks a Prisme.ai platform to push groups of workspaces to a Git repository, and
// waits until it knows how the push ended.
//
// The push is posted at most once. If the response does not contain the result, Run follows the
// write lock and the events of the workspace platform. Progress reported for a workspace is kept
// even if the summary omits it.
package bulkpush

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// Options of a push.
type Options struct {
	// Repository is the ID of the platform repository to push to. Required.
	Repository string
	// Groups are the groups whose workspaces are pushed. Required.
	Groups []string
	// Name and Description of the version. The platform generates a name if Name is empty.
	Name, Description string
	// Force also pushes workspaces that have not changed since their last push.
	Force bool
	// DryRun only reports what would be pushed.
	DryRun bool
	// Timeout bounds the time from the request to the result of the push.
	Timeout time.Duration
	// WaitLock bounds the wait for a write lock held by another operation; 0 fails at once.
	WaitLock time.Duration
}

// run is one push.
type run struct {
	Options
	client  *platform.Client
	display outcome.Display
	result  *Result
	since   time.Time // platform time of the last read before the request
	posted  bool
	// seen reports whether the platform has shown any sign of this push.
	seen     bool
	reported map[string]platform.WorkspaceReport // last report of each workspace, by slug
}

// Run pushes the groups. The result lists every workspace and every problem. The error is non-nil
// only if ctx ended; the platform may then still be pushing.
func Run(ctx context.Context, client *platform.Client, display outcome.Display, o Options) (*Result, error) {
	r := &run{Options: o, client: client, display: display, reported: map[string]platform.WorkspaceReport{}}
	r.result = &Result{
		Repository: o.Repository,
		Groups:     o.Groups,
		Name:       o.Name,
		DryRun:     o.DryRun,
		Force:      o.Force,
		Outcome:    outcome.Failed,
		Workspaces: []Workspace{},
		Problems:   []outcome.Problem{},
	}
	began := time.Now()
	err := r.pushGroups(ctx)
	r.result.Duration = outcome.Milliseconds(time.Since(began))
	if err == nil {
		return r.result, nil
	}
	if ctx.Err() != nil {
		r.reportInterruption()
		return r.result, fmt.Errorf("interrupted: %w", ctx.Err())
	}
	r.result.addProblem(toProblem(err))
	return r.result, nil
}

// reportInterruption adds a problem that says whether the platform is still pushing.
func (r *run) reportInterruption() {
	if r.posted {
		r.result.Outcome = outcome.Unknown
	}
	r.result.addProblem(outcome.InterruptedProblem("push", r.posted, r.describeLookup()))
}

// pushGroups waits for the lock, posts the push and records its result. The error is an
// [*outcome.Problem] or the cause of ctx.
func (r *run) pushGroups(ctx context.Context) error {
	err := r.display.Narrate("check "+r.client.BaseURL(), func(func(string)) error { return r.checkAccess(ctx) })
	if err != nil {
		return err
	}
	lock := lockWait{limit: r.WaitLock}
	for {
		if err := r.waitForLock(ctx, &lock); err != nil {
			return err
		}
		end, err := r.postAndFollow(ctx)
		if refused := r.refusingLock(ctx, err); refused != nil {
			if err := lock.pauseBeforeRetry(ctx, refused); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return r.explainRefusal(err)
		}
		return r.recordReport(end)
	}
}

// checkAccess fails early if the token is rejected or the repository does not exist. The platform
// does not always reject unknown repositories (platform contract §0, 8).
func (r *run) checkAccess(ctx context.Context) error {
	w, err := r.readPlatform(ctx)
	if err != nil {
		return r.explainRefusal(err)
	}
	if _, known := w.Repositories[r.Repository]; w.Repositories != nil && !known {
		var ids []string
		for id := range w.Repositories {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return &outcome.Problem{
			Code:    "unknown-repository",
			Message: fmt.Sprintf("the platform has no repository %q", r.Repository),
			Help: fmt.Sprintf("it has: %s. Repositories are configured by WORKSPACES_STORAGE_GIT_PLATFORM_<id>_* "+
				"of prismeai-workspaces", strings.Join(ids, ", ")),
		}
	}
	return nil
}

// readPlatform reads the workspace platform, and records the platform's time.
func (r *run) readPlatform(ctx context.Context) (w platform.RootWorkspace, err error) {
	err = retry.Read(ctx, func() error { w, err = r.client.Platform(ctx); return err })
	if err == nil {
		r.since = w.Date
		if w.Date.IsZero() {
			r.since = time.Now().Add(-time.Minute)
		}
	}
	return w, err
}

// pushEnd is how a push ended.
type pushEnd struct {
	report *platform.PushReport
	// started is nil if the platform did not report the start.
	started *platform.PushStarted
}

// postAndFollow posts the push and follows it until its result is known.
func (r *run) postAndFollow(ctx context.Context) (end pushEnd, err error) {
	sent := time.Now()
	request := platform.PushRequest{
		Repository:  r.Repository,
		Groups:      r.Groups,
		Name:        r.Name,
		Description: r.Description,
		Force:       r.Force,
		DryRun:      r.DryRun,
		Wait:        max(r.Timeout, time.Second),
	}
	var result platform.PushResult
	err = r.display.Narrate(r.describePush(), func(say func(string)) error {
		step := func(e platform.PushEvent) {
			if e.Started != nil {
				end.started = e.Started
			}
			r.onEvent(&e, say)
		}
		r.posted = true
		err := retry.Write(ctx, nil, func() error { result, err = r.client.Push(ctx, request, step); return err })
		r.posted = err == nil || platform.OutcomeUnknown(err)
		return err
	})
	r.result.CorrelationID = result.CorrelationID
	end.report = result.Report
	switch {
	case err != nil && !r.posted:
		return end, err
	case ctx.Err() != nil && end.report == nil:
		return end, ctx.Err()
	case end.report == nil:
		err = r.display.Narrate("find the result of the push", func(say func(string)) error {
			return r.findResult(ctx, sent, err, &end, say)
		})
	}
	return end, err
}

func (r *run) describePush() string {
	verb := "push"
	if r.DryRun {
		verb = "list what would be pushed of"
	}
	return fmt.Sprintf("%s %s to %s", verb, strings.Join(r.Groups, ", "), r.Repository)
}

// onEvent records and prints an event.
func (r *run) onEvent(e *platform.PushEvent, say func(string)) {
	r.seen = true
	switch {
	case e.Started != nil:
		say(formatStarted(e.Started))
	case e.Progress != nil:
		w := e.Progress.Workspace
		r.reported[w.Slug] = w
		say(formatProgress(e.Progress))
	case e.Problem != nil:
		say("error: " + e.Problem.String())
	}
}

func (r *run) describeLookup() string {
	return "the result is in the activity of the workspace platform, as event " + platform.EventPushCompleted
}
