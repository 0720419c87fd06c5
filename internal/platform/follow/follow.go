// SPDX-License-Identifier: Apache-2.0

// Package follow finds out how an operation of the platform ended if the response to its request
// does not say so: the connection broke, or the operation outlasted the response. It only reads.
//
// There are up to three sources, each of which may fail (platform contract §1.5 to §1.8). Events
// report the end and the result, but lag behind and may be lost. The write lock shows whether a bulk
// operation is running, but no result. The status of a workspace shows that an import has ended and
// its errors, but not its files. If no source shows the outcome, it is unknown, and never guessed.
package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// Errors of [Operation.Await]. After each of them the outcome is unknown.
var (
	// ErrSilent means that the operation has ended or never began.
	ErrSilent = errors.New("the write lock is free, but no event reports the result")
	// ErrExpired is wrapped after the timeout. The operation may still be running.
	ErrExpired = errors.New("no result")
	// ErrUnreadable means that it is useless to wait any longer.
	ErrUnreadable = errors.New("neither events nor status of the workspace can be read")
)

// Operation is an operation whose outcome is unknown. One of Lock and Status is required.
type Operation struct {
	// Since is the time of a read before the request, by the platform's clock.
	Since time.Time
	// IDs are the known correlation IDs of the request. Empty ones are ignored.
	IDs []string
	// Matches reports whether an event may belong to the operation. It decides about events since
	// Since that have no correlation ID, and about all events since Since if no ID is known.
	Matches func(*platform.Event) bool
	// Ends reports whether an event reports the end of an operation.
	Ends func(*platform.Event) bool

	// Feed reads the events. Query selects a workspace and types.
	Feed  *Feed
	Query platform.EventQuery
	// Lock reads the lock of a bulk operation, which is nil if it is free.
	Lock func(context.Context) (*platform.WriteLock, error)
	// Status reads the status of the workspace into which an archive is imported.
	Status func(context.Context) (platform.WorkspaceStatus, error)

	// InPod is true if Lock asks the very service that runs the operation. If that service does not
	// listen, it has stopped, and the operation with it.
	InPod bool
	// Patient is true if the wait lasts until events can be read again. Otherwise it can end
	// although the last read of events failed.
	Patient bool
	// Poll are the delays between two reads, before jitter. The default suits the gateway, which
	// allows 40 reads of events per minute (platform contract §9). It is assumed that operations get
	// their lock within the maximum, and that events are visible after four times the maximum.
	Poll backoff.Exponential
	// Timeout is the time from Sent, when the request was sent by the local clock, to the last reads.
	Sent    time.Time
	Timeout time.Duration
	// Notify receives what the wait is for, when that changes.
	Notify func(string)
	// OnEvent receives each event of the operation once. It may be nil.
	OnEvent func(*platform.Event)
}

// Outcome is how an operation ended: an event for which [Operation.Ends] is true or, if there is
// none, the status after the operation.
type Outcome struct {
	Event  *platform.Event
	Status *platform.WorkspaceStatus
}

// Await reads all sources until they show the outcome. The error is one of this package, the cause
// of ctx or, with InPod, the error of Lock that shows that the service has stopped.
func (o *Operation) Await(ctx context.Context) (Outcome, error) {
	w := watch{Operation: o, poll: o.Poll, seen: map[string]bool{}}
	if w.poll.Max == 0 {
		w.poll = backoff.Exponential{First: 500 * time.Millisecond, Max: 5 * time.Second}
	}
	deadline := o.Sent.Add(o.Timeout)
	for n := 0; ; n++ {
		pause := min(backoff.Jitter(w.poll.Delay(n)), time.Until(deadline))
		if err := backoff.Sleep(ctx, pause); err != nil {
			return Outcome{}, err
		}
		found, err := w.readSources(ctx)
		switch {
		case err != nil || found != Outcome{}:
			return found, err
		case ctx.Err() != nil:
			return Outcome{}, context.Cause(ctx)
		case !time.Now().Before(deadline):
			return Outcome{}, fmt.Errorf("%w after %s", ErrExpired, o.Timeout)
		}
	}
}
