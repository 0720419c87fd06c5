// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// attempts counts the imports of each workspace with an outcome.
func (c *cluster) attempts(o platformtest.Outcome) map[string]int {
	n := map[string]int{}
	for _, i := range c.Ledger().Imports {
		if i.Outcome == o {
			n[i.Slug]++
		}
	}
	return n
}

func (c *cluster) forcedBulks() (n int) {
	for _, b := range c.Ledger().Bulks {
		if b.Force {
			n++
		}
	}
	return n
}

// Only failed workspaces are imported again, with any number of replicas.
func TestARetryImportsOnlyWhatFailed(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, 5, func(t *testing.T, c *cluster) {
		c.Fail("b", "broken")
		c.startAll()
		time.Sleep(10 * time.Minute)
		c.Heal("b")
		c.wait(5 * time.Minute)
		if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, c.attempts(platformtest.Imported)); diff != "" {
			t.Error(diff)
		}
		if c.forcedBulks() > 0 {
			t.Error("a healthy workspace was imported by force")
		}
	})
}

// If a failed import sets the version, "skipped" proves nothing (platform contract §1.9, step 6).
func TestWhatFailedAndIsSkippedIsForced(t *testing.T) {
	for _, o := range []platformtest.Options{{VersionAfterFailure: true},
		{VersionAfterFailure: true, HideLastPull: true}} {
		inBubble(t, o, 1, func(t *testing.T, c *cluster) {
			c.FailTimes("b", "broken", 3)
			c.startAll()
			c.wait(5 * time.Minute)
			if n := c.attempts(platformtest.Imported); n["b"] != 1 || c.forcedBulks() == 0 {
				t.Errorf("%v, %d forced", n, c.forcedBulks())
			}
		})
		inBubble(t, o, 1, func(t *testing.T, c *cluster) {
			c.replicas[0].policy.Force = ForceNever
			c.FailTimes("b", "broken", 1)
			c.startAll()
			time.Sleep(time.Hour)
			if c.replicas[0].ready() || c.forcedBulks() > 0 || c.reason() != state.ImportErrors {
				t.Errorf("ready %t, reason %q, %d forced", c.replicas[0].ready(), c.reason(), c.forcedBulks())
			}
		})
	}
}

// According to the guide to rollbacks, newer workspaces are kept (platform contract §10).
func TestARollbackThatThePlatformSkipsIsForced(t *testing.T) {
	for force, want := range map[Force]state.Reason{ForceAuto: "", ForceNever: state.WrongVersion} {
		inBubble(t, platformtest.Options{SkipNewer: true}, 0, func(t *testing.T, c *cluster) {
			newer := c.add(files("v2"))
			newer.start()
			c.wait(time.Minute)
			newer.kill()
			r := c.add(files("v1"))
			c.replicas = c.replicas[1:]
			r.policy.Force = force
			r.start()
			time.Sleep(5 * time.Minute)
			if c.reason() != want {
				t.Errorf("force %s: reason %q, want %q", force, c.reason(), want)
			}
			if want == "" {
				c.complete("v1")
			}
		})
	}
}

func TestARollbackNeedsNoForceWhereVersionsAreCompared(t *testing.T) {
	inBubble(t, platformtest.Options{}, 0, func(t *testing.T, c *cluster) {
		for _, version := range []string{"v2", "v1"} {
			r := c.add(files(version))
			r.start()
			c.wait(time.Minute)
			c.complete(version)
			r.kill()
		}
		if c.forcedBulks() > 0 {
			t.Error("forced")
		}
	})
}

// change gives the manifest of a replica different content under the same versions.
func (r *replica) change() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for g := range r.desired.Groups {
		r.desired.Groups[g].Workspaces = append(r.desired.Groups[g].Workspaces[:0:0], r.desired.Groups[g].Workspaces...)
		for w := range r.desired.Groups[g].Workspaces {
			r.desired.Groups[g].Workspaces[w].Digest = digest.FromString("changed")
		}
	}
	r.desired.Digest = digest.FromString("changed").String()
}

func TestOtherContentUnderTheSameVersionIsForced(t *testing.T) {
	for _, o := range []platformtest.Options{{}, {HideLastPull: true}} {
		for _, kind := range []platformtest.Kind{platformtest.Pass, platformtest.ResetBefore, platformtest.ResetAfter} {
			o.ImportTime = each(time.Second)
			inBubble(t, o, 1, func(t *testing.T, c *cluster) {
				r := c.replicas[0]
				c.startAll()
				c.wait(time.Minute)
				// A lost request does not count as done because the versions are equal.
				r.Faults.Add(platformtest.Fault{Op: "pull", Kind: kind})
				r.change()
				r.imp.Trigger()
				time.Sleep(2 * time.Minute)
				if !r.store.Get().Confirmed {
					t.Fatalf("%+v", r.store.Get().Problem)
				}
				for slug, n := range c.attempts(platformtest.Imported) {
					if n < 2 || n > 2 && kind == platformtest.Pass {
						t.Errorf("kind %d: %s was imported %d times", kind, slug, n)
					}
				}
			})
		}
	}
}

func TestForceAlwaysImportsOncePerProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.Force = ForceAlways
		for n := 1; n <= 3; n++ {
			r.start()
			c.wait(time.Minute)
			time.Sleep(time.Hour)
			r.kill()
			r.wipe()
			if got := c.attempts(platformtest.Imported); got["a"] != n || got["d"] != n {
				t.Errorf("start %d: %v", n, got)
			}
		}
	})
}

// An error that only a progress event reported is not lost with the response.
func TestAnErrorOnTheWayIsNotForgotten(t *testing.T) {
	o := platformtest.Options{VersionAfterFailure: true, DropCompleted: true, ImportTime: each(time.Second)}
	inBubble(t, o, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.gateway = c.public()
		r.Faults.Add(platformtest.Fault{Op: "pull", Times: 4, Kind: platformtest.ResetAfter})
		c.Fail("a", "Could not rename workspace slug: already used")
		c.startAll()
		time.Sleep(2 * time.Minute)
		if r.ready() || r.counts.of(state.SlugTaken) < 2 || c.forcedBulks() == 0 {
			t.Errorf("ready %t, passes %v, %d forced", r.ready(), r.counts.passes, c.forcedBulks())
		}
		c.Heal("a")
		c.wait(10 * time.Minute)
		if c.attempts(platformtest.Imported)["a"] == 0 {
			t.Error("the workspace was never imported")
		}
	})
}

// Another replica saw the failure, which the list of versions does not show.
func TestAFailureThatAnotherReplicaMetIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := platformtest.Options{VersionAfterFailure: true, ImportTime: each(time.Second)}
	inBubble(t, o, 5, func(t *testing.T, c *cluster) {
		c.Fail("c", "broken")
		for _, r := range c.replicas {
			r.gateway = c.public()
		}
		c.startAll()
		time.Sleep(time.Hour)
		for _, r := range c.replicas {
			if r.ready() {
				t.Errorf("%s is ready", r.Name)
			}
		}
		c.Heal("c")
		c.wait(10 * time.Minute)
		c.complete("v1")
		late := c.add(files("v1"))
		late.gateway = c.public()
		late.start()
		if took := c.wait(time.Minute); took > time.Second {
			t.Errorf("with nothing to import it took %s", took)
		}
		if n := c.attempts(platformtest.Imported)["a"]; n != 1 {
			t.Errorf("a was imported %d times", n)
		}
	})
}
