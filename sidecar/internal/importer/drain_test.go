// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestDrainWithoutAnImportAnswersAtOnce(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.startAll()
		c.wait(time.Minute)
		start := time.Now()
		if err := c.replicas[0].imp.Drain(t.Context(), time.Minute); err != nil || time.Since(start) > 0 {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		c.complete("v1")
	})
}

// TestDrainWaitsForTheImport checks that no other group starts, until a service that only restarted
// is up again.
func TestDrainWaitsForTheImport(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(20 * time.Second)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		c.startAll()
		time.Sleep(30 * time.Second) // base1 has two workspaces, so 40 s
		start := time.Now()
		if err := r.imp.Drain(t.Context(), 50*time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("the drain took %s, the import 10 s more", took)
		}
		time.Sleep(time.Minute)
		if n := len(c.Ledger().Bulks); n != 1 || c.reason() != state.Draining || r.ready() {
			t.Errorf("%d imports, reason %q, ready %t", n, c.reason(), r.ready())
		}
		c.wait(3 * time.Minute)
		c.complete("v1")
	})
}

func TestDrainEndsInTime(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Hour)}, 1, func(t *testing.T, c *cluster) {
		c.replicas[0].policy.GroupTimeout = 3 * time.Hour
		c.startAll()
		time.Sleep(time.Minute)
		start := time.Now()
		if err := c.replicas[0].imp.Drain(t.Context(), 50*time.Second); !errors.Is(err, ErrImportRunning) ||
			time.Since(start) != 50*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		gone := errors.New("the caller went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		if err := c.replicas[0].imp.Drain(ctx, 50*time.Second); !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}

// TestDrainAfterTheTimeOfAGroup covers an import that the platform continues after the group
// timeout, until the lock is free.
func TestDrainAfterTheTimeOfAGroup(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(2 * time.Minute)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.GroupTimeout = time.Minute
		r.policy.PullWait = time.Second
		c.startAll()
		time.Sleep(90 * time.Second)
		if c.reason() != state.LockHeld {
			t.Fatalf("reason %q", c.reason())
		}
		if err := r.imp.Drain(t.Context(), 30*time.Second); !errors.Is(err, ErrImportRunning) {
			t.Errorf("while the lock is held: %v", err)
		}
		if err := r.imp.Drain(t.Context(), 10*time.Minute); err != nil {
			t.Error(err)
		}
		if n := len(c.Ledger().Bulks); n != 1 {
			t.Errorf("%d imports", n)
		}
	})
}

// TestDrainOfAnObservedService checks that the drain waits for any holder of the lock.
func TestDrainOfAnObservedService(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(20 * time.Second)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		c.NewPod("old", files("v0")).SetReady(true)
		c.observing(r, true)
		time.Sleep(15 * time.Second)
		if r.get().Lock == nil {
			t.Fatal("no lock is shown")
		}
		if err := r.imp.Drain(t.Context(), 10*time.Second); !errors.Is(err, ErrImportRunning) {
			t.Error(err)
		}
		if err := r.imp.Drain(t.Context(), 5*time.Minute); err != nil {
			t.Error(err)
		}
	})
}

// TestNoImportStartsWhileThePodDrains covers a drain at any time.
func TestNoImportStartsWhileThePodDrains(t *testing.T) {
	for at := range 40 {
		inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, 1, func(t *testing.T, c *cluster) {
			c.startAll()
			time.Sleep(time.Duration(at) * 100 * time.Millisecond)
			if err := c.replicas[0].imp.Drain(t.Context(), time.Minute); err != nil {
				t.Error(err)
			}
			before := len(c.Ledger().Bulks)
			time.Sleep(30 * time.Second)
			if n := len(c.Ledger().Bulks); n != before {
				t.Errorf("after %d ms: an import started", at*100)
			}
		})
	}
}

func TestTheExpiryOfALockIsReported(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.Lock("somebody", "pull_in_progress")
		since := time.Now()
		c.startAll()
		time.Sleep(time.Minute)
		s := c.replicas[0].get()
		if s.Lock == nil || s.Lock.EndsBy == nil || !s.Lock.EndsBy.Equal(since.Add(30*time.Minute)) || s.Lock.Orphaned {
			t.Errorf("%+v", s.Lock)
		}
		if !strings.Contains(s.Problem.Message, "it expires at "+since.Add(30*time.Minute).Format(time.RFC3339)) {
			t.Error(s.Problem.Message)
		}
		c.Unlock()
		c.Lock("somebody", "merge_conflict")
		time.Sleep(time.Minute)
		if l := c.replicas[0].get().Lock; l == nil || l.EndsBy != nil {
			t.Errorf("a merge conflict ends never: %+v", l)
		}
	})
}

// TestTheLockOfAServiceThatIsGone checks that the sidecar reports a lock of its stopped service as
// orphaned.
func TestTheLockOfAServiceThatIsGone(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		c.startAll()
		time.Sleep(30 * time.Second)
		r.Kill()
		time.Sleep(10 * time.Second)
		r.Restart()
		time.Sleep(time.Minute)
		l := r.get().Lock
		if c.reason() != state.LockHeld || l == nil || !l.Orphaned || l.Pod != r.Name {
			t.Errorf("reason %q, %+v", c.reason(), l)
		}
		c.wait(40 * time.Minute)
		c.complete("v1")
	})
}

// TestThePodOfALock checks that the pod is found by the events of its import if the lock has
// another name.
func TestThePodOfALock(t *testing.T) {
	rename := func(body []byte) []byte {
		return []byte(strings.ReplaceAll(string(body), `"lockedBy":"pod-0"`, `"lockedBy":"api"`))
	}
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, 2, func(t *testing.T, c *cluster) {
		c.replicas[0].start()
		time.Sleep(5 * time.Second)
		r := c.replicas[1]
		r.gateway = c.public()
		r.Faults.Add(platformtest.Fault{Op: "workspace", Times: -1, Kind: platformtest.Alter, Edit: rename})
		r.start()
		time.Sleep(30 * time.Second)
		if l := r.get().Lock; l == nil || l.By != "api" || l.Pod != "pod-0" || l.Orphaned {
			t.Errorf("%+v", l)
		}
		if p := r.get().Problem; p == nil || !strings.Contains(p.Message, "locked by api") ||
			!strings.Contains(p.Message, "from pod pod-0") {
			t.Errorf("%+v", p)
		}
	})
}
