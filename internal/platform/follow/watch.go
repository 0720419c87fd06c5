// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// watch is what is known of an operation.
type watch struct {
	*Operation
	poll backoff.Exponential
	seen map[string]bool // IDs of the operation's events
	said string          // last text about the wait
	// current is true if the last read of events succeeded, failing if any read of them failed.
	current, failing bool
	statusRefused    bool
	status           *platform.WorkspaceStatus // after the operation
	lock             *platform.WriteLock       // first lock seen
	// other is when the last event came that ends the operation of another client.
	other time.Time
	// quiet is when the operation seemed to have ended, without news since. Zero while it runs.
	quiet time.Time
}

// readSources reads each source once. The outcome is empty while the operation may be running, and
// while its last event may be on its way.
func (w *watch) readSources(ctx context.Context) (Outcome, error) {
	if end := w.readEvents(ctx); end != nil {
		return Outcome{Event: end}, nil
	}
	read := w.readLock
	lag := w.poll.Max
	if w.Status != nil {
		read = w.readStatus
		lag = 0
	}
	ended, err := read(ctx)
	switch {
	case err != nil:
		return Outcome{}, err
	case !ended:
		w.quiet = time.Time{}
		return Outcome{}, nil
	case w.quiet.IsZero():
		w.quiet = time.Now()
	}
	if w.Feed.Refused == nil {
		lag = 4 * w.poll.Max
		w.reportWait("the operation seems to have ended: waiting up to " + lag.String() + " for the event with the result")
	}
	switch {
	case time.Since(w.quiet) < lag, w.Patient && !w.current && w.Feed.Refused == nil:
		return Outcome{}, nil
	case w.status == nil:
		return Outcome{}, ErrSilent
	}
	return Outcome{Status: w.status}, nil
}

// readEvents returns the event that ends the operation, or nil.
func (w *watch) readEvents(ctx context.Context) (end *platform.Event) {
	refused := w.Feed.Refused != nil
	events, err := w.Feed.Newest(ctx, w.Since, w.Query)
	w.current = err == nil
	switch {
	case err == nil || refused || ctx.Err() != nil:
	case w.Feed.Refused != nil:
		w.Notify("events cannot be read: " + err.Error())
	case !w.failing:
		w.failing = true
		w.Notify("events cannot be read at the moment; trying again: " + err.Error())
	}
	slices.SortStableFunc(events, func(a, b platform.Event) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, e := range events {
		own := w.isOwn(&e)
		if !own && w.Ends(&e) {
			w.other = e.CreatedAt
		}
		if !own || w.seen[e.ID] {
			continue
		}
		w.seen[e.ID] = true
		w.quiet = time.Time{}
		if w.OnEvent != nil {
			w.OnEvent(&e)
		}
		if end == nil && w.Ends(&e) {
			end = &e
		}
	}
	return end
}

// isOwn reports whether an event belongs to the operation: by correlation ID or, without one, by
// time and content. The lock lets only one such operation run at a time.
func (w *watch) isOwn(e *platform.Event) bool {
	known := slices.ContainsFunc(w.IDs, func(id string) bool { return id != "" })
	if known && e.CorrelationID != "" {
		return slices.Contains(w.IDs, e.CorrelationID)
	}
	return !e.CreatedAt.Before(w.Since) && w.Matches(e)
}

// readLock reports whether the operation has ended, or never began. The lock was free before the
// request, so the first lock seen counts as the operation's.
func (w *watch) readLock(ctx context.Context) (ended bool, err error) {
	lock, err := w.Lock(ctx)
	switch {
	case err != nil && w.InPod && platform.ClassOf(err) == platform.ClassNotSent:
		return false, err
	case err != nil:
		w.reportWait("the write lock cannot be read (" + platform.ClassOf(err).String() + "); trying again")
		return false, nil
	case w.lock == nil:
		w.lock = lock
	}
	if lock == nil || !lock.Equal(w.lock) {
		return true, nil
	}
	w.reportWait("the operation holds the write lock")
	return false, nil
}

// readStatus reports whether this operation was the last import of the workspace.
func (w *watch) readStatus(ctx context.Context) (ended bool, err error) {
	var status platform.WorkspaceStatus
	if !w.statusRefused {
		status, err = w.Status(ctx)
	}
	if isRefusal(err) {
		w.statusRefused = true
		w.Notify("the status of the workspace cannot be read: " + err.Error())
	}
	switch {
	case w.statusRefused && w.Feed.Refused != nil:
		return false, ErrUnreadable
	case w.statusRefused:
		return false, nil
	case err != nil:
		w.reportWait("the status of the workspace cannot be read (" + platform.ClassOf(err).String() + "); trying again")
		return false, nil
	}
	others := !status.ImportedAt.After(w.other.Add(time.Second))
	if others || status.ImportedAt.Before(w.Since) {
		w.reportWait("the status of the workspace does not show the end of the operation")
		return false, nil
	}
	if w.status == nil || !status.ImportedAt.Equal(w.status.ImportedAt) {
		w.quiet = time.Time{} // the event of this import may still be on its way
	}
	w.status = &status
	return true, nil
}

// reportWait sends a text about the wait when it changes.
func (w *watch) reportWait(text string) {
	if w.said != text {
		w.said = text
		w.Notify(text)
	}
}
