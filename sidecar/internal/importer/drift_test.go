// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// pull forces the import of a group, like a user.
func pull(t *testing.T, c *platform.Client, group string) {
	t.Helper()
	if _, err := c.Pull(t.Context(), platform.PullRequest{Repository: "release", Groups: []string{group},
		Force: true}); err != nil {
		t.Error(err)
	}
}

func (r *replica) drifted() []string {
	if d := r.get().Drift; d != nil {
		return d.Workspaces
	}
	return nil
}

func TestDriftIsReportedAndChangesNothing(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		c.startAll()
		c.wait(time.Minute)
		c.Edit("b")
		c.Remove("d")
		time.Sleep(11 * time.Minute)
		if diff := cmp.Diff([]string{"b", "d"}, r.drifted()); diff != "" || c.reason() != state.Drifted || !r.ready() ||
			!r.get().Confirmed {
			t.Errorf("%s, reason %q", diff, c.reason())
		}
		if n := len(c.Ledger().Bulks); n != 3 {
			t.Errorf("%d imports, want 3", n)
		}
		person := c.client(r.Pod, platform.Headers(platform.LocalHeaders()))
		pull(t, person, "base1")
		pull(t, person, "extended")
		time.Sleep(11 * time.Minute)
		if len(r.drifted()) > 0 || c.reason() != "" {
			t.Errorf("%v, reason %q", r.drifted(), c.reason())
		}
	})
}

func TestAnotherVersionIsAnotherRelease(t *testing.T) {
	inBubble(t, platformtest.Options{NoStatus: true}, 1, func(t *testing.T, c *cluster) {
		c.startAll()
		c.wait(time.Minute)
		other := c.NewPod("other", files("v0"))
		pull(t, c.client(other, platform.Headers(platform.LocalHeaders())), "base2")
		time.Sleep(31 * time.Second)
		s := c.replicas[0].get()
		if diff := cmp.Diff([]string{"c"}, s.Foreign); diff != "" || c.reason() != state.ForeignRelease || !s.Confirmed {
			t.Errorf("%s, reason %q", diff, c.reason())
		}
		time.Sleep(time.Hour)
		if n := len(c.Ledger().Bulks); n != 4 || len(c.replicas[0].drifted()) > 0 {
			t.Errorf("%d imports, drift %v", n, c.replicas[0].drifted())
		}
	})
}

func TestReconcileNever(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.replicas[0].policy.Reconcile = ReconcileNever
		c.startAll()
		c.wait(time.Minute)
		c.Edit("b")
		time.Sleep(time.Hour)
		if n := c.Ledger().Count("status"); n > 0 || c.reason() != "" {
			t.Errorf("%d comparisons, reason %q", n, c.reason())
		}
	})
}

// One of several replicas repairs, and the others notice.
func TestDriftIsRepairedOnce(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(30 * time.Second)}, 5, func(t *testing.T, c *cluster) {
		for _, r := range c.replicas {
			r.policy.Reconcile, r.policy.ReconcileEvery = ReconcileRepair, time.Minute
		}
		c.startAll()
		c.wait(10 * time.Minute)
		c.Edit("b")
		time.Sleep(10 * time.Minute)
		if n := c.forcedBulks(); n != 1 {
			t.Errorf("%d imports by force, want 1", n)
		}
		for _, r := range c.replicas {
			if s := r.get(); !s.Confirmed || s.Problem != nil || len(s.Drift.Workspaces) > 0 {
				t.Errorf("%s: %+v, %+v", r.Name, s.Problem, s.Drift)
			}
		}
	})
}

// Pods of the old release that repair must not undo the next release: neither groups that it has
// imported, nor groups that were edited before and wait for its lock.
func TestARepairDoesNotUndoARollout(t *testing.T) {
	for _, edited := range []bool{false, true} {
		inBubble(t, platformtest.Options{ImportTime: each(5 * time.Minute)}, 1, func(t *testing.T, c *cluster) {
			old := c.replicas[0]
			old.policy.Reconcile, old.policy.ReconcileEvery = ReconcileRepair, time.Minute
			c.startAll()
			c.wait(time.Hour)
			next := c.add(files("v2"))
			next.start()
			time.Sleep(time.Minute)
			if edited {
				c.Edit("b") // during the import of a
			}
			c.wait(time.Hour)
			time.Sleep(time.Hour)
			c.complete("v2")
			if n := c.forcedBulks(); n > 0 {
				t.Errorf("%d repairs", n)
			}
			if diff := cmp.Diff([]string{"a", "b", "c", "d"}, old.get().Foreign); diff != "" || !old.ready() {
				t.Error(diff)
			}
		})
	}
}

// A permanent difference is not imported forever.
func TestARepairThatDoesNotHelpGetsRare(t *testing.T) {
	t.Parallel()
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.Reconcile = ReconcileRepair
		changed := `{"errors":[],"changes":[{"type":"pages","slug":"x"}]}`
		r.Faults.Add(platformtest.Fault{Op: "status", Times: -1, Kind: platformtest.Answer, Body: changed})
		c.startAll()
		c.wait(time.Minute)
		time.Sleep(24 * time.Hour)
		if n := c.forcedBulks() / 3; n < 3 || n > 9 {
			t.Errorf("%d repairs in a day", n)
		}
		if c.reason() != state.Drifted || !r.ready() {
			t.Errorf("reason %q, ready %t", c.reason(), r.ready())
		}
	})
}

// A platform that cannot compare, permanently or temporarily, causes neither drift nor an outage.
func TestComparisonsThatDoNotWork(t *testing.T) {
	for _, status := range []int{400, 403, 404, 500} {
		inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
			r := c.replicas[0]
			r.Faults.Add(platformtest.Fault{Op: "status", Times: -1, Kind: platformtest.Answer, Status: status})
			c.startAll()
			c.wait(time.Minute)
			time.Sleep(time.Hour)
			if c.reason() != "" || !r.ready() || (r.get().Drift == nil) != (status == 500) {
				t.Errorf("%d: reason %q, %+v", status, c.reason(), r.get().Drift)
			}
		})
	}
}

// The number of comparisons per pass is bounded, and all workspaces take turns.
func TestComparisonsAreBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, platformtest.Options{}, 0, func(t *testing.T, c *cluster) {
		many := &platformtest.Release{ID: "release", Name: "Release v1"}
		for n := range maxComparisons * 5 / 2 {
			slug := fmt.Sprintf("w%04d", n)
			many.Workspaces = append(many.Workspaces, platformtest.Workspace{Slug: slug, ID: "id" + slug, Name: slug,
				Version: "v1", Groups: []string{"g"}})
		}
		r := c.add(many)
		c.startAll()
		c.wait(time.Minute)
		c.Edit(many.Workspaces[len(many.Workspaces)-1].Slug)
		time.Sleep(31 * time.Minute) // at least three passes
		if len(r.drifted()) != 1 {
			t.Errorf("drifted: %v", r.drifted())
		}
		passes := 31*60/(5*60) + 1
		if n := c.Ledger().Count("status"); n > passes*maxComparisons {
			t.Errorf("%d comparisons in at most %d passes", n, passes)
		}
	})
}
