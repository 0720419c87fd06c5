// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// minCheckInterval is the minimum interval between two requested checks of the platform.
	minCheckInterval = time.Second
	// checkTimeout bounds a check. It leaves time to write the response within writeTimeout.
	checkTimeout = 10 * time.Second
	// maxWaiting is the maximum number of callers that wait for a check.
	maxWaiting = maxConcurrent / 2
)

// CheckFunc checks whether the platform has the release now. The problem is nil if it does. The
// result is nil if the check itself failed.
type CheckFunc func(context.Context) (*state.PlatformCheck, *state.Problem)

// sharedChecks shares checks among callers. At most one check runs at a time, and each caller gets the
// result of one that started after its request.
type sharedChecks struct {
	check CheckFunc
	// places bounds the waiting callers, so that requests without a check are not blocked.
	places chan struct{}

	turn    chan struct{} // held by the caller whose check runs; guards the fields below
	begun   time.Time
	ended   time.Time
	last    *state.PlatformCheck
	problem *state.Problem
}

func newSharedChecks(take CheckFunc) *sharedChecks {
	return &sharedChecks{check: take, places: make(chan struct{}, maxWaiting), turn: make(chan struct{}, 1)}
}

// requestCheck waits for its turn and returns a check. It completes a running check even if the caller goes
// away, because others may wait for it.
func (l *sharedChecks) requestCheck(ctx context.Context) (*state.PlatformCheck, *state.Problem) {
	came := time.Now()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, nil // the caller has gone
	}
	if l.begun.After(came) {
		return l.last, l.problem
	}
	pause := time.NewTimer(time.Until(l.ended.Add(minCheckInterval)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return nil, nil
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	l.begun = time.Now()
	l.last, l.problem = l.check(limited)
	l.ended = time.Now()
	return l.last, l.problem
}

// serveFreshStatus responds with a check and the state after it. A problem that the check found replaces
// the problem of the state, unless the release is unconfirmed for another reason.
func (s *Server) serveFreshStatus(w http.ResponseWriter, r *http.Request) {
	select {
	case s.checks.places <- struct{}{}:
		defer func() { <-s.checks.places }()
	default:
		rejectBusy(w)
		return
	}
	check, problem := s.checks.requestCheck(r.Context())
	now := s.currentState()
	now.PlatformCheck = check
	if problem != nil && (now.Problem == nil || now.Confirmed) {
		now.Problem = problem
	}
	w.Header().Set("Content-Type", "application/json")
	_ = writeStatus(w, &now) // the client may have gone
}
