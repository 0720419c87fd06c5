// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bulkpush has a Prisme.ai platform push groups of workspaces to a Git
// repository, and does not end before it is known how that ended.
//
// A push is never posted twice: after an answer that does not tell the end, lock and
// events of the workspace platform do, or nobody does. What was told of a workspace on the
// way is kept, whatever the summary says.
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
	// Repository is the id of the platform repository to push to, Groups those whose
	// workspaces are pushed. Both are required.
	Repository string
	Groups     []string
	// Name and Description of the version; without a name the platform makes one up.
	Name, Description string
	// Force pushes workspaces too that have not changed since their last push.
	Force bool
	// DryRun only asks what would be pushed.
	DryRun bool
	// Timeout bounds the time from the request to the known end of the push.
	Timeout time.Duration
	// WaitLock bounds the wait for a write lock that somebody else holds; 0 does not wait.
	WaitLock time.Duration
}

// Display shows stages, each with lines that it says while it runs.
type Display interface {
	Narrate(name string, fn func(say func(line string)) error) error
}

// run is one push.
type run struct {
	Options
	client  *platform.Client
	display Display
	result  *Result
	since   time.Time // of the last look before the request, by the platform's clock
	posted  bool
	// seen tells that the platform has shown a sign of this push.
	seen bool
	told map[string]platform.WorkspaceReport // by slug, the last that was told on the way
}

// Run pushes. The result says what became of each workspace, and all that is wrong; the
// error is that of ctx, whose end is not the end of the push.
func Run(ctx context.Context, client *platform.Client, display Display, o Options) (*Result, error) {
	r := &run{Options: o, client: client, display: display, told: map[string]platform.WorkspaceReport{}}
	r.result = &Result{Repository: o.Repository, Groups: o.Groups, Name: o.Name, DryRun: o.DryRun, Force: o.Force, Outcome: outcome.Failed,
		Workspaces: []Workspace{}, Problems: []outcome.Problem{}}
	began := time.Now()
	err := r.push(ctx)
	r.result.Duration = outcome.Milliseconds(time.Since(began))
	if err == nil {
		return r.result, nil
	}
	if ctx.Err() != nil {
		r.interrupted()
		return r.result, fmt.Errorf("interrupted: %w", ctx.Err())
	}
	r.result.add(problemOf(err))
	return r.result, nil
}

// interrupted says what goes on without us.
func (r *run) interrupted() {
	p := outcome.Problem{Code: "interrupted", Message: "interrupted before anything was pushed", Help: "run again"}
	if r.posted {
		r.result.Outcome = outcome.Unknown
		p.Message, p.Help = "interrupted: the platform goes on with the push", r.whereToLook()
	}
	r.result.add(p)
}

// push returns a [*outcome.Problem], or an error of ctx.
func (r *run) push(ctx context.Context) error {
	if err := r.display.Narrate("check "+r.client.BaseURL(), func(func(string)) error { return r.check(ctx) }); err != nil {
		return err
	}
	lock := lockWait{limit: r.WaitLock}
	for {
		if err := r.free(ctx, &lock); err != nil {
			return err
		}
		end, err := r.watch(ctx)
		if refused := r.refusedByLock(ctx, err); refused != nil {
			if err := lock.again(ctx, refused); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return r.refusal(err)
		}
		return r.judge(end)
	}
}

// check finds out what need not be tried: a token that is not accepted, a repository
// that the platform does not have. Unknown ones are not always refused (contract §0, 8).
func (r *run) check(ctx context.Context) error {
	w, err := r.look(ctx)
	if err != nil {
		return r.refusal(err)
	}
	if _, known := w.Repositories[r.Repository]; w.Repositories != nil && !known {
		var ids []string
		for id := range w.Repositories {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return &outcome.Problem{Code: "unknown-repository", Message: fmt.Sprintf("the platform has no repository %q", r.Repository),
			Help: fmt.Sprintf("it has: %s. A repository is configured by WORKSPACES_STORAGE_GIT_PLATFORM_<id>_* of prismeai-workspaces", strings.Join(ids, ", "))}
	}
	return nil
}

// look asks for the workspace platform.
func (r *run) look(ctx context.Context) (w platform.PlatformWorkspace, err error) {
	err = retry.Read(ctx, func() error { w, err = r.client.Platform(ctx); return err })
	if err == nil {
		r.since = w.Date
		if w.Date.IsZero() {
			r.since = time.Now().Add(-time.Minute)
		}
	}
	return w, err
}

// ending is how a push ended.
type ending struct {
	report *platform.PushReport
	// started is nil where it was not told.
	started *platform.PushStarted
}

// watch posts the push and finds out how it ends.
func (r *run) watch(ctx context.Context) (end ending, err error) {
	deadline := time.Now().Add(r.Timeout)
	request := platform.PushRequest{Repository: r.Repository, Groups: r.Groups, Name: r.Name, Description: r.Description,
		Force: r.Force, DryRun: r.DryRun, Wait: max(r.Timeout, time.Second)}
	var result platform.PushResult
	err = r.display.Narrate(r.title(), func(say func(string)) error {
		step := func(e platform.PushEvent) {
			if e.Started != nil {
				end.started = e.Started
			}
			r.hear(&e, say)
		}
		r.posted = true
		err := retry.Write(ctx, func() error { result, err = r.client.Push(ctx, request, step); return err })
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
		err = r.display.Narrate("find out how the push ended", func(say func(string)) error {
			search := search{run: r, id: result.CorrelationID, deadline: deadline, cause: err, say: say, end: &end, heard: map[string]bool{}}
			return search.find(ctx)
		})
	}
	return end, err
}

func (r *run) title() string {
	verb := "push"
	if r.DryRun {
		verb = "look what there is to push of"
	}
	return fmt.Sprintf("%s %s to %s", verb, strings.Join(r.Groups, ", "), r.Repository)
}

// hear takes a step, and says it.
func (r *run) hear(e *platform.PushEvent, say func(string)) {
	r.seen = true
	switch {
	case e.Started != nil:
		say(startedLine(e.Started))
	case e.Progress != nil:
		w := e.Progress.Workspace
		r.told[w.Slug] = w
		say(progressLine(e.Progress))
	case e.Problem != nil:
		say("error: " + e.Problem.String())
	}
}

func (r *run) whereToLook() string {
	return "its end is in the activity of the workspace platform, as event " + platform.EventPushCompleted
}
