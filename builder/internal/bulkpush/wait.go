// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush

import (
	"context"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// lockDelay bounds the time between two reads of the lock.
const lockDelay = 10 * time.Second

// lockWait bounds the wait for the write lock, over all of its holders.
type lockWait struct {
	limit time.Duration
	until time.Time // zero before the wait
	pause retry.Delays
}

// waitForLock waits until the write lock is free.
func (r *run) waitForLock(ctx context.Context, wait *lockWait) error {
	w, err := r.readPlatform(ctx)
	if err != nil {
		return r.explainRefusal(err)
	}
	if w.Lock == nil {
		return nil
	}
	if wait.limit == 0 {
		return lockHeldProblem(*w.Lock, 0)
	}
	return r.display.Narrate("wait for the write lock", func(say func(string)) error {
		var holder platform.WriteLock
		for w.Lock != nil {
			if !w.Lock.Equal(&holder) {
				holder = *w.Lock
				say(describeHolder(holder))
			}
			if err := wait.pauseBeforeRetry(ctx, &holder); err != nil {
				return err
			}
			if w, err = r.readPlatform(ctx); err != nil {
				return r.explainRefusal(err)
			}
		}
		return nil
	})
}

// pauseBeforeRetry sleeps before the next attempt. It fails once the limit has passed, or at once
// if the lock never expires.
func (w *lockWait) pauseBeforeRetry(ctx context.Context, holder *platform.WriteLock) error {
	w.pause.Limit = lockDelay
	if w.until.IsZero() {
		w.until = time.Now().Add(w.limit)
	}
	if !time.Now().Before(w.until) || holder.Reason == platform.MergeConflict {
		return lockHeldProblem(*holder, w.limit)
	}
	if !w.pause.Sleep(ctx, w.until) {
		return context.Cause(ctx)
	}
	return nil
}

// refusingLock returns the lock that made the platform refuse a push, or nil if the refusal has
// another cause.
func (r *run) refusingLock(ctx context.Context, err error) *platform.WriteLock {
	class := platform.ClassOf(err)
	if !class.MayMeanLocked() {
		return nil
	}
	w, readErr := r.readPlatform(ctx)
	switch {
	case readErr == nil && w.Lock != nil:
		return w.Lock
	case class == platform.ClassLocked:
		return &platform.WriteLock{Reason: err.Error()}
	}
	return nil
}

func describeHolder(l platform.WriteLock) string {
	if l.LockedBy == "" && l.LockedAt.IsZero() {
		return "held by an unnamed user: " + l.Reason
	}
	return fmt.Sprintf("held by %s (%s) since %s", l.LockedBy, l.Reason, l.LockedAt.UTC().Format(time.RFC3339))
}

// lockHeldProblem returns the problem of a lock that is still held.
func lockHeldProblem(l platform.WriteLock, waited time.Duration) *outcome.Problem {
	p := &outcome.Problem{Code: "locked", Message: "the write lock of the platform is " + describeHolder(l)}
	switch {
	case l.Reason == platform.MergeConflict:
		p.Help = "the workspace platform itself has a merge conflict, and that lock never expires: " +
			"resolve the conflict in Git and pull again"
	case waited > 0:
		p.Message += fmt.Sprintf("; waited %s", waited)
		p.Help = "check what the holder is doing; a lock expires 30 minutes after its holder stops"
	default:
		p.Help = "another bulk push or import is in progress: run again when it has ended, " +
			"or wait for it with --wait-lock 30m"
	}
	return p
}
