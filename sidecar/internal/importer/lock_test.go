// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Scaling up during a push, or next to a merge conflict, does not cause an outage.
func TestALockDoesNotKeepBackWhoHasNothingToImport(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.startAll()
		c.wait(time.Minute)
		c.Lock("somebody", "merge_conflict")
		c.add(files("v1")).start()
		if took := c.wait(time.Second); took > 300*time.Millisecond {
			t.Errorf("took %s", took)
		}
		if n := len(c.Ledger().Bulks); n != 3 {
			t.Errorf("%d imports, want 3", n)
		}
	})
}

// The sources do not document how a locked pull is rejected, so the lock itself decides (platform
// contract §1.5).
func TestALockedPullIsDistinguished(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 409, 423} {
		for _, text := range []string{"Workspace platform is locked", "An operation is in progress", "Sorry"} {
			t.Run(fmt.Sprintf("%d %s", status, text), func(t *testing.T) {
				o := platformtest.Options{LockedStatus: status, LockedCode: "ConflictError", LockedMessage: text}
				inBubble(t, o, 1, func(t *testing.T, c *cluster) {
					// Another import takes the lock between the sidecar's check and its request.
					c.replicas[0].Faults.Add(platformtest.Fault{Op: "pull", Kind: platformtest.Pass,
						Before: func() { c.Lock("somebody", "pull_in_progress") }})
					c.startAll()
					time.Sleep(10 * time.Minute)
					n := c.replicas[0].counts
					if c.reason() != state.LockHeld || c.replicas[0].ready() || n.of(state.LockHeld) != n.of("*") {
						t.Errorf("reason %q, passes %v", c.reason(), n.passes)
					}
					c.Unlock()
					c.wait(10 * time.Second)
				})
			})
		}
	}
}

func TestARejectionWithoutALock(t *testing.T) {
	for status, want := range map[int]state.Reason{400: state.Rejected, 403: state.Forbidden, 409: state.Rejected} {
		inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
			c.replicas[0].Faults.Add(platformtest.Fault{Op: "pull", Times: -1, Kind: platformtest.Answer, Status: status,
				Body: `{"error":"Other","message":"Sorry"}`})
			c.startAll()
			time.Sleep(10 * time.Minute)
			if c.reason() != want {
				t.Errorf("%d: reason %q, want %q", status, c.reason(), want)
			}
		})
	}
}

// A rejection for an invisible lock is reported as stuck eventually.
func TestALockThatIsNotShownGetsStuck(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		hidden := platformtest.Fault{Op: "pull", Times: -1, Kind: platformtest.Answer, Status: 423,
			Body: `{"error":"resource_locked","message":"busy"}`}
		c.replicas[0].Faults.Add(hidden)
		c.startAll()
		time.Sleep(20 * time.Minute)
		if c.reason() != state.LockHeld {
			t.Errorf("reason %q", c.reason())
		}
		time.Sleep(20 * time.Minute)
		if c.reason() != state.LockStuck || !strings.Contains(c.replicas[0].store.Get().Problem.Message, "busy") {
			t.Errorf("%+v", c.replicas[0].store.Get().Problem)
		}
		if n := c.Ledger().Count("pull"); n > 40*60/2 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestALockThatDoesNotEnd(t *testing.T) {
	inBubble(t, platformtest.Options{LockExpiry: 24 * time.Hour}, 1, func(t *testing.T, c *cluster) {
		c.Lock("somebody", "manual")
		c.startAll()
		time.Sleep(29 * time.Minute)
		if s := c.replicas[0].store.Get(); c.reason() != state.LockHeld || s.Phase != state.Lock ||
			time.Since(s.Since) < 28*time.Minute || s.Lock.By != "somebody" {
			t.Errorf("reason %q, %+v", c.reason(), s)
		}
		time.Sleep(2 * time.Minute)
		if c.reason() != state.LockStuck {
			t.Errorf("reason %q", c.reason())
		}
		if n := len(c.Ledger().Locks); n != 1 {
			t.Errorf("the lock of somebody else was touched: %d", n)
		}
		c.Unlock()
		c.wait(time.Minute + time.Second)
		if c.replicas[0].counts.waits != 1 {
			t.Errorf("%d waits were recorded, want 1", c.replicas[0].counts.waits)
		}
	})
}

func TestAMergeConflictNeedsAPerson(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.Lock("somebody", "merge_conflict")
		c.startAll()
		time.Sleep(time.Hour)
		if c.reason() != state.MergeConflict {
			t.Errorf("reason %q", c.reason())
		}
		c.Unlock()
		c.wait(time.Minute + time.Second)
	})
}

// The wait for a lock is logged once, not on each check.
func TestAWaitIsQuiet(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.Lock("somebody", "manual")
		c.startAll()
		time.Sleep(25 * time.Minute)
		if n := strings.Count(c.replicas[0].log.String(), "\n"); n > 6 {
			t.Errorf("%d lines:\n%s", n, c.replicas[0].log)
		}
	})
}

// A lost lock lets the platform run two imports. An import that makes progress is awaited
// nevertheless.
func TestAnImportThatAdvancesIsWaitedForWithoutALock(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(14 * time.Second),
		EventReadsPerMinute: -1}, 0, func(t *testing.T, c *cluster) {
		long := matrixFiles("v1")
		for n := range long.Workspaces {
			long.Workspaces[n].Groups = []string{"all"}
		}
		r := c.add(long)
		r.gateway = c.public()
		r.policy.Poll = 8 * time.Second // less than 14 s in four checks, less than the whole import
		r.Faults.Add(platformtest.Fault{Op: "pull", Kind: platformtest.AnswerAfter, Status: http.StatusGatewayTimeout})
		r.policy.PullWait = time.Second
		time.AfterFunc(5*time.Second, c.Unlock)
		c.startAll()
		c.wait(10 * time.Minute)
		if found := c.Ledger().Overlaps(); found != nil || len(c.Ledger().Bulks) != 1 {
			t.Errorf("%d imports, at the same time: %v", len(c.Ledger().Bulks), found)
		}
	})
}

// An import is not over while its lock is held, and may still report errors.
func TestAnErrorThatComesLateIsWaitedFor(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(2 * time.Minute),
		VersionAfterFailure: true}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.gateway = c.public()
		r.Faults.Add(platformtest.Fault{Op: "pull", Times: -1, Kind: platformtest.ResetAfter})
		r.policy.PullWait = time.Second
		c.Fail("b", "broken")
		c.startAll()
		time.Sleep(20 * time.Minute)
		if s := r.get(); s.Groups[0].State == state.GroupConfirmed || r.counts.of(state.ImportErrors) == 0 {
			t.Errorf("group %s, passes %v", s.Groups[0].State, r.counts.passes)
		}
	})
}

// The last seen lock is not shown after the confirmation.
func TestNoLockIsShownAfterTheConfirmation(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(20 * time.Second),
		PodEvents: true}, 1, func(t *testing.T, c *cluster) {
		c.replicas[0].policy.PullWait = time.Second
		c.startAll()
		time.Sleep(30 * time.Second)
		if c.replicas[0].get().Lock == nil {
			t.Error("the lock of the import is not shown")
		}
		c.wait(10 * time.Minute)
		if l := c.replicas[0].get().Lock; l != nil {
			t.Errorf("%s holds the lock: %+v", l.By, l)
		}
	})
}
