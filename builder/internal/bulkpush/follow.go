// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush

import (
	"context"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/follow"
)

// maxEvents bounds the events of one read.
const maxEvents = 500

// findResult finds the result of a push whose response did not contain it. request is the error of
// the request, or nil.
func (r *run) findResult(ctx context.Context, sent time.Time, request error, end *pushEnd, say func(string)) error {
	if request != nil {
		say(request.Error())
	}
	operation := r.followPush(sent, say)
	operation.OnEvent = func(e *platform.Event) { r.applyEvent(end, e.Push, say) }
	found, err := operation.Await(ctx)
	switch {
	case err == nil:
		end.report = found.Event.Push.Completed
		return nil
	case ctx.Err() != nil:
		return err
	}
	r.result.Outcome = outcome.Unknown
	why := err.Error()
	if !r.seen {
		why += "; it may not have started"
	}
	return outcome.UnknownProblem("push", why, request, r.describeLookup()+", or in the log of prismeai-workspaces. "+
		"Then run again: workspaces that were pushed count as already pushed")
}

func (r *run) followPush(sent time.Time, say func(string)) *follow.Operation {
	return &follow.Operation{
		Since:   r.since,
		IDs:     []string{r.result.CorrelationID},
		Matches: r.matchesEvent,
		Ends:    func(e *platform.Event) bool { return e.Push != nil && e.Push.Completed != nil },
		Feed:    &follow.Feed{Source: r.client},
		Query: platform.EventQuery{
			Types: []string{platform.EventPushStarted, platform.EventPushProgress, platform.EventPushCompleted},
			Limit: maxEvents,
		},
		Lock: func(ctx context.Context) (*platform.WriteLock, error) {
			w, err := r.client.Platform(ctx)
			return w.Lock, err
		},
		Patient: true,
		Sent:    sent,
		Timeout: r.Timeout,
		Notify:  say,
	}
}

// matchesEvent reports whether an event may be from a request like this one.
func (r *run) matchesEvent(e *platform.Event) bool {
	switch p := e.Push; {
	case p == nil:
		return false
	case p.Progress != nil:
		return p.Progress.RepositoryID == r.Repository
	case p.Started != nil:
		return p.Started.RepositoryID == r.Repository && sameGroups(p.Started.Groups, r.Groups)
	case p.Completed != nil:
		return p.Completed.RepositoryID == r.Repository && sameGroups(p.Completed.Groups, r.Groups)
	}
	return false
}

func sameGroups(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// applyEvent applies an event, unless the stream already delivered it.
func (r *run) applyEvent(end *pushEnd, e *platform.PushEvent, say func(string)) {
	known := e == nil // cannot be decoded
	switch {
	case known:
	case e.Started != nil && end.started == nil:
		end.started = e.Started
	case e.Started != nil:
		known = true
	case e.Progress != nil:
		_, known = r.reported[e.Progress.Workspace.Slug]
	}
	if !known {
		r.onEvent(e, say)
	}
}
