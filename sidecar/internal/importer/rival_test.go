// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"slices"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// name writes the current release into the file of a replica, and notifies the sidecar like the
// file watch. "" removes the file.
func (r *replica) name(named string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = nil
	if named != "" {
		r.current = &Current{Named: named, Own: r.desired.Name}
	}
	r.imp.Trigger()
}

// at counts the installed workspaces at a version.
func (c *cluster) at(version string) (n int) {
	for _, w := range c.Installed() {
		if w.Version == version {
			n++
		}
	}
	return n
}

func (c *cluster) wants(version string) {
	c.t.Helper()
	if c.at(version) != 4 {
		c.t.Errorf("%d of 4 workspaces are at %s: %v", c.at(version), version, c.Installed())
	}
}

// waitFor waits until a replica is Ready.
func (r *replica) waitFor(t *testing.T, limit time.Duration) {
	t.Helper()
	for start := time.Now(); !r.ready(); time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > limit {
			t.Fatalf("%s is not ready after %s: %+v", r.Name, limit, r.get().Problem)
		}
	}
}

// oneOfEach runs f with a confirmed replica of v1 and a replica of v2 that has not started.
func oneOfEach(t *testing.T, o platformtest.Options, f func(t *testing.T, c *cluster, old, next *replica)) {
	t.Helper()
	inBubble(t, o, 1, func(t *testing.T, c *cluster) {
		old := c.replicas[0]
		old.start()
		old.waitFor(t, time.Hour)
		f(t, c, old, c.add(files("v2")))
	})
}

// replace evicts the pod of a replica. Its successor has no memory.
func (r *replica) replace() {
	r.kill()
	r.resetProcess()
	r.start()
}

// The new release is stuck at its last group when an old pod is replaced and imports its own
// release. Earlier confirmations do not count once the problem is resolved.
func TestI1AnEarlierConfirmationDoesNotOpenTheGate(t *testing.T) {
	for name, o := range map[string]platformtest.Options{"versions": {}, "no versions": {HideLastPull: true},
		"slow": {ImportTime: each(10 * time.Second)}} {
		t.Run(name, func(t *testing.T) {
			oneOfEach(t, o, func(t *testing.T, c *cluster, old, next *replica) {
				c.Fail("d", "Could not rename workspace slug: already used")
				next.start()
				time.Sleep(5 * time.Minute)
				if next.ready() || c.at("v2") != 3 {
					t.Fatalf("ready %t, %d at v2", next.ready(), c.at("v2"))
				}
				c.Heal("d")
				old.replace()
				old.waitFor(t, 10*time.Minute)
				next.waitFor(t, 10*time.Minute)
				c.wants("v2")
			})
		})
	}
}

// The same at any time of the import of the new release.
func TestI1WheneverAnOldPodComesBack(t *testing.T) {
	for after := range 12 {
		slow := platformtest.Options{ImportTime: each(5 * time.Second)}
		oneOfEach(t, slow, func(t *testing.T, c *cluster, old, next *replica) {
			next.counts.onPass = func(reason state.Reason) {
				if reason == "" && !next.everReady {
					next.everReady = true
					c.wants("v2")
				}
			}
			next.start()
			time.Sleep(time.Duration(after) * 2 * time.Second)
			old.replace()
			next.waitFor(t, time.Hour)
			old.waitFor(t, time.Hour)
		})
	}
}

func TestAnOldPodThatComesBackDoesNotImport(t *testing.T) {
	t.Parallel()
	oneOfEach(t, platformtest.Options{}, func(t *testing.T, c *cluster, old, next *replica) {
		old.name("v2")
		next.name("v2")
		next.start()
		next.waitFor(t, time.Minute)
		old.replace()
		time.Sleep(24 * time.Hour)
		c.wants("v2")
		s := old.get()
		if old.ready() || s.Confirmed || s.Problem == nil || s.Problem.Reason != state.Superseded ||
			s.Phase != state.Watching {
			t.Errorf("ready %t, confirmed %t, phase %s, problem %+v", old.ready(), s.Confirmed, s.Phase, s.Problem)
		}
		if n := len(old.counts.passes); n > 24*60*4+10 {
			t.Errorf("%d passes in a day", n)
		}
	})
}

// A Ready pod stays Ready, but is not confirmed. When its release becomes the current one again, it
// reimports what the failed release replaced.
func TestARollbackOfAFailedRelease(t *testing.T) {
	for name, o := range map[string]platformtest.Options{"versions": {}, "no versions": {HideLastPull: true}} {
		t.Run(name, func(t *testing.T) {
			oneOfEach(t, o, func(t *testing.T, c *cluster, old, next *replica) {
				old.name("v1")
				c.Fail("d", "Could not rename workspace slug: already used")
				old.name("v2")
				next.name("v2")
				next.start()
				time.Sleep(5 * time.Minute)
				if s := old.get(); !old.ready() || s.Confirmed {
					t.Errorf("ready %t, confirmed %t", old.ready(), s.Confirmed)
				}
				next.name("v1")
				old.name("v1")
				time.Sleep(5 * time.Second)
				c.wants("v1")
				if s := old.get(); !s.Confirmed || s.Problem != nil || s.Foreign != nil {
					t.Errorf("confirmed %t, problem %+v", s.Confirmed, s.Problem)
				}
			})
		})
	}
}

// The current release is taken back, but only after the maximum delay of a file that names a new
// release, however young the pod and its file are.
func TestTheCurrentReleaseIsTakenBack(t *testing.T) {
	for age, k := range map[time.Duration]struct{ least, most time.Duration }{
		time.Minute:      {fileDelay, fileDelay + 61*time.Second},
		10 * time.Minute: {fileDelay, fileDelay + 61*time.Second},
		2 * time.Hour:    {fileDelay, 21 * time.Minute},
	} {
		oneOfEach(t, platformtest.Options{}, func(t *testing.T, c *cluster, old, next *replica) {
			old.name("v1")
			time.Sleep(age)
			next.start() // it has no file
			next.waitFor(t, time.Minute)
			begin := time.Now()
			for c.at("v1") < 4 && time.Since(begin) < time.Hour {
				time.Sleep(time.Second)
			}
			if took := time.Since(begin); took < k.least || took > k.most {
				t.Errorf("after %s, took %s, want %s to %s", age, took, k.least, k.most)
			}
			if !old.ready() {
				t.Error("not ready")
			}
		})
	}
}

// A delayed file must not make an old pod undo a rollout.
func TestALateFileDoesNotUndoARollout(t *testing.T) {
	for _, age := range []time.Duration{time.Second, time.Minute, 10 * time.Minute} {
		oneOfEach(t, platformtest.Options{}, func(t *testing.T, c *cluster, old, next *replica) {
			old.name("v1")
			time.Sleep(age)
			next.name("v2")
			next.start()
			time.Sleep(fileDelay - time.Second)
			old.name("v2")
			time.Sleep(time.Hour)
			c.wants("v2")
			if n := len(c.Ledger().Bulks); n != 6 {
				t.Errorf("after %s: %d imports, want 3 of each release", age, n)
			}
		})
	}
}

// Without a file, a confirmed pod reports the other release within a minute and does not import
// over it.
func TestWithoutAFileAnotherReleaseIsReported(t *testing.T) {
	t.Parallel()
	oneOfEach(t, platformtest.Options{}, func(t *testing.T, c *cluster, old, next *replica) {
		time.Sleep(3 * time.Hour)
		next.start()
		next.waitFor(t, time.Minute)
		time.Sleep(31 * time.Second)
		s := old.get()
		if !old.ready() || !s.Confirmed || len(s.Foreign) != 4 || s.Problem == nil ||
			s.Problem.Reason != state.ForeignRelease {
			t.Errorf("ready %t, confirmed %t, foreign %v, problem %+v", old.ready(), s.Confirmed, s.Foreign, s.Problem)
		}
		time.Sleep(24 * time.Hour)
		c.wants("v2")
		if n := len(c.Ledger().Bulks); n != 6 {
			t.Errorf("%d imports, want 3 of each release", n)
		}
	})
}

// Contradictory files do not make two releases replace each other forever.
func TestContendingReleasesStopAndAreReported(t *testing.T) {
	t.Parallel()
	oneOfEach(t, platformtest.Options{}, func(t *testing.T, c *cluster, old, next *replica) {
		old.name("v1")
		next.name("v2")
		next.start()
		time.Sleep(24 * time.Hour)
		n := len(c.Ledger().Bulks)
		if n > 2*3*(maxTakeBacks+2) {
			t.Errorf("%d imports", n)
		}
		reasons := []state.Reason{}
		for _, r := range c.replicas {
			if p := r.get().Problem; p != nil {
				reasons = append(reasons, p.Reason)
			}
		}
		if !slices.Equal(reasons, []state.Reason{state.ReleaseContended}) {
			t.Errorf("reasons %v", reasons)
		}
		time.Sleep(24 * time.Hour)
		if again := len(c.Ledger().Bulks); again != n {
			t.Errorf("%d imports more on the second day", again-n)
		}
		old.name("v2") // an operator corrects it
		time.Sleep(time.Hour)
		c.wants("v2")
		if s := next.get(); !s.Confirmed || s.Problem != nil {
			t.Errorf("confirmed %t, problem %+v", s.Confirmed, s.Problem)
		}
	})
}

// A release that shares a version name with this one leaves its content under that name. The
// platform would skip the workspace, so the import needs force.
func TestForceWhereVersionsRepeat(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.name("v1")
		r.start()
		r.waitFor(t, time.Minute)
		time.Sleep(time.Second)
		other := files("v2")
		other.Workspaces[0].Version = "v1"
		pull(t, c.client(c.NewPod("other", other), platform.Headers(platform.LocalHeaders())), "base1")
		time.Sleep(fileDelay + 61*time.Second)
		c.wants("v1")
		if n := c.attempts(platformtest.Imported); n["a"] != 3 || n["b"] != 3 || n["c"] != 1 {
			t.Errorf("imports: %v", n)
		}
	})
}

// Another release is imported between any two passes of a sidecar that encounters a lock, a failure
// and a lost response.
func TestI1BetweenAnyTwoPasses(t *testing.T) {
	t.Parallel()
	const passes = 12
	for _, named := range []string{"", "v2"} {
		for n := range passes {
			slow := platformtest.Options{ImportTime: each(time.Second)}
			oneOfEach(t, slow, func(t *testing.T, c *cluster, old, next *replica) {
				c.FailTimes("c", "broken", 1)
				c.FailTimes("d", "broken", 2)
				c.Lock("somebody", "manual")
				time.AfterFunc(4*time.Second, c.Unlock)
				next.Faults.Add(platformtest.Fault{Op: "pull", Nth: 2, Kind: platformtest.ResetAfter})
				next.name(named)
				person, ended := c.client(old.Pod, platform.Headers(platform.LocalHeaders())), 0
				next.counts.onPass = func(reason state.Reason) {
					if reason == "" && !next.everReady {
						next.everReady = true
						c.wants("v2")
					}
					if ended++; ended == n+1 {
						for _, group := range []string{"base1", "base2", "extended"} {
							_, _ = person.Pull(t.Context(), platform.PullRequest{Repository: "release",
								Groups: []string{group}}) // it may be locked
						}
					}
				}
				next.start()
				next.waitFor(t, time.Hour)
				time.Sleep(10 * time.Minute) // twelve passes, the wait for a delayed file, and the import after it
				if s := next.get(); ended <= n || named != "" && (c.at("v2") != 4 || s.Problem != nil) ||
					named == "" && (c.at("v2") == 4) != (s.Problem == nil) {
					t.Errorf("%q after pass %d of %d: %d at v2, %+v", named, n, ended, c.at("v2"), s.Problem)
				}
			})
		}
	}
}

// Another release is imported between two groups of one pass. The final check finds it in the list
// or, if the list has no versions, in the events.
func TestI1BetweenTwoGroupsOfAPass(t *testing.T) {
	for _, o := range []platformtest.Options{{}, {HideLastPull: true}} {
		oneOfEach(t, o, func(t *testing.T, c *cluster, old, next *replica) {
			if o.HideLastPull {
				next.gateway, next.policy.Services = c.public(), nil
			}
			next.policy.GroupPause = 30 * time.Second
			next.start()
			time.Sleep(10 * time.Second)
			pull(t, c.client(old.Pod, platform.Headers(platform.LocalHeaders())), "base1")
			if c.at("v2") != 0 {
				t.Fatalf("%d at v2", c.at("v2"))
			}
			next.waitFor(t, 10*time.Minute)
			c.wants("v2")
		})
	}
}
