// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

var groups = []string{"base1", "base2", "extended"}

// observing starts the service's own import and a sidecar that observes it, as a separate user of
// the gateway.
func (c *cluster) observing(r *replica, manifest bool) {
	r.gateway = c.clientOf(c.NewGateway())
	c.observe(r, ModeObserve, manifest)
}

func (c *cluster) observe(r *replica, mode Mode, manifest bool) {
	r.policy.Mode, r.policy.PodName = mode, r.Name
	if !manifest {
		r.desired, _ = NewDesired("release", groups, nil, "")
	}
	r.StartNative(groups...)
	r.start()
}

func TestObserveWaitsForTheServicesOwnImport(t *testing.T) {
	for n := range 4 {
		manifest := n%2 == 0
		inBubble(t, platformtest.Options{ImportTime: each(10 * time.Second),
			HideLastPull: n < 2}, 1, func(t *testing.T, c *cluster) {
			old := c.NewPod("old", files("v0")) // serves the gateway's requests
			old.SetReady(true)
			r := c.replicas[0]
			c.observing(r, manifest)
			time.Sleep(time.Minute)
			if r.ready() || c.reason() != state.NotImportedYet {
				t.Errorf("ready %t, reason %q", r.ready(), c.reason())
			}
			c.wait(5 * time.Minute)
			c.complete("v1")
			if n := c.Ledger().Count("pull"); n > 0 {
				t.Errorf("%d pulls", n)
			}
			if got := r.store.Get(); (got.Release.Verification == state.Full) != manifest || got.Mode != string(ModeObserve) {
				t.Errorf("%s, %s", got.Release.Verification, got.Mode)
			}
		})
	}
}

// Before the first pod is Ready, the gateway has no pod to list workspaces. Only events show the
// result of the service's own import.
func TestObserveOnAFirstInstall(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		options := platformtest.Options{ImportTime: each(10 * time.Second), HideLastPull: hidden}
		inBubble(t, options, 1, func(t *testing.T, c *cluster) {
			c.observing(c.replicas[0], true)
			c.wait(10 * time.Minute)
			c.complete("v1")
		})
	}
}

// Only one of the replicas gets the lock, and the imports of the others give up.
func TestObserveAcceptsAReportOfASibling(t *testing.T) {
	for _, manifest := range []bool{true, false} {
		inBubble(t, platformtest.Options{ImportTime: each(10 * time.Second)}, 0, func(t *testing.T, c *cluster) {
			c.NewPod("old-6f9d-x", files("v0")).SetReady(true)
			for range 3 {
				r := c.add(files("v1"))
				r.Name = "workspaces-7c8d-" + r.Name[len("pod-"):]
				c.observing(r, manifest)
			}
			c.wait(10 * time.Minute)
			c.complete("v1")
		})
	}
}

// Events of the previous release come from pods of another template.
func TestObserveIgnoresReportsOfOldPods(t *testing.T) {
	t.Parallel()
	inBubble(t, platformtest.Options{}, 0, func(t *testing.T, c *cluster) {
		old := c.NewPod("workspaces-6f9d-x", files("v0"))
		old.SetReady(true)
		old.StartNative(groups...)
		time.Sleep(5 * time.Minute)
		r := c.add(files("v1"))
		r.Name = "workspaces-7c8d-y"
		r.desired, _ = NewDesired("release", groups, nil, "")
		r.policy.Mode, r.policy.PodName, r.gateway = ModeObserve, r.Name, c.public()
		r.start()
		time.Sleep(time.Hour)
		if r.ready() || c.reason() != state.NotImportedYet {
			t.Errorf("ready %t, reason %q", r.ready(), c.reason())
		}
	})
}

// The groups of the other release have other workspaces, so the newest report about each group is still
// that of this release.
func TestObserveSeesAnotherReleaseWithOtherGroups(t *testing.T) {
	inBubble(t, platformtest.Options{HideLastPull: true}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		r.StartNative(groups...)
		time.Sleep(5 * time.Minute)
		other := files("v2")
		other.Workspaces[1].Groups = []string{"more"}
		c.importGroup(c.add(other), "more")
		if c.at("v1") != 3 {
			t.Fatalf("%d at v1", c.at("v1"))
		}
		r.gateway = c.public()
		r.policy.Mode = ModeObserve
		r.start()
		time.Sleep(time.Hour)
		if p := r.get().Problem; r.ready() || p == nil || p.Reason != state.ForeignRelease || p.Group != "base1" {
			t.Errorf("ready %t, problem %+v", r.ready(), p)
		}
		c.importGroup(r, "base1") // by a user
		r.waitFor(t, 2*time.Minute)
		c.wants("v1")
	})
}

// A user repairs a failed import of the service.
func TestObserveSeesThatAPersonRepaired(t *testing.T) {
	for _, manifest := range []bool{true, false} {
		for _, o := range []platformtest.Options{{}, {VersionAfterFailure: true}} {
			inBubble(t, o, 1, func(t *testing.T, c *cluster) {
				r := c.replicas[0]
				c.Fail("a", "broken")
				r.SetReady(true)
				c.observing(r, manifest)
				time.Sleep(10 * time.Minute)
				if r.ready() || c.reason() != state.ImportErrors {
					t.Errorf("manifest %t: ready %t, reason %q, %v", manifest, r.ready(), c.reason(), r.counts.passes)
				}
				c.Heal("a")
				person := c.public()
				for _, g := range groups {
					pull(t, person, g)
				}
				c.wait(2 * time.Minute)
				c.complete("v1")
			})
		}
	}
}

// A failed import may set the version, and its event comes later than the list.
func TestObserveWaitsForEventsThatLag(t *testing.T) {
	inBubble(t, platformtest.Options{VersionAfterFailure: true, EventLag: 30 * time.Second,
		ImportTime: each(time.Second)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		c.Fail("a", "broken")
		c.observing(r, true)
		time.Sleep(2 * time.Minute)
		if r.get().Groups[0].State != state.GroupFailed || c.reason() != state.ImportErrors {
			t.Errorf("group %s, reason %q", r.get().Groups[0].State, c.reason())
		}
	})
	inBubble(t, platformtest.Options{DropCompleted: true}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		c.observing(r, true)
		if took := c.wait(10 * time.Minute); took > time.Minute+3*eventLag {
			t.Errorf("took %s", took)
		}
		r.kill()
		r.wipe()
		time.Sleep(time.Hour)
		r.start()
		if took := c.wait(time.Minute); took > time.Second {
			t.Errorf("with nothing to import it took %s", took)
		}
	})
}

func TestNothingToObserve(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.Mode = ModeObserve
		r.desired, _ = NewDesired("release", groups, nil, "")
		r.start()
		time.Sleep(time.Minute)
		if c.reason() != state.NothingToObserve {
			t.Errorf("reason %q", c.reason())
		}
	})
}

// A version that rejects the identity of the pod is observed. A version that accepted it before
// does not reject it for its kind.
func TestAutoObservesWhereTheIdentityIsRefused(t *testing.T) {
	inBubble(t, platformtest.Options{RefuseHeaders: true}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		r.gateway = c.public()
		c.observe(r, ModeAuto, true)
		c.wait(5 * time.Minute)
		if got := r.store.Get().Mode; got != string(ModeObserve) || !strings.Contains(r.log.String(), "mode selected") {
			t.Errorf("mode %s:\n%s", got, r.log)
		}
	})
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.gateway = c.public()
		r.Faults.Add(platformtest.Fault{Op: "workspace", Nth: 2, Times: -1, Kind: platformtest.Answer, Status: 401})
		c.Fail("a", "broken")
		r.start()
		time.Sleep(10 * time.Minute)
		if c.reason() != state.IdentityRefused || r.store.Get().Mode != string(ModeImport) {
			t.Errorf("reason %q, mode %s", c.reason(), r.store.Get().Mode)
		}
	})
}

// The limit of 40 event reads a minute applies to the user, which all replicas share.
func TestRateLimitedEventsAreNotQueried(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(5 * time.Minute)}, 5, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		for _, r := range c.replicas {
			r.gateway = c.public() // a shared user
			c.observe(r, ModeObserve, false)
		}
		time.Sleep(10 * time.Minute)
		limited := 0
		for _, q := range c.Ledger().Requests {
			if q.Op == "events" && q.Status == 429 {
				limited++
			}
		}
		if most := 10 * len(c.replicas); limited > most {
			t.Errorf("%d reads were refused in 10 minutes, want at most one a minute and replica", limited)
		}
	})
}
