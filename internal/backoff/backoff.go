// SPDX-License-Identifier: Apache-2.0

// Package backoff computes the delays between retries of a request, and sleeps.
package backoff

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Sleep sleeps for d. It returns the cause of ctx if ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Exponential are delays that double from First up to Max.
type Exponential struct{ First, Max time.Duration }

// Delay returns the delay before a retry, without jitter. Retries are counted from 0.
func (e Exponential) Delay(retry int) time.Duration {
	d := min(e.First, e.Max)
	for range retry {
		if d <= 0 || d > e.Max/2 {
			return max(e.Max, 0)
		}
		d *= 2
	}
	return d
}

// Jitter returns a random duration between d/2 and d, so that several clients spread out.
func Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d/2+1)
}

// maxSeconds bounds the seconds that [RetryAfter] accepts.
const maxSeconds = 1 << 31

// RetryAfter parses the value of a Retry-After header: a number of seconds, which may have a
// fraction, or a date, which is compared with now. It returns 0 for a date in the past, for a
// date if now is the zero time, and for anything else.
func RetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 && seconds < maxSeconds {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil && !now.IsZero() {
		return max(0, at.Sub(now))
	}
	return 0
}
