// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// TestContention has a hundred replicas start at once for one lock.
//
// The bound: every pass looks at the pod once, at the list of workspaces once unless
// it knows the lock, and at the events once if the list shows a group; a pass comes at most every half Poll. An import, or a
// request for one that came too late, takes three requests more. So in a second
// there are the requests of as many passes as fit in, at most.
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
				// Once the start is over, looks are spread over half a Poll.
				if n, limit := busiest(l), k.perPass*replicas*int(time.Second)/int(poll/2); n > limit {
					t.Errorf("a herd of %d requests in a second, want at most %d", n, limit)
				}
				if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, c.attempts(platformtest.Imported)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// busiest is the number of requests in the busiest second but the first.
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
