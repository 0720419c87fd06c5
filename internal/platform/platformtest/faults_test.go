// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// faults lists faults of a pull and the client's errors.
var faults = []struct {
	name    string
	fault   platformtest.Fault
	class   platform.Class
	unknown bool
	bulks   int // imports that ran
}{
	{"none", platformtest.Fault{Kind: platformtest.Pass}, platform.ClassNone, false, 1},
	{"refusal", platformtest.Fault{Kind: platformtest.Answer, Status: 403, Body: `{"error":"ForbiddenError","message":"no"}`}, platform.ClassForbidden, false, 0},
	{"rate limit", platformtest.Fault{Kind: platformtest.Answer, Status: 429, Header: http.Header{"Retry-After": {"5"}}}, platform.ClassRateLimited, false, 0},
	{"error though done", platformtest.Fault{Kind: platformtest.AnswerAfter, Status: 500, Body: `{"error":"Internal"}`}, platform.ClassServer, true, 1},
	{"html", platformtest.Fault{Kind: platformtest.Answer, Body: platformtest.HTML}, platform.ClassMalformed, true, 0},
	{"garbage", platformtest.Fault{Kind: platformtest.Answer, Body: platformtest.Garbage}, platform.ClassMalformed, true, 0},
	{"huge", platformtest.Fault{Kind: platformtest.Answer, Body: platformtest.Huge(2 << 20)}, platform.ClassTooLarge, true, 0},
	{"reset before", platformtest.Fault{Kind: platformtest.ResetBefore}, platform.ClassInterrupted, true, 0},
	{"reset after", platformtest.Fault{Kind: platformtest.ResetAfter}, platform.ClassInterrupted, true, 1},
	{"cut at 0", platformtest.Fault{Kind: platformtest.Truncate}, platform.ClassInterrupted, true, 1},
	{"cut at 10", platformtest.Fault{Kind: platformtest.Truncate, Bytes: 10}, platform.ClassInterrupted, true, 1},
	{"cut at the last byte", platformtest.Fault{Kind: platformtest.Truncate, Bytes: -1}, platform.ClassInterrupted, true, 1},
	{"altered", platformtest.Fault{Kind: platformtest.Alter, Edit: func(b []byte) []byte { return b[1:] }}, platform.ClassMalformed, true, 1},
	{"altered status", platformtest.Fault{Kind: platformtest.Alter, Status: 504}, platform.ClassServer, true, 1},
	{"for others", platformtest.Fault{Kind: platformtest.Hang, If: func(r *http.Request) bool { return r.Method == "PUT" }}, platform.ClassNone, false, 1},
	{"stall at 10", platformtest.Fault{Kind: platformtest.Stall, Bytes: 10}, platform.ClassTimeout, true, 1},
	{"hang", platformtest.Fault{Kind: platformtest.Hang}, platform.ClassTimeout, true, 0},
	{"too slow", platformtest.Fault{Kind: platformtest.Pass, Delay: time.Hour}, platform.ClassTimeout, true, 0},
	{"twice", platformtest.Fault{Kind: platformtest.Duplicate}, platform.ClassNone, false, 2},
}

// The in-process transport and a real connection must behave the same for a client.
func TestFaultsLookTheSameInMemoryAndOnTheWire(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name+"/memory", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := playFault(t, c.fault, c.bulks)
				check(func(pod *platformtest.Pod) platform.Options {
					return platform.Options{BaseURL: "http://pod", Transport: platformtest.Transport(pod), Timeout: 20 * time.Second}
				}, c.class, c.unknown)
			})
		})
		t.Run(c.name+"/wire", func(t *testing.T) {
			t.Parallel()
			check := playFault(t, c.fault, c.bulks)
			check(func(pod *platformtest.Pod) platform.Options {
				server, err := platformtest.Listen(pod, "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(server.Close)
				return platform.Options{BaseURL: server.URL, Timeout: platformtest.TimeoutFor(c.class)}
			}, c.class, c.unknown)
		})
	}
}

func playFault(t *testing.T, f platformtest.Fault,
	bulks int) func(func(*platformtest.Pod) platform.Options, platform.Class, bool) {
	p := platformtest.New(platformtest.Options{})
	pod := p.NewPod("pod-0", release())
	f.Op, f.Nth = "pull", 2
	pod.Faults = new(platformtest.Script).Add(f)
	return func(options func(*platformtest.Pod) platform.Options, class platform.Class, unknown bool) {
		defer p.Close()
		o := options(pod)
		o.Identity, o.MaxBody = platform.Headers(platform.LocalHeaders()), 1<<20
		c, err := platform.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		o.Timeout = 2 * time.Minute
		patient, err := platform.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer patient.CloseIdleConnections()
		if _, err := pull(t.Context(), patient, 0, "base2"); err != nil {
			t.Fatal(err) // the fault applies to the second pull
		}
		_, err = pull(t.Context(), c, 0, "base1")
		wantClass(t, err, class)
		if got := platform.OutcomeUnknown(err); got != unknown {
			t.Errorf("outcome unknown is %t: %v", got, err)
		}
		if got := len(p.Ledger().Bulks) - 1; got != bulks {
			t.Errorf("%d imports took place, want %d", got, bulks)
		}
		if _, err := pull(t.Context(), patient, 0, "base1"); err != nil {
			t.Errorf("after the fault: %v", err)
		}
	}
}

func TestScriptCountsPerOperation(t *testing.T) {
	pod := platformtest.New(platformtest.Options{}).NewPod("pod-0", release())
	pod.Faults = new(platformtest.Script).Add(
		platformtest.Fault{Op: "healthcheck", Nth: 2, Times: 2, Kind: platformtest.Answer, Status: 503},
		platformtest.Fault{Op: "workspace", Times: -1, Kind: platformtest.Answer, Status: 404},
		platformtest.Fault{Nth: 6, Kind: platformtest.Answer, Status: 500},
	)
	c := local(t, pod)
	var got []platform.Class
	for range 6 {
		_, err := c.Healthcheck(t.Context())
		got = append(got, platform.ClassOf(err))
	}
	none := platform.ClassNone
	want := []platform.Class{none, platform.ClassServer, platform.ClassServer, none, none, platform.ClassServer}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 3 {
		_, err := c.Platform(t.Context())
		wantClass(t, err, platform.ClassNotFound)
	}
}

// A pod can be killed before and after any request.
func TestHooksRunAroundARequest(t *testing.T) {
	for name, want := range map[string]int{"before": 0, "after": 1} {
		inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
			f := platformtest.Fault{Op: "pull", Kind: platformtest.Pass}
			if name == "before" {
				f.Before = c.pod.Kill
			} else {
				f.After = c.pod.Kill
			}
			c.pod.Faults = new(platformtest.Script).Add(f)
			_, err := pull(t.Context(), c.local, 0, "base1")
			if (err != nil) != (name == "before") {
				t.Errorf("%s: %v", name, err)
			}
			if got := len(c.Ledger().Bulks); got != want {
				t.Errorf("%s: %d imports, want %d", name, got, want)
			}
			_, err = c.local.Healthcheck(t.Context())
			wantClass(t, err, platform.ClassNotSent)
		})
	}
}

func TestARestartedPodFindsTheLockThatItLeft(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, func(t *testing.T, c *cluster) {
		killed := make(chan struct{})
		time.AfterFunc(time.Second, func() { c.pod.Kill(); close(killed) })
		_, err := pull(t.Context(), c.local, time.Hour, "base1")
		wantClass(t, err, platform.ClassInterrupted)
		<-killed
		c.pod.Restart()
		w, err := c.local.Platform(t.Context())
		if err != nil || w.Lock == nil {
			t.Fatalf("%+v, %v", w, err)
		}
		_, err = pull(t.Context(), c.local, time.Hour, "base1")
		wantClass(t, err, platform.ClassLocked)
		time.Sleep(30 * time.Minute)
		mustPull(t, c.local, "base1")
	})
}

func TestAnswersMayHaveADateOfTheirOwn(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		c.pod.Faults = new(platformtest.Script).Add(platformtest.Fault{Kind: platformtest.Alter,
			Header: http.Header{"Date": {at.Format(http.TimeFormat)}}})
		if m, err := c.local.Healthcheck(t.Context()); err != nil || !m.Date.Equal(at) {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

func TestClosedPort(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		c.pod.SetListening(false)
		_, err := pull(t.Context(), c.local, 0, "base1")
		wantClass(t, err, platform.ClassNotSent)
		c.pod.SetListening(true)
		mustPull(t, c.local, "base1")
	})
}

func TestKillEndsHangingRequests(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		c.pod.Faults = new(platformtest.Script).Add(platformtest.Fault{Kind: platformtest.Hang})
		go func() {
			time.Sleep(time.Second)
			c.pod.Kill()
		}()
		start := time.Now()
		_, err := c.local.Healthcheck(t.Context())
		wantClass(t, err, platform.ClassInterrupted)
		if time.Since(start) != time.Second {
			t.Errorf("took %s", time.Since(start))
		}
	})
}

func TestTransportHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		tr := platformtest.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			io.WriteString(w, "too late") // it must not block forever
			close(ended)
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://pod/", strings.NewReader("x"))
		if _, err := tr.RoundTrip(req); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		<-ended
		if _, err := tr.RoundTrip(req); err != context.DeadlineExceeded {
			t.Errorf("a request of an ended context: %v", err)
		}
	})
}

func TestTransportStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := platformtest.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			for range 3 {
				time.Sleep(time.Second)
				io.WriteString(w, "x")
			}
		}))
		start := time.Now()
		resp, err := tr.RoundTrip(mustRequest(t))
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(start) != 0 || resp.Header.Get("Date") != start.UTC().Format(http.TimeFormat) ||
			resp.ContentLength != -1 {
			t.Errorf("header after %s: %v", time.Since(start), resp.Header)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "xxx" || time.Since(start) != 3*time.Second {
			t.Errorf("%q after %s, %v", body, time.Since(start), err)
		}
		resp.Body.Close()
	})
}

func TestTransportEndsAHandlerWhoseClientLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		tr := platformtest.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			for r.Context().Err() == nil {
				io.WriteString(w, strings.Repeat("x", 1000))
			}
		}))
		resp, err := tr.RoundTrip(mustRequest(t))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		<-ended
	})
}

func mustRequest(t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://pod/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
