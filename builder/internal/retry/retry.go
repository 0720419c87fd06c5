// SPDX-License-Identifier: AGPL-3.0-or-later

// Package retry decides whether and when a request to a platform may be repeated. It never repeats
// a request that the platform may have processed.
package retry

import (
	"context"
	"errors"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// attempts is the maximum number of attempts at a request.
	attempts = 4
	// firstDelay is the delay before the second attempt. Each delay doubles, up to maxDelay.
	firstDelay = 500 * time.Millisecond
	maxDelay   = 10 * time.Second
	// maxRetryAfter bounds the delay that the platform may ask for. Its rate limits are per minute.
	maxRetryAfter = 2 * time.Minute
)

// Delays are the delays between polls. They double up to a limit and have random jitter, so that
// clients do not poll in step.
type Delays struct {
	Limit time.Duration
	next  time.Duration
}

// Sleep sleeps for the next delay, but not beyond the deadline. It returns false if ctx ended.
func (d *Delays) Sleep(ctx context.Context, deadline time.Time) bool {
	d.next = min(max(2*d.next, firstDelay), d.Limit)
	return backoff.Sleep(ctx, min(backoff.Jitter(d.next), time.Until(deadline))) == nil
}

// Notify is called with the remaining time at the start of a wait that the platform asks for, and
// every 15 seconds. It may be nil.
type Notify func(left time.Duration)

// notifyInterval is the time between two calls of Notify.
const notifyInterval = 15 * time.Second

// sleep returns false if ctx ended.
func (n Notify) sleep(ctx context.Context, d time.Duration) bool {
	for ; d > 0 && n != nil; d -= notifyInterval {
		n(d)
		if backoff.Sleep(ctx, min(d, notifyInterval)) != nil {
			return false
		}
	}
	return backoff.Sleep(ctx, max(d, 0)) == nil
}

// Read repeats a request without side effects after any transient error.
func Read(ctx context.Context, fn func() error) error {
	return retryRequest(ctx, nil, fn, func(c platform.Class) bool {
		switch c {
		case platform.ClassInterrupted, platform.ClassTimeout, platform.ClassServer:
			return true
		}
		return isUnserved(c)
	})
}

// Write repeats a request with side effects only if the platform did not process it.
func Write(ctx context.Context, notify Notify, fn func() error) error {
	return retryRequest(ctx, notify, fn, isUnserved)
}

func isUnserved(c platform.Class) bool {
	return c == platform.ClassNotSent || c == platform.ClassRateLimited
}

// retryRequest calls fn until it succeeds, fails permanently, or has been called too often.
func retryRequest(ctx context.Context, notify Notify, fn func() error, again func(platform.Class) bool) error {
	d := Delays{Limit: maxDelay}
	for n := 1; ; n++ {
		err := fn()
		if err == nil || n == attempts || !again(platform.ClassOf(err)) {
			return err
		}
		if !notify.sleep(ctx, After(err)) || !d.Sleep(ctx, time.Now().Add(d.Limit)) {
			return err
		}
	}
}

// After returns how long the platform asks the client to wait.
func After(err error) time.Duration {
	if e, ok := errors.AsType[*platform.Error](err); ok {
		return min(e.RetryAfter, maxRetryAfter)
	}
	return 0
}
