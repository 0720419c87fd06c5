// SPDX-License-Identifier: AGPL-3.0-or-later

// Package retry tells when a request to a platform may be sent again, and when. Nothing
// is repeated that the platform may have done already.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// attempts at a request that was not served.
	attempts = 4
	// firstDelay before a second look; each delay is twice the one before, up to maxDelay.
	firstDelay, maxDelay = 500 * time.Millisecond, 10 * time.Second
	// maxRetryAfter bounds what the platform may ask for: its windows are of a minute.
	maxRetryAfter = 2 * time.Minute
)

// Delays are the times between looks: doubled each time up to a limit, and a random part
// of that, so that several who wait do not look at once.
type Delays struct {
	Limit time.Duration
	next  time.Duration
}

// Sleep reports false if ctx ended. It sleeps no longer than to the deadline.
func (d *Delays) Sleep(ctx context.Context, deadline time.Time) bool {
	d.next = min(max(2*d.next, firstDelay), d.Limit)
	return Sleep(ctx, min(d.next/2+rand.N(d.next/2+1), time.Until(deadline)))
}

// Sleep reports false if ctx ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Waiting hears of a wait that the platform asks for, at its beginning and then every
// 15 seconds, with the time that is left.
type Waiting func(left time.Duration)

// noteEvery is the time between two words of a wait.
const noteEvery = 15 * time.Second

// sleep reports false if ctx ended.
func (w Waiting) sleep(ctx context.Context, d time.Duration) bool {
	for ; d > 0 && w != nil; d -= noteEvery {
		w(d)
		if !Sleep(ctx, min(d, noteEvery)) {
			return false
		}
	}
	return Sleep(ctx, max(d, 0))
}

// Read is for requests that change nothing: they are repeated after any error that may
// pass.
func Read(ctx context.Context, fn func() error) error { return ReadNoting(ctx, nil, fn) }

// ReadNoting is [Read], of which waiting hears.
func ReadNoting(ctx context.Context, waiting Waiting, fn func() error) error {
	return do(ctx, waiting, fn, func(c platform.Class) bool {
		switch c {
		case platform.ClassInterrupted, platform.ClassTimeout, platform.ClassServer:
			return true
		}
		return unserved(c)
	})
}

// Write is for requests that change something: they are repeated only where the platform
// did nothing.
func Write(ctx context.Context, fn func() error) error { return do(ctx, nil, fn, unserved) }

// WriteNoting is [Write], of which waiting hears.
func WriteNoting(ctx context.Context, waiting Waiting, fn func() error) error {
	return do(ctx, waiting, fn, unserved)
}

func unserved(c platform.Class) bool {
	return c == platform.ClassNotSent || c == platform.ClassRateLimited
}

// do calls fn until it succeeds or fails for good.
func do(ctx context.Context, waiting Waiting, fn func() error, again func(platform.Class) bool) error {
	d := Delays{Limit: maxDelay}
	for n := 1; ; n++ {
		err := fn()
		if err == nil || n == attempts || !again(platform.ClassOf(err)) {
			return err
		}
		if !waiting.sleep(ctx, After(err)) || !d.Sleep(ctx, time.Now().Add(d.Limit)) {
			return err
		}
	}
}

// After is how long the platform asks to wait.
func After(err error) time.Duration {
	if e, ok := errors.AsType[*platform.Error](err); ok {
		return min(e.RetryAfter, maxRetryAfter)
	}
	return 0
}
