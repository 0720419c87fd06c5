// SPDX-License-Identifier: AGPL-3.0-or-later

package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

func write(ctx context.Context, fn func() error) error { return retry.Write(ctx, nil, fn) }

// Reads are repeated after transient errors, writes only if nothing was processed.
func TestRepeatedClasses(t *testing.T) {
	for class, want := range map[platform.Class][2]int{ // calls of Read and of Write
		platform.ClassNotSent:      {4, 4},
		platform.ClassRateLimited:  {4, 4},
		platform.ClassInterrupted:  {4, 1},
		platform.ClassTimeout:      {4, 1},
		platform.ClassServer:       {4, 1},
		platform.ClassForbidden:    {1, 1},
		platform.ClassLocked:       {1, 1},
		platform.ClassMalformed:    {1, 1},
		platform.ClassCanceled:     {1, 1},
		platform.ClassNone:         {1, 1}, // an unrelated error
		platform.ClassUnauthorized: {1, 1},
	} {
		for i, do := range []func(context.Context, func() error) error{retry.Read, write} {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				failure := error(&platform.Error{Class: class})
				if err := do(t.Context(), func() error { calls++; return failure }); err != failure ||
					calls != want[i] {
					t.Errorf("%s: %d calls instead of %d, %v", class, calls, want[i], err)
				}
			})
		}
	}
}

func TestRetryEndsWithTheFirstSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, began := 0, time.Now()
		err := write(t.Context(), func() error {
			if calls++; calls < 3 {
				return &platform.Error{Class: platform.ClassRateLimited, RetryAfter: time.Hour}
			}
			return nil
		})
		// Each wait is at most two minutes.
		if took := time.Since(began); err != nil || calls != 3 || took < 4*time.Minute || took > 5*time.Minute {
			t.Errorf("%d calls in %s, %v", calls, took, err)
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		failure, began := &platform.Error{Class: platform.ClassRateLimited, RetryAfter: time.Hour}, time.Now()
		if err := retry.Read(ctx, func() error { return failure }); !errors.Is(err, failure) ||
			time.Since(began) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestDelaysGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := retry.Delays{Limit: 5 * time.Second}
		for _, longest := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second,
			5 * time.Second, 5 * time.Second} {
			began := time.Now()
			ok := d.Sleep(t.Context(), began.Add(time.Hour))
			if took := time.Since(began); !ok || took > longest || took < longest/2 {
				t.Errorf("slept %s, want up to %s", took, longest)
			}
		}
		began := time.Now()
		if !d.Sleep(t.Context(), began.Add(time.Second)) || time.Since(began) != time.Second {
			t.Errorf("slept %s beyond the deadline", time.Since(began))
		}
	})
}
