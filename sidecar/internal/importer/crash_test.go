// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	crashGroups = 50
	crashExpiry = 5 * time.Minute // of the lock that a dead service leaves behind
)

// crashFiles returns fifty groups of one workspace each.
func crashFiles() *platformtest.Release {
	r := &platformtest.Release{ID: "release", Name: "Release v1"}
	for n := range crashGroups {
		slug := fmt.Sprintf("w%02d", n)
		r.Workspaces = append(r.Workspaces, platformtest.Workspace{Slug: slug, ID: "id" + slug, Name: slug, Version: "v1",
			Groups: []string{"g" + slug}})
	}
	return r
}

// crash selects the process that dies, and when.
type crash struct {
	name string
	kill func(*cluster, *replica)
	// fault returns a fault that calls die around the n-th request.
	fault func(die func()) platformtest.Fault
	bound time.Duration
}

func crashCases() []crash {
	before := func(die func()) platformtest.Fault { return platformtest.Fault{Kind: platformtest.Pass, Before: die} }
	after := func(die func()) platformtest.Fault { return platformtest.Fault{Kind: platformtest.Pass, After: die} }
	during := func(die func()) platformtest.Fault {
		return platformtest.Fault{Kind: platformtest.Pass, Before: func() { time.AfterFunc(500*time.Millisecond, die) }}
	}
	sidecar, pod := (*cluster).killSidecar, (*cluster).killPod
	alone := crashGroups*time.Second + 10*time.Second
	return []crash{
		{"sidecar after the request", sidecar, before, alone},
		{"sidecar after the answer", sidecar, after, alone},
		{"sidecar during the request", sidecar, during, alone},
		{"service after the request", pod, before, alone},
		{"service after the answer", pod, after, alone},
		{"service during the request", pod, during, alone + crashExpiry},
	}
}

// TestCrashPoints kills the sidecar, or the service, at every request of an import of fifty groups.
// Nothing is lost, nothing is imported twice, and it always ends.
func TestCrashPoints(t *testing.T) {
	total := crashRun(t,
		crash{fault: func(func()) platformtest.Fault { return platformtest.Fault{Kind: platformtest.Pass} },
			bound: time.Minute}, 1)
	if least := 2 * crashGroups; total < least {
		t.Errorf("an import of %d groups takes %d requests, want at least %d: are there points that are not tested?",
			crashGroups, total, least)
	}
	step := 1
	if testing.Short() {
		step = 13
	}
	for _, c := range crashCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= total; n += step {
				crashRun(t, c, n)
			}
		})
	}
}

// crashRun kills at the n-th request, and returns the number of requests.
func crashRun(t *testing.T, k crash, n int) (requests int) {
	t.Helper()
	inBubble(t, platformtest.Options{ImportTime: each(time.Second),
		LockExpiry: crashExpiry}, 0, func(t *testing.T, c *cluster) {
		r := c.add(crashFiles())
		r.policy.Poll, r.policy.LockExpiry = time.Second, crashExpiry
		f := k.fault(func() { k.kill(c, r) })
		f.Nth = n
		r.Faults.Add(f)
		r.start()
		start := time.Now()
		for c.busy.Load() > 0 || !r.get().Confirmed {
			time.Sleep(time.Second)
			if time.Since(start) > k.bound {
				t.Fatalf("request %d: not confirmed after %s: %+v", n, k.bound, r.get().Problem)
			}
		}
		time.Sleep(3 * time.Second) // time to die
		for c.busy.Load() > 0 || !r.get().Confirmed {
			time.Sleep(time.Second)
		}
		c.checkCrash(n)
		requests = len(c.Ledger().Requests)
	})
	return requests
}

func (c *cluster) checkCrash(n int) {
	c.t.Helper()
	if got := len(c.Installed()); got != crashGroups {
		c.t.Errorf("request %d: %d of %d workspaces are installed", n, got, crashGroups)
	}
	if s := c.replicas[0].get(); s.Phase != state.Watching || s.Problem != nil {
		c.t.Errorf("request %d: phase %s, %+v", n, s.Phase, s.Problem)
	}
	l := c.Ledger()
	if found := l.Overlaps(); found != nil {
		c.t.Errorf("request %d: imports at the same time: %v", n, found)
	}
	last, killed, times := "", 0, map[string]int{}
	for _, i := range l.Imports {
		if i.Slug < last {
			c.t.Errorf("request %d: %s after %s", n, i.Slug, last)
		}
		last = i.Slug
		if i.Outcome == platformtest.Killed {
			killed++
		} else if times[i.Slug]++; times[i.Slug] > 1 {
			c.t.Errorf("request %d: %s was imported %d times", n, i.Slug, times[i.Slug])
		}
	}
	if killed > 1 {
		c.t.Errorf("request %d: %d imports died", n, killed)
	}
}
