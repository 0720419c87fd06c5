// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// settled is how long the lock has to be free without news before nobody will tell the
	// end any more: events are found some seconds after they happened (contract §1.7).
	settled = 20 * time.Second
	// maxEvents bounds the events that one look reads.
	maxEvents = 500
)

// search looks for the end of a push that its answer did not tell.
type search struct {
	*run
	// id is the correlation id of the answer, empty if there was none.
	id       string
	deadline time.Time
	cause    error
	say      func(string)
	end      *ending

	heard    map[string]bool // events, by id
	noEvents bool
}

// find looks at events and lock until one of them tells.
func (s *search) find(ctx context.Context) error {
	if s.cause != nil {
		s.say(s.cause.Error())
	}
	pause := retry.Delays{Limit: eventDelay}
	var free time.Time
	for {
		moved, wait := s.news(ctx)
		if s.end.report != nil {
			return nil
		}
		w, err := s.client.Platform(ctx)
		now := time.Now()
		switch {
		case err != nil || w.Lock != nil || moved:
			free = time.Time{}
		case free.IsZero():
			free = now
		case now.Sub(free) >= settled:
			return s.unknown("the write lock is free, and no event tells the end")
		}
		if !now.Before(s.deadline) {
			return s.unknown(fmt.Sprintf("no end after %s", s.Timeout))
		}
		if !retry.Sleep(ctx, min(wait, time.Until(s.deadline))) || !pause.Sleep(ctx, s.deadline) {
			return context.Cause(ctx)
		}
	}
}

// news reads the events of this push that are new. Wait is what the platform asks for
// before it is asked again.
func (s *search) news(ctx context.Context) (moved bool, wait time.Duration) {
	if s.noEvents {
		return false, 0
	}
	page, err := s.client.Events(ctx, platform.EventQuery{After: s.since.Add(-time.Second), Limit: maxEvents, NewestFirst: true,
		Types: []string{platform.EventPushStarted, platform.EventPushProgress, platform.EventPushCompleted}})
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
		s.say("events cannot be read: " + err.Error())
		s.noEvents = true
	case platform.ClassRateLimited:
		return false, retry.After(err)
	}
	for _, e := range slices.Backward(page.Events) {
		if e.Push != nil && !s.heard[e.ID] && s.ours(&e) {
			s.heard[e.ID], moved = true, true
			s.take(e.Push)
		}
	}
	return moved, 0
}

// take takes an event that the stream may have told already.
func (s *search) take(e *platform.PushEvent) {
	if e.Started != nil {
		if s.end.started != nil {
			return
		}
		s.end.started = e.Started
	}
	if e.Completed != nil && s.end.report == nil {
		s.end.report = e.Completed
	}
	if e.Progress != nil {
		if _, known := s.told[e.Progress.Workspace.Slug]; known {
			return
		}
	}
	s.hear(e, s.say)
}

// ours reports whether an event is of this push: by the correlation id, and where there
// is none by what was asked for and when, as the lock lets one push run at a time.
func (s *search) ours(e *platform.Event) bool {
	if s.id != "" && e.CorrelationID != "" {
		return e.CorrelationID == s.id
	}
	if e.CreatedAt.Before(s.since) {
		return false
	}
	switch p := e.Push; {
	case p.Started != nil:
		return p.Started.RepositoryID == s.Repository && same(p.Started.Groups, s.Groups)
	case p.Completed != nil:
		return p.Completed.RepositoryID == s.Repository && same(p.Completed.Groups, s.Groups)
	case p.Progress != nil:
		return p.Progress.RepositoryID == s.Repository
	}
	return false
}

func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// unknown is the problem of a push whose end nobody tells.
func (s *search) unknown(why string) *outcome.Problem {
	s.result.Outcome = outcome.Unknown
	message := "it is not known how the push ended: " + why
	if !s.seen {
		message += ", nor that it began"
	}
	if e, ok := errors.AsType[*platform.Error](s.cause); ok {
		message += fmt.Sprintf(" (the request: %v)", e)
	}
	return &outcome.Problem{Code: "unknown-outcome", Message: message,
		Help: s.whereToLook() + ", or in the log of prismeai-workspaces. Then run again: workspaces that were pushed count as already pushed"}
}
