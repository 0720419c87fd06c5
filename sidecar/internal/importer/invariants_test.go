// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/sidecar/internal/metrics"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestI1NotReadyBeforeTheReleaseIsConfirmed(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.start()
		for range 239 {
			time.Sleep(time.Second)
			if r.ready() {
				t.Fatalf("ready with %d of 4 workspaces", len(c.Installed()))
			}
		}
		c.wait(5 * time.Second)
		c.complete("v1")
		if got := r.store.Get(); got.Release.Verification != state.Full || got.Release.Name != "v1" || got.Problem != nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestI1NotReadyWhileAWorkspaceFails(t *testing.T) {
	for _, o := range []platformtest.Options{{}, {VersionAfterFailure: true}, {ErrorsInWorkspacesOnly: true}} {
		inBubble(t, o, 1, func(t *testing.T, c *cluster) {
			c.Fail("c", "Could not rename workspace slug: already used")
			c.replicas[0].start()
			time.Sleep(time.Hour)
			if c.replicas[0].ready() || c.reason() != state.SlugTaken {
				t.Errorf("ready %t, reason %q", c.replicas[0].ready(), c.reason())
			}
			c.Heal("c")
			c.wait(2 * time.Minute)
			c.complete("v1")
		})
	}
}

func TestI2ReadinessIsSticky(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.start()
		c.wait(time.Minute)
		r.SetListening(false)
		time.Sleep(time.Hour)
		if !r.ready() || c.reason() != state.TargetDown {
			t.Errorf("ready %t, reason %q", r.ready(), c.reason())
		}
	})
}

// No response ends the importer's loop, and so the process.
func TestI3NothingEndsTheImporterButItsContext(t *testing.T) {
	t.Parallel()
	for _, f := range []platformtest.Fault{answer(500, ""), answer(401, ""), answer(200, platformtest.HTML),
		{Kind: platformtest.ResetBefore}, {Kind: platformtest.Hang}} {
		inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
			r := c.replicas[0]
			f.Times = -1
			r.Faults.Add(f)
			r.start()
			for range 100 {
				time.Sleep(15 * time.Minute)
				r.imp.VerifyAgain()
				select {
				case err := <-r.done:
					t.Fatalf("the importer ended: %v", err)
				default:
				}
			}
			r.stop()
			if err := <-r.done; !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			r.stop = nil
		})
	}
}

func TestI4GroupsInOrderAfterConfirmation(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, 1, func(t *testing.T, c *cluster) {
		c.Fail("c", "broken")
		c.replicas[0].start()
		time.Sleep(10 * time.Minute)
		for c.replicas[0].store.Get().Phase != state.Retrying { // between two attempts
			time.Sleep(time.Second)
		}
		for _, b := range c.Ledger().Bulks {
			if b.Groups[0] == "extended" {
				t.Error("a group was imported after one that failed")
			}
		}
		var got []string
		for _, g := range c.replicas[0].store.Get().Groups {
			got = append(got, g.Name+" "+string(g.State))
		}
		if diff := cmp.Diff([]string{"base1 confirmed", "base2 failed", "extended pending"}, got); diff != "" {
			t.Error(diff)
		}
		c.Heal("c")
		c.wait(2 * time.Minute)
		last := ""
		for _, b := range c.Ledger().Bulks {
			if b.Groups[0] < last {
				t.Errorf("%s after %s", b.Groups[0], last)
			}
			last = b.Groups[0]
		}
	})
}

func TestI5AGroupIsPostedOnceUnlessItsOutcomeIsUnknownOrFailed(t *testing.T) {
	posts := func(c *cluster, group string) (n int) {
		for _, b := range c.Ledger().Bulks {
			if b.Groups[0] == group {
				n++
			}
		}
		return n
	}
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, 1, func(t *testing.T, c *cluster) {
		c.Fail("d", "broken")
		c.replicas[0].start()
		time.Sleep(time.Hour)
		if posts(c, "base1") != 1 || posts(c, "base2") != 1 || posts(c, "extended") < 10 {
			t.Errorf("base1 %d, base2 %d, extended %d", posts(c, "base1"), posts(c, "base2"), posts(c, "extended"))
		}
	})
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute),
		HideLastPull: true}, 1, func(t *testing.T, c *cluster) {
		c.replicas[0].Faults.Add(platformtest.Fault{Op: "pull", Kind: platformtest.Pass, Times: 1},
			platformtest.Fault{Op: "pull", Nth: 2, Kind: platformtest.ResetAfter})
		c.startAll()
		c.wait(time.Hour)
		// If the list has no versions, confirmations of earlier passes are renewed.
		if posts(c, "base1") != 2 || posts(c, "base2") != 2 || posts(c, "extended") != 1 {
			t.Errorf("base1 %d, base2 %d, extended %d", posts(c, "base1"), posts(c, "base2"), posts(c, "extended"))
		}
		for _, slug := range []string{"a", "b", "c", "d"} {
			if n := len(c.Ledger().ImportsOf(slug)); n != 1 {
				t.Errorf("%s was imported %d times", slug, n)
			}
		}
	})
}

func TestI6OneImporterAndADeadHolderDelaysUntilTheLockExpires(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, 3, func(t *testing.T, c *cluster) {
		c.startAll()
		time.Sleep(30 * time.Second)
		holder := c.Ledger().Bulks[0].Pod
		for i, r := range c.replicas {
			if r.Name == holder {
				r.Kill()
				r.kill()
				c.replicas = append(c.replicas[:i], c.replicas[i+1:]...)
				break
			}
		}
		took := c.wait(time.Hour)
		c.complete("v1")
		// The rest of the lock's 30 minutes, a poll, and four imports of a minute.
		if limit := 30*time.Minute - 30*time.Second + 4*time.Minute + 4*DefaultPolicy().Poll; took > limit {
			t.Errorf("took %s, want at most %s", took, limit)
		}
	})
}

func TestI7EveryAttemptReloadsItsInputs(t *testing.T) {
	inBubble(t, platformtest.Options{RefuseHeaders: true, PodToken: true}, 1, func(t *testing.T, c *cluster) {
		r, current := c.replicas[0], secret.New("at:expired-5f2c9d7e")
		r.client = c.client(r.Pod, platform.Bearer(func(context.Context) (secret.Value, error) { return current, nil }))
		r.start()
		time.Sleep(time.Minute)
		if c.reason() != state.IdentityRefused {
			t.Errorf("reason %q", c.reason())
		}
		current = secret.New(token)
		c.wait(2 * time.Minute)
	})
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.loadErr = &Failure{Reason: state.ManifestUnreadable, Message: "no such file"}
		r.start()
		time.Sleep(10 * time.Minute)
		if r.ready() || c.reason() != state.ManifestUnreadable {
			t.Errorf("ready %t, reason %q", r.ready(), c.reason())
		}
		r.mu.Lock()
		r.loadErr = nil
		r.mu.Unlock()
		c.wait(2 * time.Minute)
	})
}

func TestI8BackoffIsJitteredCappedHonoursRetryAfterAndNeverGivesUp(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	for n, limit := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		seen := map[time.Duration]bool{}
		for range 50 {
			d := retryDelay(&p, n, 0)
			seen[d] = true
			if d < limit*time.Second/2 || d > limit*time.Second+1 {
				t.Errorf("retry %d after %s, want %s/2 to %s", n, d, limit*time.Second, limit*time.Second)
			}
		}
		if len(seen) < 10 {
			t.Errorf("retry %d is not jittered", n)
		}
		if d := retryDelay(&p, n, 47*time.Second); d < 47*time.Second {
			t.Errorf("retry %d after %s, was asked for 47s", n, d)
		}
	}
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		c.Fail("a", "broken")
		c.startAll()
		time.Sleep(24 * time.Hour)
		n := len(c.Ledger().Bulks)
		if n < 24*60 || n > 2*24*60+20 {
			t.Errorf("%d attempts in a day", n)
		}
		c.Heal("a")
		c.wait(time.Minute + time.Second)
	})
}

func TestI9AWipedSidecarConverges(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(10 * time.Second)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		for range 12 {
			r.start()
			time.Sleep(4 * time.Second)
			r.kill()
			r.wipe()
		}
		r.start()
		c.wait(10 * time.Minute)
		c.complete("v1")
		for _, slug := range []string{"a", "b", "c", "d"} {
			if n := len(c.Ledger().ImportsOf(slug)); n != 1 {
				t.Errorf("%s was imported %d times", slug, n)
			}
		}
	})
}

func TestI10ShutdownIsNotFailure(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.start()
		time.Sleep(30 * time.Second)
		r.kill()
		if got := r.store.Get(); got.Problem != nil || len(r.counts.passes) != 0 {
			t.Errorf("%+v, passes %v", got.Problem, r.counts.passes)
		}
		if strings.Contains(r.log.String(), "ERROR") {
			t.Error(r.log)
		}
	})
}

// Every text of every response repeats the credential, including headers that the sidecar reports.
func TestI11NoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	text := "Bearer " + token + " is odd"
	report := `{"repositoryId":"release","groups":["base1"],"errors":[{"msg":"` + text +
		`"}],"workspaces":[{"slug":"a","status":"` + text + `","reason":"` + text + `"}]}`
	for name, f := range map[string]platformtest.Fault{
		"refusal":       answer(401, `{"error":"`+text+`","message":"`+text+`"}`),
		"bad request":   answer(400, `{"error":{"code":"`+text+`","message":"`+text+`","requestId":"`+token+`"}}`),
		"no JSON":       answer(500, text),
		"locked":        answer(423, `{"error":"locked","message":"`+text+`"}`),
		"report":        answer(200, report),
		"lock":          answer(200, `{"id":"`+token+`","platformRepositories":{"release":{"name":"Release v1"}},"writeLock":{"lockedBy":"`+text+`","reason":"`+text+`"}}`),
		"wrong release": answer(200, `{"id":"p","platformRepositories":{"release":{"name":"`+text+`"}}}`),
		"readiness":     answer(400, `{"services":{"`+token+`":{"status":"error","errors":[{"message":"`+text+`"}]}}}`),
		"cut":           {Kind: platformtest.Truncate, Bytes: 10},
	} {
		for _, op := range []string{"workspace", "workspaces", "pull", "events", "readiness", "status"} {
			t.Run(name+" of "+op, func(t *testing.T) {
				inBubble(t, platformtest.Options{RefuseHeaders: true, PodToken: true}, 1, func(t *testing.T, c *cluster) {
					r := c.replicas[0]
					r.client, r.gateway = c.client(r.Pod, c.bearerIdentity()), c.public()
					r.policy.Services, r.policy.PullWait = []string{"runtime"}, time.Second
					f := withHeader(f, platform.CorrelationHeader, token)
					f.Op, f.Times = op, -1
					r.Faults.Add(f)
					c.gateway.Faults = r.Faults
					r.start()
					time.Sleep(time.Hour)
					encoded, err := json.Marshal(r.get())
					if err != nil {
						t.Fatal(err)
					}
					r.kill()
					once := fmt.Sprint(New(r.load, state.NewStore(), &counts{}, r.logger).Once(expired(t)))
					for where, s := range map[string]string{"log": r.log.String(), "state": string(encoded), "error": once} {
						if strings.Contains(s, "canary") {
							t.Errorf("the %s contains the token: %s", where, s)
						}
					}
				})
			})
		}
	}
}

// expired returns a context that ends after a minute.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestI12MetricsTellWhichReleaseAndWhichGroupFailed(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		m := metrics.New(r.store, metrics.Options{Workspaces: true})
		r.imp = New(r.load, r.store, m, r.logger)
		c.Fail("c", "Could not rename workspace slug: already used")
		r.start()
		time.Sleep(time.Minute)
		for r.get().Phase != state.Retrying {
			time.Sleep(time.Second)
		}
		got := exposition(t, m)
		for _, want := range []string{
			`workspaces_import_release_info{manifest_digest="` + r.desired.Digest + `",mode="import",release="v1",repository="release",repository_name="Release v1"} 1`,
			`workspaces_import_group_failed{group="base1"} 0`,
			`workspaces_import_group_failed{group="base2"} 1`,
			`workspaces_import_group_failed{group="extended"} 0`,
			`workspaces_import_problem{reason="slug-taken"} 1`,
			`workspaces_import_release_confirmed 0`,
			`workspaces_import_workspace_info{group="base2",state="failed",version="v1",workspace="c"} 1`,
		} {
			if !strings.Contains(got, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
		c.Heal("c")
		c.wait(2 * time.Minute)
		got = exposition(t, m)
		for _, want := range []string{`workspaces_import_group_failed{group="base2"} 0`,
			`workspaces_import_release_confirmed 1`, `workspaces_import_manifest_verified 1`} {
			if !strings.Contains(got, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
	})
}

func exposition(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func TestOnceEndsWithAPermanentFailure(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.SetListening(false)
		time.AfterFunc(time.Minute, func() { r.SetListening(true) })
		c.Fail("d", "broken")
		err := r.imp.Once(t.Context())
		if f, ok := errors.AsType[*Failure](err); !ok || f.Reason != state.ImportErrors || f.Group != "extended" {
			t.Error(err)
		}
		c.Heal("d")
		if err := r.imp.Once(t.Context()); err != nil || !r.ready() {
			t.Error(err)
		}
	})
}
