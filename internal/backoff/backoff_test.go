// SPDX-License-Identifier: Apache-2.0

package backoff_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := backoff.Sleep(t.Context(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		stop := errors.New("stopped by hand")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(stop) })
		start = time.Now()
		if err := backoff.Sleep(ctx, time.Minute); err != stop || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestExponential(t *testing.T) {
	for name, test := range map[string]struct {
		delays backoff.Exponential
		want   []time.Duration
	}{
		"doubles up to the maximum": {backoff.Exponential{First: 1, Max: 5}, []time.Duration{1, 2, 4, 5, 5}},
		"first above the maximum":   {backoff.Exponential{First: 9, Max: 5}, []time.Duration{5, 5}},
		"zero":                      {backoff.Exponential{}, []time.Duration{0, 0}},
	} {
		var got []time.Duration
		for retry := range test.want {
			got = append(got, test.delays.Delay(retry))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := (backoff.Exponential{First: 1, Max: math.MaxInt64}).Delay(1000); got != math.MaxInt64 {
		t.Errorf("a thousand doublings make %v", got)
	}
}

func TestJitter(t *testing.T) {
	for range 1000 {
		if got := backoff.Jitter(time.Second); got < time.Second/2 || got > time.Second {
			t.Fatalf("jitter %v", got)
		}
	}
	for _, d := range []time.Duration{0, -1} {
		if got := backoff.Jitter(d); got != 0 {
			t.Errorf("jitter of %v is %v", d, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"1.5":                           1500 * time.Millisecond,
		"-7":                            0,
		"NaN":                           0,
		"Inf":                           0,
		"1e300":                         0,
		"soon":                          0,
		"Sat, 01 Aug 2026 10:00:30 GMT": 30 * time.Second,
		"Sat, 01 Aug 2026 09:59:30 GMT": 0,
	} {
		if got := backoff.RetryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func TestRetryAfterWithoutClock(t *testing.T) {
	if got := backoff.RetryAfter("Sat, 01 Aug 2026 10:00:30 GMT", time.Time{}); got != 0 {
		t.Errorf("%v", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("1e9")
	f.Add("Sat, 01 Aug 2026 10:00:30 GMT")
	now := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := backoff.RetryAfter(value, now); got < 0 {
			t.Fatalf("%q: %v", value, got)
		}
	})
}
