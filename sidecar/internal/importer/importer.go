// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform/follow"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Recorder records metrics of the importer. The reason is "" for a success.
type Recorder interface {
	Pass(reason state.Reason, took time.Duration)
	Group(group string, reason state.Reason, took time.Duration)
	LockWait(took time.Duration)
}

// Importer runs the passes. Only [Importer.Trigger], [Importer.VerifyAgain] and [Importer.Drain] may
// be called concurrently.
type Importer struct {
	load   Load
	store  *state.Store
	record Recorder
	log    *slog.Logger

	trigger     chan struct{}
	verifyAll   atomic.Bool // verify everything again
	mem         *memory
	retries     int
	lockWait    lockWait
	services    servicesWait
	feed        follow.Feed // of the current pass
	checkRepair bool        // check whether a repair helped
	drain       drain
	holder      holder    // of the last lock seen
	lastDown    time.Time // when the pod's service last did not listen

	current      currentTracker
	watchFrom    time.Time     // of the confirmation, or of the last change of the current release
	foreignSince time.Time     // when another release was first found; zero for none
	needsEvents  bool          // only events show another release, because the list has no versions
	listDuration time.Duration // duration of the last list of workspaces
	compareAt    time.Time     // when to compare with the platform next
	listOnly     bool          // the next pass only lists workspaces
}

// New returns an importer. [Importer.Run] or [Importer.Once] starts it.
func New(load Load, store *state.Store, record Recorder, log *slog.Logger) *Importer {
	return &Importer{
		load:    load,
		store:   store,
		record:  record,
		log:     log,
		trigger: make(chan struct{}, 1),
		mem:     newMemory(),
	}
}

// VerifyAgain starts a pass that verifies every group, even if it is already confirmed.
func (i *Importer) VerifyAgain() {
	i.verifyAll.Store(true)
	i.Trigger()
}

// Trigger starts the next pass early.
func (i *Importer) Trigger() {
	select {
	case i.trigger <- struct{}{}:
	default: // a trigger is already pending
	}
}

// Run runs passes until ctx ends, and never gives up. It returns the cause of ctx.
func (i *Importer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		i.waitForTrigger(ctx, i.runTurn(ctx))
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
			return endError(ctx, last)
		case f == nil:
			return nil
		case !f.Reason.IsTransient():
			return f
		default:
			last = f
		}
		sleep(ctx, i.scheduleRetry(&in.Policy, last))
	}
}

// endError returns the cause of ctx and the last failure before it.
func endError(ctx context.Context, last *Failure) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// runTurn runs a pass and returns the delay before the next one.
func (i *Importer) runTurn(ctx context.Context) time.Duration {
	in, err := i.Pass(ctx)
	if ctx.Err() != nil {
		return 0 // a shutdown is not a failure
	}
	if f := asFailure(err); f != nil {
		return i.scheduleRetry(&in.Policy, f)
	}
	i.enterPhase(state.Watching, "")
	if i.checkRepair {
		i.checkRepair = false
		return backoff.Jitter(in.Policy.Poll)
	}
	return i.scheduleCheck(&in.Policy)
}

// scheduleCheck schedules the next check of a confirmed release. Comparisons take a request per
// workspace and run every ReconcileEvery.
func (i *Importer) scheduleCheck(p *Policy) time.Duration {
	now := time.Now()
	if !i.listOnly {
		i.compareAt = now.Add(backoff.Jitter(p.ReconcileEvery))
	}
	wait := backoff.Jitter(i.foreignCheckInterval(p))
	i.listOnly = now.Add(wait).Before(i.compareAt)
	if !i.listOnly {
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
			err = i.runPass(ctx, in)
		} else {
			in = &Inputs{Policy: DefaultPolicy()}
			err = loadError(err)
		}
	}
	if ctx.Err() != nil {
		return in, context.Cause(ctx)
	}
	i.publishResult(asFailure(err), time.Since(start))
	return in, err
}

// loadError converts an error of loading into a failure. Unclassified errors concern the manifest.
func loadError(err error) *Failure {
	f := FailureOf(err)
	if f.Err == err {
		f.Reason = state.ManifestUnreadable
	}
	return f
}

// scheduleRetry schedules the retry after a failure and publishes it. Awaited conditions are polled at a
// fixed interval; failures are retried with backoff.
func (i *Importer) scheduleRetry(p *Policy, f *Failure) time.Duration {
	var wait time.Duration
	s := i.store.Get()
	switch {
	case f.isUnreachable():
		wait = downDelay(time.Since(s.Problem.Since))
	case f.Reason == state.ServicesNotReady:
		wait = max(backoff.Jitter(min(p.Poll, maxDownPoll)), f.boundedRetryAfter())
	case f.Reason == state.Superseded:
		wait = backoff.Jitter(p.ForeignCheckInterval)
	case f.Reason == state.LockHeld, f.Reason == state.NotImportedYet, f.Reason == state.Draining:
		wait = max(backoff.Jitter(p.Poll), f.boundedRetryAfter())
	default:
		wait = retryDelay(p, i.retries, f.RetryAfter)
		i.retries++
	}
	if phase := phaseAfter(f.Reason); phase != state.Waiting || !s.Confirmed {
		i.enterPhase(phase, f.Group)
	}
	next := time.Now().Add(wait)
	i.store.Update(func(s *state.Snapshot) { s.NextAttempt = &next })
	return wait
}

// phaseAfter returns the phase of the importer after a failure with this reason.
func phaseAfter(r state.Reason) state.Phase {
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

// publishResult stores, records and logs the result of a pass. It logs changes only.
func (i *Importer) publishResult(f *Failure, took time.Duration) {
	if f == nil {
		i.record.Pass("", took)
		i.publishSuccess()
		return
	}
	i.record.Pass(f.Reason, took)
	if f.Reason != state.RateLimited {
		i.mem.finalCheckPass = 0
	}
	if f.Reason == state.TargetDown {
		i.lastDown = time.Now()
		i.drain.endLingeringImport()
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
		s.Confirmed = s.Confirmed && (f.Group == "" || f.Reason.IsTransient())
		s.SetGroup(f.Group, func(g *state.Group) { g.State = groupStateAfter(f.Reason) })
	})
	if old == nil || old.Reason != problem.Reason || old.Group != problem.Group || old.Message != problem.Message {
		level := slog.LevelError
		if f.Reason.IsTransient() {
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

func groupStateAfter(r state.Reason) state.GroupState {
	if r.IsTransient() {
		return state.GroupWaiting
	}
	return state.GroupFailed
}

func (i *Importer) publishSuccess() {
	now := time.Now()
	i.retries = 0
	was := i.store.Get()
	i.store.Update(func(s *state.Snapshot) {
		s.Confirmed = true
		s.LastSuccess = &now
		s.Lock = nil
		if s.Problem != nil && (!was.Confirmed || s.Problem.Reason != state.Drifted && !isForeign(s.Problem.Reason)) {
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
		i.mem.finalCheckPass = 0
		i.mem.foreign = nil
		i.log.Info("release confirmed", "release", was.Release.Name, "repository", was.Release.Repository,
			"verification", was.Release.Verification, "took", now.Sub(was.Started))
	}
}

// enterPhase changes the phase and logs the change.
func (i *Importer) enterPhase(p state.Phase, group string) {
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

// resetRetries resets the backoff, because more workspaces are done than ever before.
func (i *Importer) resetRetries() {
	i.retries = 0
	i.recordProgress()
}

// recordProgress records that the import made progress.
func (i *Importer) recordProgress() {
	now := time.Now()
	i.store.Update(func(s *state.Snapshot) { s.LastProgress = &now })
}

// waitForTrigger waits for d, a trigger or the end of ctx.
func (i *Importer) waitForTrigger(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-i.trigger:
		i.listOnly = false
	case <-ctx.Done():
	}
}

// sleep waits for d. It returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	return backoff.Sleep(ctx, d) == nil && ctx.Err() == nil
}

// consumeTrigger consumes a pending trigger.
func (i *Importer) consumeTrigger() bool {
	select {
	case <-i.trigger:
		return true
	default:
		return false
	}
}
