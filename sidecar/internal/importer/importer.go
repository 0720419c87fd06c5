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

// Recorder records metrics of the importer. The reason is "" for a success.
type Recorder interface {
	Pass(reason state.Reason, took time.Duration)
	Group(group string, reason state.Reason, took time.Duration)
	LockWait(took time.Duration)
}

// Importer runs the passes. Only [Importer.Trigger] and [Importer.Drain] may be called
// concurrently.
type Importer struct {
	load   Load
	store  *state.Store
	record Recorder
	log    *slog.Logger

	kick        chan struct{}
	again       atomic.Bool // verify everything again
	mem         *memory
	retries     int
	wait        lockWait
	services    servicesWait
	eventsAfter time.Time // do not read events before
	recheck     bool      // check whether a repair helped
	drain       drain
	holder      holder    // of the last lock seen
	lastDown    time.Time // when the pod's service last did not listen

	currency     currency
	watchFrom    time.Time     // of the confirmation, or of the last change of the current release
	foreignSince time.Time     // when another release was first found; zero for none
	lookTook     time.Duration // duration of the last list of workspaces
	compareAt    time.Time     // when to compare with the platform next
	lookOnly     bool          // the next pass only lists workspaces
}

// New returns an importer. [Importer.Run] or [Importer.Once] starts it.
func New(load Load, store *state.Store, record Recorder, log *slog.Logger) *Importer {
	return &Importer{
		load:   load,
		store:  store,
		record: record,
		log:    log,
		kick:   make(chan struct{}, 1),
		mem:    newMemory(),
	}
}

// Trigger starts the next pass early. If again is true the pass verifies every group, including
// those that are already confirmed.
func (i *Importer) Trigger(again bool) {
	if again {
		i.again.Store(true)
	}
	select {
	case i.kick <- struct{}{}:
	default: // a trigger is already pending
	}
}

// Run runs passes until ctx ends, and never gives up. It returns the cause of ctx.
func (i *Importer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		i.rest(ctx, i.turn(ctx))
	}
	return context.Cause(ctx)
}

// Once runs passes until the release is confirmed, a failure is not transient, or ctx ends. It
// returns the last failure.
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

// endedAfter returns the cause of ctx and the last failure before it.
func endedAfter(ctx context.Context, last *Failure) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// turn runs a pass and returns the delay before the next one.
func (i *Importer) turn(ctx context.Context) time.Duration {
	in, err := i.Pass(ctx)
	if ctx.Err() != nil {
		return 0 // a shutdown is not a failure
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

// nextLook schedules the next check of a confirmed release. Comparisons take a request per
// workspace and run every ReconcileEvery.
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

// errStale ends a pass whose inputs may have changed.
var errStale = errors.New("the inputs changed")

// Pass runs one pass and publishes its result. It returns the inputs that it used, or default
// inputs if they could not be loaded.
func (i *Importer) Pass(ctx context.Context) (in *Inputs, err error) {
	start := time.Now()
	i.store.Update(func(s *state.Snapshot) {
		s.Passes++
		s.LastAttempt = &start
		s.NextAttempt = nil
	})
	for stale := true; stale; stale = errors.Is(err, errStale) {
		if in, err = i.load(ctx); err == nil {
			err = i.pass(ctx, in)
		} else {
			in = &Inputs{Policy: DefaultPolicy()}
			err = notLoaded(err)
		}
	}
	if ctx.Err() != nil {
		return in, context.Cause(ctx)
	}
	i.tell(asFailure(err), time.Since(start))
	return in, err
}

// notLoaded converts an error of loading into a failure. Unclassified errors concern the manifest.
func notLoaded(err error) *Failure {
	f := FailureOf(err)
	if f.Err == err {
		f.Reason = state.ManifestUnreadable
	}
	return f
}

// delay schedules the retry after a failure and publishes it. Awaited conditions are polled at a
// fixed interval; failures are retried with backoff.
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

// blockedIn returns the phase of the importer after a failure with this reason.
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

// publish stores, records and logs the result of a pass. It logs changes only.
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
		// A failed check of the platform does not un-confirm the release, nor does the wait for a
		// repair.
		s.Confirmed = s.Confirmed && (f.Group == "" || f.Reason.Transient())
		s.SetGroup(f.Group, func(g *state.Group) { g.State = stateAfter(f.Reason) })
	})
	if old == nil || old.Reason != problem.Reason || old.Group != problem.Group || old.Message != problem.Message {
		level := slog.LevelError
		if f.Reason.Transient() {
			level = slog.LevelInfo
		}
		text := "release not confirmed"
		if i.store.Get().Confirmed {
			text = "release confirmed, but the last pass failed"
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
		s.Confirmed = true
		s.LastSuccess = &now
		s.Lock = nil
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
		i.log.Info("release confirmed", "release", was.Release.Name, "repository", was.Release.Repository,
			"verification", was.Release.Verification, "took", now.Sub(was.Started))
	}
}

// enter changes the phase and logs the change.
func (i *Importer) enter(p state.Phase, group string) {
	old := i.store.Get().Phase
	if old == p {
		return
	}
	now := time.Now()
	i.store.Update(func(s *state.Snapshot) {
		s.Phase = p
		s.Since = now
	})
	i.log.Info("phase changed", "from", old, "to", p, "group", group)
}

// progress resets the backoff, because more workspaces are done than ever before.
func (i *Importer) progress() {
	i.retries = 0
	i.advanced()
}

// advanced records that the import made progress.
func (i *Importer) advanced() {
	now := time.Now()
	i.store.Update(func(s *state.Snapshot) { s.LastProgress = &now })
}

// rest waits for d, a trigger or the end of ctx.
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

// sleep waits for d. It returns false if ctx ends first.
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

// kicked consumes a pending trigger.
func (i *Importer) kicked() bool {
	select {
	case <-i.kick:
		return true
	default:
		return false
	}
}
