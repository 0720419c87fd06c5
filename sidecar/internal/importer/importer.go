// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Recorder counts what the importer does. Reason is "" for a success.
type Recorder interface {
	Pass(reason state.Reason, took time.Duration)
	Group(group string, reason state.Reason, took time.Duration)
	LockWait(took time.Duration)
}

// targetPoll is the time between two looks at a service that does not listen
// yet. It is short and constant: the pod is Ready that much later.
const targetPoll = 200 * time.Millisecond

// Importer owns the passes. All of it but [Importer.Trigger] belongs to one goroutine.
type Importer struct {
	load   Load
	store  *state.Store
	record Recorder
	log    *slog.Logger

	kick    chan struct{}
	again   atomic.Bool // verify everything anew
	mem     *memory
	retries int
	started time.Time // of waiting for other services; zero once they were ready
}

// New returns an importer that has not started.
func New(load Load, store *state.Store, record Recorder, log *slog.Logger) *Importer {
	return &Importer{load: load, store: store, record: record, log: log, kick: make(chan struct{}, 1), mem: newMemory()}
}

// Trigger ends a rest early. With again, the next pass asks for the platform's
// word about every group anew, instead of about those that miss it.
func (i *Importer) Trigger(again bool) {
	if again {
		i.again.Store(true)
	}
	select {
	case i.kick <- struct{}{}:
	default: // one is waiting already
	}
}

// Run does passes until ctx ends; it never gives up. Its error is the cause of ctx.
func (i *Importer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		i.rest(ctx, i.turn(ctx))
	}
	return context.Cause(ctx)
}

// Once does passes until the release is confirmed, a failure comes that does
// not end by itself, or ctx ends: its error is then the last failure.
func (i *Importer) Once(ctx context.Context) error {
	for {
		in, err := i.Pass(ctx)
		f, failed := errors.AsType[*Failure](err)
		if !failed {
			return err
		}
		if !f.Reason.Transient() {
			return f
		}
		if !sleep(ctx, i.delay(in, f)) {
			return f
		}
	}
}

// turn does what is due and returns the time until something is due again.
func (i *Importer) turn(ctx context.Context) time.Duration {
	in, err := i.Pass(ctx)
	if ctx.Err() != nil {
		return 0 // a shutdown is no failure
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return i.delay(in, f)
	}
	i.enter(state.Watching, "")
	return jitter(in.Policy.ReconcileEvery)
}

// Pass does one pass, and tells its result everywhere. The inputs are those
// that it worked with, with defaults for what could not be loaded.
func (i *Importer) Pass(ctx context.Context) (*Inputs, error) {
	start := time.Now()
	i.store.Update(func(s *state.Snapshot) { s.Passes++; s.LastAttempt, s.NextAttempt = &start, nil })
	in, err := i.load(ctx)
	if err == nil {
		err = i.pass(ctx, in)
	} else {
		in = &Inputs{Policy: DefaultPolicy()}
	}
	if ctx.Err() != nil {
		return in, context.Cause(ctx)
	}
	i.tell(err, time.Since(start))
	return in, err
}

// delay chooses when to try again, and says so.
func (i *Importer) delay(in *Inputs, f *Failure) time.Duration {
	wait := backoff(&in.Policy, i.retries, f.RetryAfter)
	i.retries++
	switch f.Reason {
	case state.TargetDown:
		wait = jitter(targetPoll)
	case state.ServicesNotReady, state.NotImportedYet:
		wait = jitter(in.Policy.Poll)
	default:
		i.enter(state.Retrying, f.Group)
	}
	next := time.Now().Add(wait)
	i.store.Update(func(s *state.Snapshot) { s.NextAttempt = &next })
	return wait
}

// tell stores, counts and logs the result of a pass: a line per change.
func (i *Importer) tell(err error, took time.Duration) {
	f, failed := errors.AsType[*Failure](err)
	if !failed {
		i.record.Pass("", took)
		i.succeed()
		return
	}
	i.record.Pass(f.Reason, took)
	problem := state.NewProblem(f.Reason, f.Message, f.Group)
	old := i.store.Get().Problem
	if old != nil && old.Reason == problem.Reason && old.Group == problem.Group {
		problem.Since = old.Since
	}
	i.store.Update(func(s *state.Snapshot) {
		s.Problem = problem
		s.Confirmed = s.Confirmed && f.Group == "" // trouble of a later look takes nothing back
		s.SetGroup(f.Group, func(g *state.Group) { g.State = state.GroupFailed })
	})
	if old == nil || old.Reason != problem.Reason || old.Group != problem.Group || old.Message != problem.Message {
		level := slog.LevelError
		if f.Reason.Transient() {
			level = slog.LevelInfo
		}
		i.log.Log(context.Background(), level, "release is not confirmed", "reason", problem.Reason, "group", problem.Group,
			"error", problem.Message, "remedy", problem.Remedy, "runbook", problem.Runbook)
	}
}

func (i *Importer) succeed() {
	now := time.Now()
	i.retries = 0
	was := i.store.Get()
	i.store.Update(func(s *state.Snapshot) {
		s.Confirmed, s.LastSuccess = true, &now
		if s.Problem != nil && s.Problem.Reason != state.Drifted {
			s.Problem = nil
		}
	})
	if !was.Confirmed {
		i.log.Info("release is confirmed", "release", was.Release.Name, "repository", was.Release.Repository,
			"verification", was.Release.Verification, "took", now.Sub(was.Started))
	}
}

// enter changes the phase, with a line in the log if it is another one.
func (i *Importer) enter(p state.Phase, group string) {
	old := i.store.Get().Phase
	if old == p {
		return
	}
	now := time.Now()
	i.store.Update(func(s *state.Snapshot) { s.Phase, s.Since = p, now })
	i.log.Info("phase changed", "from", old, "to", p, "group", group)
}

// progress notes that something advanced.
func (i *Importer) progress() {
	now := time.Now()
	i.retries = 0
	i.store.Update(func(s *state.Snapshot) { s.LastProgress = &now })
}

// rest waits for a time, a trigger or the end.
func (i *Importer) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-i.kick:
	case <-ctx.Done():
	}
}

// sleep reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
