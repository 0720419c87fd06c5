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
	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// lockSettleTime is how long the lock must be free, without new events, before the search gives
	// up: events become visible some seconds after they happen (platform contract §1.7).
	lockSettleTime = 20 * time.Second
	// maxEvents bounds the events of one read.
	maxEvents = 500
)

// outcomeSearch finds the result of a push whose response did not contain it.
type outcomeSearch struct {
	*run
	// id is the correlation ID of the response; empty if there was no response.
	id       string
	deadline time.Time
	cause    error
	say      func(string)
	end      *pushEnd

	applied  map[string]bool // by event ID
	noEvents bool
}

// pollUntilKnown reads events and the lock until the result is known, the lock has been free for
// lockSettleTime, or the deadline passes.
func (s *outcomeSearch) pollUntilKnown(ctx context.Context) error {
	if s.cause != nil {
		s.say(s.cause.Error())
	}
	pause := retry.Delays{Limit: eventDelay}
	var free time.Time
	for {
		moved, wait := s.readNewEvents(ctx)
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
		case now.Sub(free) >= lockSettleTime:
			return s.unknownOutcome("the write lock is free, but no event reports the result")
		}
		if !now.Before(s.deadline) {
			return s.unknownOutcome(fmt.Sprintf("no result after %s", s.Timeout))
		}
		if backoff.Sleep(ctx, min(wait, time.Until(s.deadline))) != nil || !pause.Sleep(ctx, s.deadline) {
			return context.Cause(ctx)
		}
	}
}

// readNewEvents applies new events of this push. moved reports whether there were any; wait is the
// delay that the platform asks for before the next read.
func (s *outcomeSearch) readNewEvents(ctx context.Context) (moved bool, wait time.Duration) {
	if s.noEvents {
		return false, 0
	}
	page, err := s.client.Events(ctx, platform.EventQuery{
		After:       s.since.Add(-time.Second),
		Limit:       maxEvents,
		NewestFirst: true,
		Types:       []string{platform.EventPushStarted, platform.EventPushProgress, platform.EventPushCompleted},
	})
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
		s.say("events cannot be read: " + err.Error())
		s.noEvents = true
	case platform.ClassRateLimited:
		return false, retry.After(err)
	}
	for _, e := range slices.Backward(page.Events) {
		if e.Push != nil && !s.applied[e.ID] && s.isOwnEvent(&e) {
			s.applied[e.ID] = true
			moved = true
			s.applyEvent(e.Push)
		}
	}
	return moved, 0
}

// applyEvent applies an event, unless the stream already delivered it.
func (s *outcomeSearch) applyEvent(e *platform.PushEvent) {
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
		if _, known := s.reported[e.Progress.Workspace.Slug]; known {
			return
		}
	}
	s.onEvent(e, s.say)
}

// isOwnEvent reports whether an event belongs to this push: by correlation ID or, without one, by
// time and request. The lock allows only one push at a time.
func (s *outcomeSearch) isOwnEvent(e *platform.Event) bool {
	if s.id != "" && e.CorrelationID != "" {
		return e.CorrelationID == s.id
	}
	if e.CreatedAt.Before(s.since) {
		return false
	}
	switch p := e.Push; {
	case p.Started != nil:
		return p.Started.RepositoryID == s.Repository && sameGroups(p.Started.Groups, s.Groups)
	case p.Completed != nil:
		return p.Completed.RepositoryID == s.Repository && sameGroups(p.Completed.Groups, s.Groups)
	case p.Progress != nil:
		return p.Progress.RepositoryID == s.Repository
	}
	return false
}

func sameGroups(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// unknownOutcome returns the problem of a push whose result could not be found.
func (s *outcomeSearch) unknownOutcome(why string) *outcome.Problem {
	s.result.Outcome = outcome.Unknown
	message := "the outcome of the push is unknown: " + why
	if !s.seen {
		message += "; it may not have started"
	}
	if e, ok := errors.AsType[*platform.Error](s.cause); ok {
		message += fmt.Sprintf(" (the request: %v)", e)
	}
	return &outcome.Problem{
		Code:    "unknown-outcome",
		Message: message,
		Help: s.describeLookup() + ", or in the log of prismeai-workspaces. Then run again: " +
			"workspaces that were pushed count as already pushed",
	}
}
