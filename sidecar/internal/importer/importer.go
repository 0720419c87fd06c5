// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
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

// Importer owns the passes. All of it but [Importer.Trigger] belongs to one goroutine.
type Importer struct {
	load   Load
	store  *state.Store
	record Recorder
	log    *slog.Logger

	kick        chan struct{}
	again       atomic.Bool // verify everything anew
	mem         *memory
	retries     int
	wait        lockWait
	services    servicesWait
	eventsAfter time.Time // events are not to be read before
	recheck     bool      // whether a repair helped
	drain       drain
	holder      holder    // of the lock that was last seen
	lastDown    time.Time // when the service of the pod was last seen not to listen

	currency     currency
	watchFrom    time.Time     // of the confirmation, or the last change of the current release
	foreignSince time.Time     // when another release was first seen; zero for none
	lookTook     time.Duration // the last list of workspaces
	compareAt    time.Time     // when comparisons with the platform are due
	lookOnly     bool          // the next pass is but a look
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
	var last *Failure
	for {
		in, err := i.Pass(ctx)
		switch f := asFailure(err); {
		case ctx.Err() != nil:
			return endedAfter(ctx, last)
		case f == nil:
			return nil
		case !f.Reason.Transient():
			return f
		default:
			last = f
		}
		sleep(ctx, i.delay(&in.Policy, last))
	}
}

// endedAfter says why ctx ended, and what was wrong before.
func endedAfter(ctx context.Context, last *Failure) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// turn does what is due and returns the time until something is due again.
func (i *Importer) turn(ctx context.Context) time.Duration {
	in, err := i.Pass(ctx)
	if ctx.Err() != nil {
		return 0 // a shutdown is no failure
	}
	if f := asFailure(err); f != nil {
		return i.delay(&in.Policy, f)
	}
	i.enter(state.Watching, "")
	if i.recheck {
		i.recheck = false
		return jitter(in.Policy.Poll)
	}
	return i.nextLook(&in.Policy)
}

// nextLook chooses when to look at a confirmed release again. Comparisons, which are a
// request for each workspace, keep the pace of ReconcileEvery.
func (i *Importer) nextLook(p *Policy) time.Duration {
	now := time.Now()
	if !i.lookOnly {
		i.compareAt = now.Add(jitter(p.ReconcileEvery))
	}
	wait := jitter(i.pace(p))
	i.lookOnly = now.Add(wait).Before(i.compareAt)
	if !i.lookOnly {
		wait = max(0, i.compareAt.Sub(now))
	}
	return wait
}

// errStale ends a pass whose inputs may be others by now.
var errStale = errors.New("the inputs changed")

// Pass does one pass, and tells its result everywhere. The inputs are those
// that it worked with, with defaults for what could not be loaded.
func (i *Importer) Pass(ctx context.Context) (in *Inputs, err error) {
	start := time.Now()
	i.store.Update(func(s *state.Snapshot) { s.Passes++; s.LastAttempt, s.NextAttempt = &start, nil })
	for stale := true; stale; stale = errors.Is(err, errStale) {
		if in, err = i.load(ctx); err == nil {
			err = i.pass(ctx, in)
		} else {
			in, err = &Inputs{Policy: DefaultPolicy()}, notLoaded(err)
		}
	}
	if ctx.Err() != nil {
		return in, context.Cause(ctx)
	}
	i.tell(asFailure(err), time.Since(start))
	return in, err
}

// notLoaded makes a failure of an error that may not say what could not be read.
func notLoaded(err error) *Failure {
	f := FailureOf(err)
	if f.Err == err {
		f.Reason = state.ManifestUnreadable
	}
	return f
}

// delay chooses when to try again, and says so. What is waited for is looked at
// regularly; only what failed is retried ever less often.
func (i *Importer) delay(p *Policy, f *Failure) time.Duration {
	var wait time.Duration
	s := i.store.Get()
	switch {
	case f.away():
		wait = awayPoll(time.Since(s.Problem.Since))
	case f.Reason == state.ServicesNotReady:
		wait = max(jitter(min(p.Poll, awayPollMax)), f.retryAfter())
	case f.Reason == state.Superseded:
		wait = jitter(p.LookEvery)
	case f.Reason == state.LockHeld, f.Reason == state.NotImportedYet, f.Reason == state.Draining:
		wait = max(jitter(p.Poll), f.retryAfter())
	default:
		wait = backoff(p, i.retries, f.RetryAfter)
		i.retries++
	}
	if phase := blockedIn(f.Reason); phase != state.Waiting || !s.Confirmed {
		i.enter(phase, f.Group)
	}
	next := time.Now().Add(wait)
	i.store.Update(func(s *state.Snapshot) { s.NextAttempt = &next })
	return wait
}

// blockedIn is the phase in which a pass stays that ended for a reason.
func blockedIn(r state.Reason) state.Phase {
	switch r {
	case state.TargetDown:
		return state.Waiting
	case state.ServicesNotReady:
		return state.Preflight
	case state.LockHeld:
		return state.Lock
	case state.NotImportedYet:
		return state.Confirm
	case state.Superseded:
		return state.Watching
	}
	return state.Retrying
}

// tell stores, counts and logs the result of a pass: a line per change.
func (i *Importer) tell(f *Failure, took time.Duration) {
	if f == nil {
		i.record.Pass("", took)
		i.succeed()
		return
	}
	i.record.Pass(f.Reason, took)
	if f.Reason == state.TargetDown {
		i.lastDown = time.Now()
		i.drain.endLingering()
	}
	problem := state.NewProblem(f.Reason, f.Message, f.Group)
	old := i.store.Get().Problem
	if old != nil && old.Reason == problem.Reason && old.Group == problem.Group {
		problem.Since = old.Since
	}
	i.store.Update(func(s *state.Snapshot) {
		s.Problem = problem
		// Trouble of a later look takes nothing back, nor does the wait for a repair.
		s.Confirmed = s.Confirmed && (f.Group == "" || f.Reason.Transient())
		s.SetGroup(f.Group, func(g *state.Group) { g.State = stateAfter(f.Reason) })
	})
	if old == nil || old.Reason != problem.Reason || old.Group != problem.Group || old.Message != problem.Message {
		level := slog.LevelError
		if f.Reason.Transient() {
			level = slog.LevelInfo
		}
		text := "release is not confirmed"
		if i.store.Get().Confirmed {
			text = "release is confirmed, but the last pass failed"
		}
		i.log.Log(context.Background(), level, text, "reason", problem.Reason, "group", problem.Group,
			"error", problem.Message, "remedy", problem.Remedy, "runbook", problem.Runbook)
	}
}

func stateAfter(r state.Reason) state.GroupState {
	if r.Transient() {
		return state.GroupWaiting
	}
	return state.GroupFailed
}

func (i *Importer) succeed() {
	now := time.Now()
	i.retries = 0
	was := i.store.Get()
	i.store.Update(func(s *state.Snapshot) {
		s.Confirmed, s.LastSuccess, s.Lock = true, &now, nil
		if s.Problem != nil && (!was.Confirmed || s.Problem.Reason != state.Drifted && !ofOthers(s.Problem.Reason)) {
			s.Problem = nil
		}
		if !was.Confirmed {
			s.Foreign = nil
		}
	})
	if !was.Confirmed {
		i.watchFrom = now
		i.foreignSince = time.Time{}
		i.mem.confirmed = true
		i.mem.round = 0
		i.mem.foreign = nil
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

// progress notes that more is right than ever before: trouble from now on is a new one.
func (i *Importer) progress() {
	i.retries = 0
	i.advanced()
}

// advanced notes that something moved.
func (i *Importer) advanced() {
	now := time.Now()
	i.store.Update(func(s *state.Snapshot) { s.LastProgress = &now })
}

// rest waits for a time, a trigger or the end.
func (i *Importer) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-i.kick:
		i.lookOnly = false
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

// kicked takes a trigger that came meanwhile.
func (i *Importer) kicked() bool {
	select {
	case <-i.kick:
		return true
	default:
		return false
	}
}
