// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// fresh requests a fresh check from a server and returns the status.
func fresh(ctx context.Context, t *testing.T, h http.Handler) (int, state.Snapshot) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status?fresh=true", http.NoBody).WithContext(ctx))
	var s state.Snapshot
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
			t.Error(err)
		}
	}
	return w.Code, s
}

func looking(store *state.Store, take CheckFunc) http.Handler {
	return New(store, Options{Gate: func() state.GatePolicy { return state.GatePolicy{} }, CheckPlatform: take,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}).Handler()
}

// Callers share a check that started after their request, and checks are rate limited.
func TestFreshLooksAreSharedAndRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int32
		h := looking(state.NewStore(), func(context.Context) (*state.PlatformCheck, *state.Problem) {
			taken.Add(1)
			time.Sleep(100 * time.Millisecond)
			return &state.PlatformCheck{Time: time.Now()}, nil
		})
		begin := time.Now()
		for range 10 {
			var all sync.WaitGroup
			for range maxWaiting {
				all.Go(func() {
					asked := time.Now()
					if code, s := fresh(t.Context(), t, h); code != http.StatusOK || s.PlatformCheck == nil ||
						s.PlatformCheck.Time.Before(asked) {
						t.Errorf("HTTP %d, %+v", code, s.PlatformCheck)
					}
				})
			}
			all.Wait()
		}
		if n, most := int(taken.Load()), int(time.Since(begin)/minCheckInterval)+1; n > most || n > 20 {
			t.Errorf("%d looks in %s", n, time.Since(begin))
		}
	})
}

// Callers that wait for a check do not block requests without one.
func TestFreshLooksLeaveTheStatusFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := looking(state.NewStore(), func(ctx context.Context) (*state.PlatformCheck, *state.Problem) {
			<-ctx.Done() // the platform does not respond
			return nil, state.NewProblem(state.TargetDown, "no answer", "")
		})
		var refused atomic.Int32
		for range 3 * maxConcurrent {
			go func() {
				if code, s := fresh(t.Context(), t, h); code == http.StatusServiceUnavailable {
					refused.Add(1)
				} else if s.Problem == nil || s.Problem.Reason != state.TargetDown {
					t.Errorf("problem %+v", s.Problem)
				}
			}()
		}
		synctest.Wait()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status", http.NoBody))
		if n := int(refused.Load()); w.Code != http.StatusOK || n != 3*maxConcurrent-maxWaiting {
			t.Errorf("HTTP %d, %d are refused", w.Code, n)
		}
		time.Sleep(time.Duration(maxWaiting+1) * (checkTimeout + minCheckInterval))
	})
}

// A caller that goes away neither cancels a shared check nor waits for its turn.
func TestACallerOfAFreshLookGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := looking(state.NewStore(), func(ctx context.Context) (*state.PlatformCheck, *state.Problem) {
			time.Sleep(time.Second)
			return &state.PlatformCheck{}, state.NewProblem(state.TargetDown, "ended early", "")
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		fresh(ctx, t, h)
		begin := time.Now()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, s := fresh(gone, t, h); s.PlatformCheck != nil || time.Since(begin) > 0 {
			t.Errorf("%+v after %s", s.PlatformCheck, time.Since(begin))
		}
	})
}

// A problem that a check finds is reported for a confirmed release. An unconfirmed release keeps
// its own problem.
func TestWhatAFreshLookFinds(t *testing.T) {
	found := state.NewProblem(state.ForeignRelease, "x", "")
	for name, k := range map[string]struct {
		confirmed bool
		has       *state.Problem
		want      state.Reason
	}{
		"confirmed":                    {true, nil, state.ForeignRelease},
		"confirmed, and edited":        {true, state.NewProblem(state.Drifted, "y", ""), state.ForeignRelease},
		"not confirmed for a reason":   {false, state.NewProblem(state.SlugTaken, "y", ""), state.SlugTaken},
		"not confirmed without reason": {false, nil, state.ForeignRelease},
	} {
		store := state.NewStore()
		store.Update(func(s *state.Snapshot) { s.Confirmed, s.Problem = k.confirmed, k.has })
		h := looking(store, func(context.Context) (*state.PlatformCheck, *state.Problem) {
			return &state.PlatformCheck{Foreign: []string{"a"}}, found
		})
		if _, s := fresh(t.Context(), t, h); s.Problem == nil || s.Problem.Reason != k.want {
			t.Errorf("%s: %+v, want %s", name, s.Problem, k.want)
		}
		if store.Get().PlatformCheck != nil {
			t.Errorf("%s: the look is kept", name)
		}
	}
}

func TestFreshIsTrueOrFalse(t *testing.T) {
	for query, want := range map[string]int{"?fresh=yes": 400, "?fresh=false": 200, "?fresh=": 200, "": 200} {
		w := httptest.NewRecorder()
		looking(state.NewStore(), nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status"+query, http.NoBody))
		if w.Code != want {
			t.Errorf("%s: HTTP %d, want %d", query, w.Code, want)
		}
	}
}
