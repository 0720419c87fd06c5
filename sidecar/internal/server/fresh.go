// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// lookEvery is the shortest time between two looks at the platform that callers ask for.
	lookEvery = time.Second
	// lookTimeout bounds a look. The answer still has to be written in writeTimeout.
	lookTimeout = 10 * time.Second
	// maxWaiting is how many callers may wait for a look.
	maxWaiting = maxAtOnce / 2
)

// Look asks the platform whether it has the release now. The problem is nil if it has;
// the look is nil if it could not be asked.
type Look func(context.Context) (*state.Look, *state.Problem)

// looks shares looks among callers: at most one runs at a time. Each caller gets one that
// began after it asked.
type looks struct {
	take Look
	// places bounds how many wait at once, so that the status without a look stays free.
	places chan struct{}

	turn    chan struct{} // held by the caller whose look runs; it guards what follows
	begun   time.Time
	ended   time.Time
	last    *state.Look
	problem *state.Problem
}

func newLooks(take Look) *looks {
	return &looks{take: take, places: make(chan struct{}, maxWaiting), turn: make(chan struct{}, 1)}
}

// get waits for its turn and returns a look. One that has begun is not ended by a caller
// that goes away, as others may wait for it.
func (l *looks) get(ctx context.Context) (*state.Look, *state.Problem) {
	came := time.Now()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, nil // there is nobody to answer
	}
	if l.begun.After(came) {
		return l.last, l.problem
	}
	pause := time.NewTimer(time.Until(l.ended.Add(lookEvery)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return nil, nil
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	l.begun = time.Now()
	l.last, l.problem = l.take(limited)
	l.ended = time.Now()
	return l.last, l.problem
}

// freshStatus answers with a look and the state after it. What the look found is the
// problem, unless the release is not confirmed for another reason anyway.
func (s *Server) freshStatus(w http.ResponseWriter, r *http.Request) {
	select {
	case s.looks.places <- struct{}{}:
		defer func() { <-s.looks.places }()
	default:
		refuseBusy(w)
		return
	}
	look, problem := s.looks.get(r.Context())
	now := s.look()
	now.Look = look
	if problem != nil && (now.Problem == nil || now.Confirmed) {
		now.Problem = problem
	}
	w.Header().Set("Content-Type", "application/json")
	_ = writeStatus(w, &now) // the client went away
}
