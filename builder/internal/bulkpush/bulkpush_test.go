// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/bulkpush"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/outcome/outcometest"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// many is a number of workspaces with more events than one read returns.
const many = 600

// world is a platform with a gateway, on a fake clock.
type world struct {
	*platformtest.Platform
	pod     *platformtest.Pod
	gateway *platformtest.Gateway
	client  *platform.Client
	display outcometest.Recorder
	options bulkpush.Options
}

func withWorld(t *testing.T, o platformtest.Options, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Token, o.ProxyTimeout = "at:test-token", cmp.Or(o.ProxyTimeout, 24*time.Hour)
		w := &world{
			Platform: platformtest.New(o),
			options:  bulkpush.Options{Repository: "git", Groups: []string{"base1"}, Timeout: 30 * time.Minute},
		}
		defer w.Close()
		workspaces := []platformtest.Workspace{
			{Slug: "a", ID: "ida", Name: "A", Groups: []string{"base1"}},
			{Slug: "b", ID: "idb", Name: "B", Groups: []string{"base1"}}}
		for i := range many {
			workspaces = append(workspaces, platformtest.Workspace{
				Slug:   fmt.Sprintf("w%d", i),
				ID:     fmt.Sprintf("id%d", i),
				Groups: []string{"many"},
			})
		}
		w.pod = w.NewPod("pod-0", &platformtest.Release{ID: "git", Workspaces: workspaces})
		w.pod.SetReady(true)
		w.gateway = w.NewGateway()
		w.gateway.Faults = new(platformtest.Script)
		var err error
		w.client, err = platform.New(platform.Options{
			BaseURL:   "http://platform",
			Identity:  platform.Bearer(platform.Fixed(secret.New(o.Token))),
			Transport: platformtest.Transport(w.gateway),
		})
		if err != nil {
			t.Fatal(err)
		}
		f(t, w)
	})
}

func (w *world) runPush(t *testing.T) *bulkpush.Result {
	t.Helper()
	result, err := bulkpush.Run(t.Context(), w.client, &w.display, w.options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// countRequests counts the requests of an operation that reached the gateway.
func (w *world) countRequests(op string) (n int) {
	synctest.Wait()
	for _, r := range w.Ledger().Requests {
		if r.Server == "gateway" && r.Op == op {
			n++
		}
	}
	return n
}

func checkResult(t *testing.T, w *world, r *bulkpush.Result, outcome outcome.Outcome, text string) {
	t.Helper()
	var problems bytes.Buffer
	if err := r.WriteProblems(&problems); err != nil {
		t.Fatal(err)
	}
	if r.Outcome != outcome || !strings.Contains(problems.String(), text) || (text == "") != (problems.Len() == 0) {
		t.Errorf("outcome %s, want %s with %q:\n%s%s", r.Outcome, outcome, text, &problems, w.display.String())
	}
}

func each(d time.Duration) func(string) time.Duration { return func(string) time.Duration { return d } }

var (
	resetAfter  = platformtest.Fault{Op: "push", Kind: platformtest.ResetAfter}
	resetBefore = platformtest.Fault{Op: "push", Kind: platformtest.ResetBefore}
)

// The push continues long after its connection broke. The client finds the result, and polls within
// the gateway's rate limit.
func TestResultIsFoundAfterDisconnect(t *testing.T) {
	for name, o := range map[string]platformtest.Options{
		"soon after": {ImportTime: each(10 * time.Minute), ProxyTimeout: time.Minute},
		"midway":     {ImportTime: each(10 * time.Minute), ProxyTimeout: 15 * time.Minute},
		"late":       {ImportTime: each(10 * time.Minute), ProxyTimeout: time.Minute, EventLag: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, o, func(t *testing.T, w *world) {
				r := w.runPush(t)
				checkResult(t, w, r, outcome.Done, "")
				if took := time.Duration(r.Duration); took < 20*time.Minute || took > 20*time.Minute+30*time.Second {
					t.Errorf("it took %s", took)
				}
				if n := w.countRequests("push"); n != 1 {
					t.Errorf("%d pushes were asked for", n)
				}
				if reads := w.countRequests("events"); reads > 20*60/2 {
					t.Errorf("%d reads of events", reads)
				}
				if text := w.display.String(); strings.Count(text, "1/2 ") != 1 ||
					strings.Count(text, "2/2 ") != 1 {
					t.Errorf("progress is not printed exactly once:\n%s", text)
				}
			})
		})
	}
}

// startOtherPush starts a push of the same groups, as a request whose response is lost does.
func (w *world) startOtherPush(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	once := sync.OnceFunc(func() { close(started); cancel() }) // several events may arrive together
	direct, err := platform.New(platform.Options{
		BaseURL:   "http://pod",
		Identity:  platform.Headers(platform.LocalHeaders()),
		Transport: platformtest.Transport(w.pod),
	})
	if err != nil {
		t.Error(err)
	}
	go func() {
		_, _ = direct.Push(ctx, platform.PushRequest{
			Repository: "git",
			Groups:     []string{"base1"},
			Wait:       time.Hour,
		}, func(platform.PushEvent) { once() })
	}()
	<-started
}

// Without events, and with the lock free, the outcome stays unknown.
func TestOutcomeIsUnknownWithoutEvents(t *testing.T) {
	for name, tt := range map[string]struct {
		fault platformtest.Fault
		o     platformtest.Options
		text  string
	}{
		"lost event": {resetAfter, platformtest.Options{DropCompleted: true}, "the write lock is free, but " +
			"no event reports the result (the request:"},
		"never began": {resetBefore, platformtest.Options{}, "it may not have started"},
		"gateway fails": {
			platformtest.Fault{Op: "push", Kind: platformtest.Answer, Status: 502, Body: platformtest.HTML},
			platformtest.Options{},
			"HTTP 502",
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, tt.o, func(t *testing.T, w *world) {
				w.gateway.Faults.Add(tt.fault)
				r := w.runPush(t)
				checkResult(t, w, r, outcome.Unknown, tt.text)
				if took := time.Duration(r.Duration); took < 20*time.Second || took > time.Minute {
					t.Errorf("it took %s to find that out", took)
				}
				if n := w.countRequests("push"); n != 1 {
					t.Errorf("%d pushes were asked for", n)
				}
			})
		})
	}
}

// A pod that dies leaves the lock behind: the client waits until its timeout.
func TestDeadPodLeavesTheLock(t *testing.T) {
	withWorld(t, platformtest.Options{ImportTime: each(time.Minute)}, func(t *testing.T, w *world) {
		w.options.Timeout = 10 * time.Minute
		go func() {
			time.Sleep(90 * time.Second)
			w.pod.Kill()
			w.pod.Restart()
			w.pod.SetReady(true)
		}()
		r := w.runPush(t)
		checkResult(t, w, r, outcome.Unknown, "no result after 10m0s (the request: platform push: (interrupted)")
		if took := time.Duration(r.Duration); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// The completion of another push of the same groups is not the result of this one.
func TestOtherPushesAreNotOurs(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.Fail("a", "somebody else's trouble")
		checkResult(t, w, w.runPush(t), outcome.Failed, "somebody else's trouble")
		w.Heal("a")
		time.Sleep(2 * time.Second)
		w.gateway.Faults.Add(resetAfter)
		checkResult(t, w, w.runPush(t), outcome.Done, "")
	})
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		// The response has a correlation ID; the other push starts after it.
		w.gateway.Faults.Add(platformtest.Fault{
			Op:    "push",
			Kind:  platformtest.Answer,
			Body:  `{"processing":true}`,
			After: func() { w.startOtherPush(t) },
		})
		checkResult(t, w, w.runPush(t), outcome.Unknown, "no event reports the result")
	})
}

// Events without a correlation ID are matched by request and time.
func TestEventsWithoutCorrelation(t *testing.T) {
	for name, tt := range map[string]struct {
		repository, group string
		age               time.Duration
		outcome           outcome.Outcome
	}{
		"ours":             {"git", "base1", 0, outcome.Done},
		"other repository": {"other", "base1", 0, outcome.Unknown},
		"other groups":     {"git", "base2", 0, outcome.Unknown},
		"before":           {"git", "base1", time.Hour, outcome.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				event := fmt.Sprintf(`{"id":"1","type":"workspaces.bulkPush.completed","createdAt":%q,"payload":{"repositoryId":%q,"groups":[%q],"pushedWorkspaceIds":["ida"]}}`,
					time.Now().Add(-tt.age).Format(time.RFC3339), tt.repository, tt.group)
				w.gateway.Faults.Add(resetBefore, platformtest.Fault{
					Op:    "events",
					Times: -1,
					Kind:  platformtest.Answer,
					Body:  `{"result":{"events":[` + event + `]}}`,
				})
				if r := w.runPush(t); r.Outcome != tt.outcome {
					t.Errorf("outcome %s, want %s", r.Outcome, tt.outcome)
				}
			})
		})
	}
}

func TestResultIsFoundAmongManyEvents(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.options.Groups = []string{"many"}
		w.gateway.Faults.Add(resetAfter)
		r := w.runPush(t)
		checkResult(t, w, r, outcome.Done, "")
		if len(r.Workspaces) != many {
			t.Errorf("%d workspaces", len(r.Workspaces))
		}
	})
}

// The client uses its own clock if the platform sends no Date header.
func TestPlatformWithoutClock(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.Fail("a", "an older trouble")
		checkResult(t, w, w.runPush(t), outcome.Failed, "an older trouble")
		w.Heal("a")
		time.Sleep(2 * time.Minute)
		w.gateway.Faults.Add(resetAfter, platformtest.Fault{
			Op:     "workspace",
			Times:  -1,
			Kind:   platformtest.Alter,
			Header: http.Header{"Date": {}},
		})
		checkResult(t, w, w.runPush(t), outcome.Done, "")
	})
}

// A client that may not read events asks only once.
func TestEventsAreForbidden(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.gateway.Faults.Add(resetAfter, platformtest.Fault{
			Op:     "events",
			Times:  -1,
			Kind:   platformtest.Answer,
			Status: 403,
			Body:   `{"error":"ForbiddenError"}`,
		})
		checkResult(t, w, w.runPush(t), outcome.Unknown, "no event reports the result")
		if n := w.countRequests("events"); n != 1 {
			t.Errorf("%d reads of events", n)
		}
	})
}

func TestWaitsForLock(t *testing.T) {
	withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
		w.options.WaitLock = 20 * time.Minute
		w.Lock("ada", "manual")
		go func() {
			time.Sleep(5 * time.Minute)
			w.Unlock()
			w.Lock("bob", "pull_in_progress")
			time.Sleep(5 * time.Minute)
			w.Unlock()
		}()
		r := w.runPush(t)
		checkResult(t, w, r, outcome.Done, "")
		if took := time.Duration(r.Duration); took < 10*time.Minute || took > 10*time.Minute+15*time.Second {
			t.Errorf("it took %s", took)
		}
		if text := w.display.String(); strings.Count(text, "held by ada (manual)") != 1 ||
			strings.Count(text, "held by bob (pull_in_progress)") != 1 {
			t.Errorf("the holders are not printed once each:\n%s", text)
		}
		if looks := w.countRequests("workspace"); looks > 10*60/5+10 {
			t.Errorf("%d looks at the lock", looks)
		}
	})
}

// The limit covers several holders, and refusals.
func TestWaitForLockIsBounded(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"held": func(w *world) { w.Lock("ada", "manual") },
		"refused": func(w *world) {
			w.gateway.Faults.Add(platformtest.Fault{
				Op:     "push",
				Times:  -1,
				Kind:   platformtest.Answer,
				Status: 423,
				Body:   `{"error":"resource_locked"}`,
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				w.options.WaitLock = 3 * time.Minute
				prepare(w)
				r := w.runPush(t)
				checkResult(t, w, r, outcome.Failed, "waited 3m0s")
				if took := time.Duration(r.Duration); took < 3*time.Minute || took > 3*time.Minute+15*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// Reads are retried after transient errors; a push only if the platform did nothing.
func TestRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		fault   platformtest.Fault
		outcome outcome.Outcome
		asked   int
	}{
		"platform is away for a moment": {
			platformtest.Fault{Op: "workspace", Times: 3, Kind: platformtest.Answer, Status: 503},
			outcome.Done,
			5,
		},
		"platform is away": {
			platformtest.Fault{Op: "workspace", Times: -1, Kind: platformtest.ResetBefore},
			outcome.Failed,
			4,
		},
		"token": {
			platformtest.Fault{Op: "workspace", Times: -1, Kind: platformtest.Answer, Status: 401},
			outcome.Failed,
			1,
		},
		"too many requests": {platformtest.Fault{Op: "push", Times: 2, Kind: platformtest.Answer, Status: 429,
			Body: `{"error":"TooManyRequests","details":{"retryAfter":40}}`}, outcome.Done, 3},
		"far too many requests": {
			platformtest.Fault{Op: "push", Times: -1, Kind: platformtest.Answer, Status: 429},
			outcome.Failed,
			4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				w.gateway.Faults.Add(tt.fault)
				r := w.runPush(t)
				if asked := w.countRequests(tt.fault.Op); r.Outcome != tt.outcome || asked != tt.asked {
					t.Errorf("outcome %s after %d requests, want %s after %d\n%+v", r.Outcome, asked, tt.outcome,
						tt.asked, r.Problems)
				}
			})
		})
	}
}

// Errors reported as progress are kept, whatever the summary says.
func TestProgressReportsAreKept(t *testing.T) {
	const started = `{"repositoryId":"git","groups":["base1"],"workspaces":[{"slug":"a","status":"candidate"},{"slug":"b","status":"inProgress"},{"slug":"c","status":"alreadyPushed"}]}`
	progress := func(slug, status, errors string) string {
		return `{"repositoryId":"git","workspaceSlug":"` + slug + `","status":"` + status + `","errors":[` + errors +
			`],"current":1,"total":3}`
	}
	for name, tt := range map[string]struct {
		steps   []string
		outcome outcome.Outcome
		want    string
	}{
		"error on the way": {
			[]string{progress("a", "error", `"disk full"`),
				`{"repositoryId":"git","errors":[],"workspaces":[{"slug":"a","status":"pushed"}]}`},
			outcome.Failed,
			"a: disk full",
		},
		"status on the way": {
			[]string{progress("a", "error", ""),
				`{"repositoryId":"git","errors":[],"workspaces":[{"slug":"a","status":"pushed"}]}`},
			outcome.Failed,
			"a: the platform gives no reason",
		},
		"only on the way": {
			[]string{started, progress("c", "error", `"e"`), `{"repositoryId":"git","pushedWorkspaceIds":[]}`},
			outcome.Failed,
			"c: e",
		},
		"never announced": {
			[]string{progress("x", "error", `"e"`), `{"repositoryId":"git","pushedWorkspaceIds":["ida"]}`},
			outcome.Failed,
			"x: e",
		},
		"pushed on the way": {
			[]string{strings.Replace(started, "inProgress", "candidate", 1), progress("b", "pushed", ""),
				`{"repositoryId":"git","pushedWorkspaceIds":[]}`},
			outcome.Done,
			"",
		},
		"left out": {
			[]string{started, `{"repositoryId":"git","pushedWorkspaceIds":[],"workspaces":[{"slug":"a","status":"pushed"}]}`},
			outcome.Failed,
			"b: skipped because another push",
		},
		"only ids": {
			[]string{`{"repositoryId":"git","pushedWorkspaceIds":["ida"],"mergeConflictWorkspaceIds":["idb"]}`},
			outcome.Failed,
			"idb: skipped because of a merge conflict",
		},
		"ids without fault": {
			[]string{`{"repositoryId":"git","pushedWorkspaceIds":["ida"],"alreadyPushedWorkspaceIds":["idb"]}`},
			outcome.Done,
			"",
		},
		"as a whole": {
			[]string{`{"repositoryId":"git","errors":[{"error":"E","message":"m"}],"workspaces":[{"slug":"a","status":"pushed"}]}`},
			outcome.Failed,
			"error: E: m",
		},
		"said twice": {
			[]string{`{"repositoryId":"git","errors":["m"],"workspaces":[{"slug":"a","status":"error","errors":["m"]}]}`},
			outcome.Failed,
			"a: m",
		},
		"of nothing": {
			[]string{`{"repositoryId":"git","errors":[],"workspaces":[]}`},
			outcome.Failed,
			"no workspace belongs to base1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				w.gateway.Faults.Add(platformtest.Fault{
					Op:   "push",
					Kind: platformtest.Answer,
					Body: "data: " + strings.Join(tt.steps, "\n\ndata: ") + "\n\n",
				})
				r := w.runPush(t)
				checkResult(t, w, r, tt.outcome, tt.want)
				if name == "pushed on the way" && r.Workspaces[1].Status != platform.StatusPushed {
					t.Errorf("wrong status of a pushed workspace: %+v", r.Workspaces)
				}
				if name == "said twice" && len(r.Problems) > 0 {
					t.Errorf("reported twice: %+v", r.Problems)
				}
			})
		})
	}
}

func TestInterrupted(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*world)
		outcome outcome.Outcome
		text    string
	}{
		"while it is watched": {func(*world) {}, outcome.Unknown, "the platform continues the push"},
		"while its end is looked for": {func(w *world) {
			w.gateway.Faults.Add(platformtest.Fault{
				Op:    "push",
				Kind:  platformtest.Answer,
				Body:  `{"processing":true}`,
				After: func() { w.Lock("ada", "push_in_progress") },
			})
		}, outcome.Unknown, "the platform continues the push"},
		"while the lock is waited for": {func(w *world) { w.Lock("ada", "manual") }, outcome.Failed,
			"before the push began"},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, platformtest.Options{ImportTime: each(time.Minute)}, func(t *testing.T, w *world) {
				w.options.WaitLock = time.Hour
				tt.prepare(w)
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				defer cancel()
				r, err := bulkpush.Run(ctx, w.client, &w.display, w.options)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				checkResult(t, w, r, tt.outcome, tt.text)
			})
		})
	}
}

func TestRemedies(t *testing.T) {
	for message, help := range map[string]string{
		"Please pull first: the remote has new commits":                    "pull them into the workspace",
		"! [rejected] main -> main (non-fast-forward)":                     "pull them into the workspace",
		"CONFLICT (content): Merge conflict in index.yml":                  "resolve the conflicts",
		"SSL certificate problem: self-signed certificate":                 "does not trust the certificate",
		"remote: GitLab: You are not allowed to push to protected branch":  "refuses pushes to this branch",
		"fatal: Authentication failed for 'https://git.example.com/'":      "refuses the platform's credentials",
		"git@example.com: Permission denied (publickey).":                  "refuses the platform's credentials",
		"The requested URL returned error: 403":                            "refuses the platform's credentials",
		"AlreadyUsedError: version name v2 already exists":                 "use another --name",
		"Workspace abc is locked":                                          "run again when it has ended",
		"fatal: unable to access: Could not resolve host: git.example.com": "cannot reach the Git server",
		"connect ECONNREFUSED 10.0.0.1:443":                                "cannot reach the Git server",
		"something new in block 403112":                                    "see the log of prismeai-workspaces",
	} {
		t.Run(message, func(t *testing.T) {
			withWorld(t, platformtest.Options{}, func(t *testing.T, w *world) {
				w.Fail("a", message)
				checkResult(t, w, w.runPush(t), outcome.Failed, help)
			})
		})
	}
}

// The report is read by programs: its names stay.
func TestReport(t *testing.T) {
	withWorld(t, platformtest.Options{ImportTime: each(time.Second)}, func(t *testing.T, w *world) {
		w.options.Name = "v2"
		w.Fail("b", "disk full")
		r := w.runPush(t)
		synctest.Wait()
		all := w.Ledger().Requests
		if r.CorrelationID == "" || r.CorrelationID != all[len(all)-1].CorrelationID {
			t.Errorf("correlation id %s", r.CorrelationID)
		}
		r.CorrelationID = "corr-1"
		data, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want := `{
 "outcome": "failed",
 "repository": "git",
 "groups": [
  "base1"
 ],
 "name": "v2",
 "dryRun": false,
 "force": false,
 "durationMilliseconds": 2000,
 "correlationId": "corr-1",
 "workspaces": [
  {
   "slug": "a",
   "id": "ida",
   "name": "A",
   "status": "pushed"
  },
  {
   "slug": "b",
   "id": "idb",
   "name": "B",
   "status": "error",
   "problems": [
    {
     "code": "PushError",
     "message": "disk full",
     "help": "see the log of prismeai-workspaces; then run again: workspaces that were pushed count as already pushed"
    }
   ]
  }
 ],
 "problems": []
}`
		if diff := gocmp.Diff(want, string(data)); diff != "" {
			t.Error(diff)
		}
	})
}
