// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// importGroup imports a group of a replica's release without its sidecar, like a user.
func (c *cluster) importGroup(r *replica, group string) {
	c.t.Helper()
	pull(c.t, c.client(r.Pod, platform.Headers(platform.LocalHeaders())), group)
}

// The platform hides versions, and the events of imports lag. Another release is imported over the last
// group before the event of its import arrives.
func TestI1WhileTheEndOfAnImportIsNotSeenYet(t *testing.T) {
	o := platformtest.Options{HideLastPull: true, ImportTime: each(10 * time.Second), EventLag: 15 * time.Second}
	oneOfEach(t, o, func(t *testing.T, c *cluster, old, next *replica) {
		next.gateway = c.public()
		next.policy.Services = nil
		next.policy.PullWait = time.Second
		next.start()
		for c.at("v2") < 4 {
			time.Sleep(time.Second)
		}
		c.importGroup(old, "extended")
		if c.at("v2") != 3 || next.ready() {
			t.Fatalf("%d at v2, ready %t", c.at("v2"), next.ready())
		}
		next.waitFor(t, 10*time.Minute)
		c.wants("v2")
	})
}

// The platform hides versions. The final check has repeated the pull of the first group when the pass
// fails. Another release is imported over that group before the next pass.
func TestI1TheFinalCheckStartsOverAfterAFailure(t *testing.T) {
	oneOfEach(t, platformtest.Options{HideLastPull: true}, func(t *testing.T, c *cluster, old, next *replica) {
		c.FailTimes("d", "broken", 1) // so that two groups are confirmed by an earlier pass
		const repeated = 6            // after base1, base2, extended, extended, base1
		next.Faults.Add(platformtest.Fault{Op: "pull", Nth: repeated, Kind: platformtest.Answer, Status: 401})
		passes := 0
		next.counts.onPass = func(reason state.Reason) {
			if passes++; reason == state.IdentityRefused {
				c.importGroup(old, "base1")
				if c.at("v2") != 2 {
					t.Errorf("%d at v2 after %d passes", c.at("v2"), passes)
				}
			}
		}
		next.start()
		next.waitFor(t, 10*time.Minute)
		c.wants("v2")
		if passes != 3 {
			t.Errorf("%d passes", passes)
		}
	})
}

// The platform hides versions, and loses the event of the end. The events of the workspaces show that the
// import with force has imported all of them, so it is not repeated.
func TestAnImportWithForceIsNotRepeatedForALostEvent(t *testing.T) {
	o := platformtest.Options{HideLastPull: true, DropCompleted: true, ImportTime: each(2 * time.Second)}
	inBubble(t, o, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.gateway = c.public()
		r.policy.Services = nil
		r.policy.PullWait = time.Second
		c.FailTimes("b", "broken", 1)
		r.start()
		c.wait(10 * time.Minute)
		c.complete("v1")
		forced := 0
		for _, b := range c.Ledger().Bulks {
			if b.Force {
				forced++
			}
		}
		if forced != 1 {
			t.Errorf("%d imports with force", forced)
		}
	})
}

// A rate limit does not start the final check over: the gateway may never allow the pulls of all
// groups in one pass.
func TestTheFinalCheckSurvivesARateLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, platformtest.Options{HideLastPull: true, PullsPerMinute: 2}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		r.client = c.public()
		r.start()
		c.wait(10 * time.Minute)
		c.complete("v1")
	})
}

// The platform hides versions, but its events show that another release was imported over a
// confirmed one.
func TestEventsShowAnotherReleaseWhereVersionsAreHidden(t *testing.T) {
	for _, named := range []string{"", "v1"} {
		inBubble(t, platformtest.Options{HideLastPull: true}, 1, func(t *testing.T, c *cluster) {
			old := c.replicas[0]
			old.gateway = c.public()
			old.policy.Services = nil
			old.name(named)
			old.start()
			old.waitFor(t, time.Minute)
			time.Sleep(time.Minute)
			next := c.add(files("v2"))
			c.importGroup(next, "base1")
			time.Sleep(61 * time.Second)
			s := old.get()
			if !old.ready() || len(s.Foreign) != 2 || s.Problem == nil || s.Problem.Reason != state.ForeignRelease {
				t.Errorf("%q: ready %t, foreign %v, problem %+v", named, old.ready(), s.Foreign, s.Problem)
			}
			if named == "" {
				c.importGroup(old, "base1") // by a user
			}
			time.Sleep(fileDelay + 61*time.Second)
			c.wants("v1")
			if s := old.get(); s.Problem != nil || len(s.Foreign) > 0 || !s.Confirmed {
				t.Errorf("%q: foreign %v, problem %+v, confirmed %t", named, s.Foreign, s.Problem, s.Confirmed)
			}
		})
	}
}

// A workspace that was deleted and recreated has no imported version.
func TestARecreatedWorkspaceIsDrift(t *testing.T) {
	for _, p := range []Reconcile{ReconcileReport, ReconcileRepair} {
		inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
			r := c.replicas[0]
			r.policy.Reconcile = p
			r.start()
			r.waitFor(t, time.Minute)
			c.Recreate("d")
			time.Sleep(30 * time.Minute)
			s := r.get()
			drifted := s.Problem != nil && s.Problem.Reason == state.Drifted
			if !r.ready() || drifted != (p == ReconcileReport) || (c.at("v1") == 4) != (p == ReconcileRepair) {
				t.Errorf("%s: ready %t, problem %+v, %d at v1", p, r.ready(), s.Problem, c.at("v1"))
			}
		})
	}
}
