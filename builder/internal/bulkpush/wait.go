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

const (
	// lockDelay and eventDelay bound the time between two looks. The gateway allows 40
	// reads of events in a minute (contract §9).
	lockDelay, eventDelay = 10 * time.Second, 5 * time.Second
	// mergeConflict is the reason of a lock that never expires (contract §1.5).
	mergeConflict = "merge_conflict"
)

// lockWait is the wait for the write lock, over all of its holders.
type lockWait struct {
	limit time.Duration
	until time.Time // zero before the wait
	pause retry.Delays
}

// free waits until nobody holds the write lock.
func (r *run) free(ctx context.Context, wait *lockWait) error {
	w, err := r.look(ctx)
	if err != nil {
		return r.refusal(err)
	}
	if w.Lock == nil {
		return nil
	}
	if wait.limit == 0 {
		return heldBy(*w.Lock, 0)
	}
	return r.display.Narrate("wait for the write lock", func(say func(string)) error {
		var holder platform.WriteLock
		for w.Lock != nil {
			if *w.Lock != holder {
				holder = *w.Lock
				say(holderLine(holder))
			}
			if err := wait.again(ctx, &holder); err != nil {
				return err
			}
			if w, err = r.look(ctx); err != nil {
				return r.refusal(err)
			}
		}
		return nil
	})
}

// again waits for the next look, unless it has waited long enough.
func (w *lockWait) again(ctx context.Context, holder *platform.WriteLock) error {
	w.pause.Limit = lockDelay
	if w.until.IsZero() {
		w.until = time.Now().Add(w.limit)
	}
	if !time.Now().Before(w.until) || holder.Reason == mergeConflict {
		return heldBy(*holder, w.limit)
	}
	if !w.pause.Sleep(ctx, w.until) {
		return context.Cause(ctx)
	}
	return nil
}

// refusedByLock returns the lock because of which a push was not taken, nil if it was for
// another reason. The text of a refusal may not say so: the lock itself does (contract §1.5).
func (r *run) refusedByLock(ctx context.Context, err error) *platform.WriteLock {
	class := platform.ClassOf(err)
	if class != platform.ClassLocked && class != platform.ClassRejected && class != platform.ClassForbidden {
		return nil
	}
	w, lookErr := r.look(ctx)
	switch {
	case lookErr == nil && w.Lock != nil:
		return w.Lock
	case class == platform.ClassLocked:
		return &platform.WriteLock{Reason: err.Error()}
	}
	return nil
}

func holderLine(l platform.WriteLock) string {
	if l.LockedBy == "" && l.LockedAt.IsZero() {
		return "held by somebody whom the platform does not name: " + l.Reason
	}
	return fmt.Sprintf("held by %s (%s) since %s", l.LockedBy, l.Reason, l.LockedAt.UTC().Format(time.RFC3339))
}

// heldBy is the problem of a lock that was waited for.
func heldBy(l platform.WriteLock, waited time.Duration) *outcome.Problem {
	p := &outcome.Problem{Code: "locked", Message: "the write lock of the platform is " + holderLine(l)}
	switch {
	case l.Reason == mergeConflict:
		p.Help = "the workspace platform itself has a merge conflict, whose lock never expires: somebody has to resolve it in Git and pull again"
	case waited > 0:
		p.Message += fmt.Sprintf("; waited %s", waited)
		p.Help = "see what the holder does; a lock whose holder is gone expires after 30 minutes"
	default:
		p.Help = "another bulk push or import is under way: run again when it has ended, or wait for it with --wait-lock 30m"
	}
	return p
}
