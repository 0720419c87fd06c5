// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// TestContention starts a hundred replicas at the same time, which compete for one lock.
//
// The limit: every pass queries the pod once, the list of workspaces once unless the importer
// already waits for the lock, and the events once if the list shows a group. Passes are at least
// half a Poll apart. An import, or a request that came too late, takes three more requests. The
// number of passes that start in a second varies around their rate: five standard deviations
// above it are still far from a herd, in which all replicas start at once.
func TestContention(t *testing.T) {
	const replicas, groups = 100, 3
	slow := each(10 * time.Second)
	for name, k := range map[string]struct {
		options platformtest.Options
		perPass int // requests of a pass, at most
	}{
		"versions shown":     {platformtest.Options{ImportTime: slow}, 5},
		"versions hidden":    {platformtest.Options{ImportTime: slow, HideLastPull: true}, 1 + 3*groups},
		"nothing takes time": {platformtest.Options{}, 5},
		"one fails at first": {platformtest.Options{ImportTime: slow}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, k.options, replicas, func(t *testing.T, c *cluster) {
				if name == "one fails at first" {
					c.FailTimes("c", "broken", 3)
				}
				c.startAll()
				took := c.wait(30 * time.Minute)
				c.complete("v1")
				l, poll := c.Ledger(), DefaultPolicy().Poll
				posts := l.Count("pull")
				bound := replicas*3*(int(took/(poll/2))+groups+1) + 3*posts
				t.Logf("%d requests in %s, at most %d: %d pulls, %d of them took place, %d in the busiest second after the first",
					len(l.Requests), took, bound, posts, len(l.Bulks), busiest(l))
				if len(l.Requests) > bound {
					t.Errorf("%d requests, want at most %d", len(l.Requests), bound)
				}
				// Once the start is over, checks are spread over half a Poll.
				rate := float64(replicas) * time.Second.Seconds() / (poll / 2).Seconds()
				limit := k.perPass * int(rate+5*math.Sqrt(rate))
				if n := busiest(l); n > limit {
					t.Errorf("a herd of %d requests in a second, want at most %d", n, limit)
				}
				if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, c.attempts(platformtest.Imported)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// busiest returns the number of requests in the busiest second except the first.
func busiest(l *platformtest.Ledger) (most int) {
	n := map[string]int{}
	for _, r := range l.Requests {
		if second := fmt.Sprint(r.At.Unix()); r.At.Unix() > l.Requests[0].At.Unix() {
			n[second]++
			most = max(most, n[second])
		}
	}
	return most
}
