// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// An unexplained error is never a success.
func TestAnyErrorOfTheInputsKeepsTheGateClosed(t *testing.T) {
	for err, want := range map[error]state.Reason{
		errors.New("disk on fire"):                                      state.ManifestUnreadable,
		fmt.Errorf("load: %w", &Failure{Reason: state.TokenUnreadable}): state.TokenUnreadable,
	} {
		inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
			r := c.replicas[0]
			r.loadErr = err
			c.startAll()
			time.Sleep(time.Hour)
			if r.ready() || c.reason() != want {
				t.Errorf("%v: ready %t, reason %q", err, r.ready(), c.reason())
			}
		})
	}
}

// Each problem has its own reason (platform contract §0, §3.3).
func TestReasons(t *testing.T) {
	renamed := func(c *cluster) { c.replicas[0].desired.RepositoryName = "Release v9" }
	answer := func(op string, status int, body string) func(*cluster) {
		return func(c *cluster) {
			c.replicas[0].Faults.Add(platformtest.Fault{Op: op, Times: -1, Kind: platformtest.Answer, Status: status,
				Body: body})
		}
	}
	for name, k := range map[string]struct {
		options platformtest.Options
		change  func(*cluster)
		want    state.Reason
	}{
		"wrong image":            {platformtest.Options{}, renamed, state.WrongRelease},
		"identity":               {platformtest.Options{RefuseHeaders: true}, nil, state.IdentityRefused},
		"unknown repository":     {platformtest.Options{}, func(c *cluster) { c.replicas[0].desired.Repository = "other" }, state.RepositoryUnknown},
		"silent fallback":        {platformtest.Options{}, answer("pull", 200, `{"imported":[],"errors":[],"deleted":[],"workspace":{"id":"platform"}}`), state.PullFellBack},
		"another repository":     {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"other","groups":["base1"],"errors":[]}`), state.PullFellBack},
		"another group":          {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"release","groups":["extended"],"errors":[]}`), state.BadAnswer},
		"unknown on the pull":    {platformtest.Options{}, answer("pull", 404, `{"error":"ObjectNotFound","message":"Unknown platform repository"}`), state.RepositoryUnknown},
		"no such route":          {platformtest.Options{}, answer("workspace", 404, platformtest.HTML), state.BadAnswer},
		"no such object":         {platformtest.Options{}, answer("workspace", 404, `{"error":"ObjectNotFoundError","message":"Workspace platform not found"}`), state.PlatformMissing},
		"a route of v27 only":    {platformtest.Options{}, answer("workspace", 404, `{"error":"RequestValidationError","message":"not found"}`), state.Rejected},
		"nobody is reported":     {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"release","groups":["base1"],"errors":[]}`), state.WorkspaceSilent},
		"a status is missing":    {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"release","workspaces":[{"slug":"a"},{"slug":"b","status":"imported"}]}`), state.WorkspaceSilent},
		"another version":        {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"release","workspaces":[{"slug":"a","status":"imported","version":"v0"},{"slug":"b","status":"imported"}]}`), state.WrongVersion},
		"an unfinished status":   {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"release","workspaces":[{"slug":"a","status":"inProgress"},{"slug":"b","status":"imported"}]}`), state.ImportErrors},
		"errors of the whole":    {platformtest.Options{}, answer("pull", 200, `{"repositoryId":"release","errors":[{"msg":"no"}],"workspaces":[{"slug":"a","status":"imported"},{"slug":"b","status":"imported"}]}`), state.ImportErrors},
		"gateway cannot reach":   {platformtest.Options{}, answer("workspace", 500, `{"error":"Internal","message":"Internal server error","success":false}`), state.TargetError},
		"proxy timed out":        {platformtest.Options{}, answer("workspace", 408, `{"error":"TimeoutError","timeout":20000}`), state.TargetError},
		"nested error":           {platformtest.Options{NestedErrors: true, RefuseHeaders: true}, nil, state.IdentityRefused},
		"login page":             {platformtest.Options{}, answer("workspace", 200, platformtest.HTML), state.BadAnswer},
		"rate limit":             {platformtest.Options{}, answer("pull", 429, `{"error":"TooManyRequests","details":{"retryAfter":30.5}}`), state.RateLimited},
		"empty group is refused": {platformtest.Options{EmptyGroupIs400: true}, func(c *cluster) { c.replicas[0].desired.Groups[0].Name = "nobody" }, state.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, k.options, 1, func(t *testing.T, c *cluster) {
				if k.change != nil {
					k.change(c)
				}
				c.startAll()
				time.Sleep(10 * time.Minute)
				if c.reason() != k.want || c.replicas[0].ready() {
					t.Errorf("reason %q, want %q: %+v", c.reason(), k.want, c.replicas[0].store.Get().Problem)
				}
			})
		})
	}
}

func TestWithoutAManifestTheReportIsExpected(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		d, err := NewDesired("release", []string{"base1", "base2", "extended"}, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		r.desired = d
		c.Fail("c", "broken")
		c.startAll()
		time.Sleep(time.Minute)
		if r.ready() || c.reason() != state.ImportErrors {
			t.Errorf("ready %t, reason %q", r.ready(), c.reason())
		}
		c.Heal("c")
		c.wait(2 * time.Minute)
		c.complete("v1")
		if got := r.store.Get().Release.Verification; got != state.Partial {
			t.Errorf("verification is %s", got)
		}
	})
}

func TestAnEmptyGroupFails(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.replicas[0].desired, _ = NewDesired("release", []string{"nobody"}, nil, "")
		c.startAll()
		time.Sleep(time.Minute)
		if c.reason() != state.EmptyGroup {
			t.Errorf("reason %q", c.reason())
		}
	})
}

// Polling an unavailable service does not count as retries of later failures.
func TestAServiceThatIsAwayCostsNothingAfterwards(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetListening(false)
		r.Faults.Add(platformtest.Fault{Op: "workspace", Times: 2, Kind: platformtest.Answer, Status: 503})
		c.startAll()
		time.Sleep(10 * time.Minute)
		if s := r.store.Get(); s.Phase != state.Waiting || c.reason() != state.TargetDown || s.Passes > 500 {
			t.Errorf("phase %s, reason %q, %d passes", s.Phase, c.reason(), s.Passes)
		}
		r.SetListening(true)
		if took := c.wait(time.Minute); took > DefaultPolicy().Poll+3*time.Second {
			t.Errorf("took %s", took)
		}
	})
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetListening(false)
		c.startAll()
		time.Sleep(3 * time.Second)
		r.SetListening(true)
		if took := c.wait(time.Minute); took > minDownPoll+50*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

// Pod readiness waits for the import, and the gateway's readiness waits for a pod (platform
// contract §0, finding 10).
func TestWaitingForServicesDoesNotDeadlock(t *testing.T) {
	services := []string{"api-gateway", "runtime", "events"}
	inBubble(t, platformtest.Options{ReadinessNeedsPod: true}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.Services, r.gateway = services, c.public()
		c.startAll()
		if took := c.wait(time.Minute); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
	notReady := `{"status":"error","services":{"runtime":{"status":"error","response":{"status":"error","errors":[{"module":"broker","message":"away"}]}}}}`
	for name, k := range map[string]struct {
		fault       platformtest.Fault
		want        state.Reason
		least, most time.Duration
	}{
		"not ready":     {platformtest.Fault{Kind: platformtest.Answer, Status: 400, Body: notReady}, state.ServicesNotReady, 5 * time.Minute, 5*time.Minute + 5*time.Second},
		"no gateway":    {platformtest.Fault{Kind: platformtest.ResetBefore}, state.ServicesNotReady, 5 * time.Minute, 5*time.Minute + 5*time.Second},
		"token refused": {platformtest.Fault{Kind: platformtest.Answer, Status: 401}, state.IdentityRefused, 5 * time.Minute, 6*time.Minute + time.Second},
		"no such route": {platformtest.Fault{Kind: platformtest.Answer, Status: 404}, "", 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
				r := c.replicas[0]
				r.policy.Services, r.gateway = services, c.public()
				k.fault.Op, k.fault.Times = "readiness", -1
				c.gateway.Faults = new(platformtest.Script).Add(k.fault)
				c.startAll()
				time.Sleep(4 * time.Minute)
				if c.reason() != k.want {
					t.Errorf("reason %q, want %q", c.reason(), k.want)
				}
				if took := 4*time.Minute + c.wait(time.Hour); k.least > 0 && took < k.least || k.least > 0 && took > k.most {
					t.Errorf("took %s, want %s to %s", took, k.least, k.most)
				}
			})
		})
	}
}

// A file that changes during a pass takes effect with the next group.
func TestANewManifestEndsThePass(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(10 * time.Second)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		c.startAll()
		time.Sleep(5 * time.Second)
		r.mu.Lock()
		r.desired.Groups, r.desired.Digest = r.desired.Groups[:2], digest.FromString("shorter").String()
		r.mu.Unlock()
		r.imp.Trigger()
		c.wait(2 * time.Minute)
		if got := r.store.Get(); len(got.Groups) != 2 || got.Release.ManifestDigest != r.desired.Digest {
			t.Errorf("%+v", got.Groups)
		}
		for _, b := range c.Ledger().Bulks {
			if b.Groups[0] == "extended" {
				t.Error("a group of the old manifest was imported")
			}
		}
	})
}

func TestOtherGroupsAreAnotherRelease(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.desired, _ = NewDesired("release", []string{"base1"}, nil, "")
		c.startAll()
		c.wait(time.Minute)
		r.mu.Lock()
		r.desired, _ = NewDesired("release", []string{"base2"}, nil, "")
		r.mu.Unlock()
		c.Fail("c", "broken")
		c.Lock("somebody", "manual")
		r.imp.Trigger()
		time.Sleep(time.Minute)
		if r.store.Get().Confirmed || c.reason() != state.LockHeld {
			t.Errorf("%+v", r.store.Get())
		}
		c.Unlock()
		time.Sleep(time.Minute)
		if got := r.store.Get(); got.Confirmed || !r.ready() || len(got.Groups) != 1 || got.Groups[0].Name != "base2" ||
			got.Groups[0].State != state.GroupFailed {
			t.Errorf("ready %t, %+v", r.ready(), got)
		}
	})
}

func TestGroupPause(t *testing.T) {
	inBubble(t, platformtest.Options{HideLastPull: true}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.GroupPause = 30 * time.Second
		c.startAll()
		if took := c.wait(5 * time.Minute); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("an import of three groups took %s", took)
		}
		r.kill()
		r.wipe()
		r.start()
		if took := c.wait(5 * time.Minute); took > time.Second {
			t.Errorf("with nothing to import it took %s", took)
		}
	})
}

func TestGroupTimeout(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(40 * time.Minute)}, 1, func(t *testing.T, c *cluster) {
		c.startAll()
		time.Sleep(31 * time.Minute)
		if c.reason() != state.GroupTimeout || c.replicas[0].store.Get().Problem.Group != "base1" {
			t.Errorf("%+v", c.replicas[0].store.Get().Problem)
		}
	})
}

// A new problem is retried soon, regardless of earlier ones.
func TestProgressResetsTheBackoff(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.Fail("a", "broken")
		c.Fail("c", "broken")
		c.startAll()
		time.Sleep(time.Hour)
		c.Heal("a")
		time.Sleep(time.Minute + time.Second) // now c is the obstacle
		c.Heal("c")
		if took := c.wait(2 * time.Minute); took > DefaultPolicy().RetryMax {
			t.Errorf("took %s", took)
		}
	})
}

func TestAnAbsurdRetryAfterIsBounded(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.replicas[0].Faults.Add(platformtest.Fault{Op: "pull", Kind: platformtest.Answer, Status: http.StatusTooManyRequests,
			Header: http.Header{"Retry-After": {"999999"}}})
		c.startAll()
		if took := c.wait(time.Hour); took < maxRetryAfter || took > maxRetryAfter+2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// The gateway allows 3 pulls a minute (platform contract §9).
func TestImportThroughTheGateway(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(30 * time.Second),
		ProxyTimeout: 20 * time.Second}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		r.client = c.public()
		r.gateway = r.client
		r.policy.PullWait = 15 * time.Second
		c.startAll()
		c.wait(10 * time.Minute)
		c.complete("v1")
		if n := len(c.Ledger().Bulks); n != 3 {
			t.Errorf("%d imports, want 3", n)
		}
	})
	inBubble(t, platformtest.Options{HideLastPull: true, PullsPerMinute: 2}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		r.client = c.public()
		c.startAll()
		// Five imports of two a minute: the first two groups are pulled again at the end.
		if took := c.wait(10 * time.Minute); took < 2*time.Minute || took > 2*time.Minute+5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestOnceReturnsTheLastFailureOnTimeout(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.Lock("somebody", "manual")
		over := errors.New("time is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, over)
		defer cancel()
		err := c.replicas[0].imp.Once(ctx)
		if f, ok := errors.AsType[*Failure](err); !ok || f.Reason != state.LockHeld || !errors.Is(err, over) {
			t.Error(err)
		}
	})
}

func TestATimedOutGateIsNotAConfirmation(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r, policy := c.replicas[0], state.GatePolicy{OpenAfter: 10 * time.Minute}
		c.Fail("a", "broken")
		c.startAll()
		for _, want := range []state.Gate{{Why: state.GateWaits}, {Why: state.GateTimedOut, Open: true}} {
			time.Sleep(9 * time.Minute)
			if got, _ := r.store.Gate(policy); got.Why != want.Why || got.Open != want.Open || r.store.Get().Confirmed {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		c.Heal("a")
		time.Sleep(2 * time.Minute)
		if got, _ := r.store.Gate(policy); got.Why != state.GateConfirmed || !got.Open {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheCorrelationIDIsPublished(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetReady(true)
		r.client = c.client(open{c.gateway}, platform.Bearer(platform.Fixed(secret.New(token))))
		c.startAll()
		c.wait(time.Minute)
		bulks := c.Ledger().Bulks
		if id := bulks[len(bulks)-1].CorrelationID; r.store.Get().CorrelationID != id || !r.log.has(id) {
			t.Errorf("%s is not published: %+v\n%s", id, r.store.Get(), r.log)
		}
	})
}
