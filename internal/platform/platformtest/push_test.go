// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// post sends a push and returns status and body.
func post(t *testing.T, h http.Handler, query, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		"http://pod/v2/workspaces/platform/versions"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range platform.LocalHeaders() {
		req.Header.Set(name, value)
	}
	resp, err := platformtest.Transport(h).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, string(data) + " " + err.Error()
	}
	return resp.StatusCode, string(data)
}

const pushBase1 = `{"groups":["base1"],"repository":{"id":"release"},"name":"v2"}`

type pushed struct {
	Processing    bool     `json:"processing"`
	Pushed        []string `json:"pushedWorkspaceIds"`
	AlreadyPushed []string `json:"alreadyPushedWorkspaceIds"`
	Errors        []struct {
		Message string `json:"message"`
	} `json:"errors"`
}

func decodePush(t *testing.T, body string) (p pushed) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p
}

func TestPushStreamsItsEvents(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, func(t *testing.T, c *cluster) {
		start := time.Now()
		status, body := post(t, c.pod, "?sse=true", pushBase1)
		var data []string
		for line := range strings.Lines(body) {
			if rest, ok := strings.CutPrefix(line, "data: "); ok {
				data = append(data, rest)
			}
		}
		if status != 200 || len(data) != 4 || time.Since(start) != 2*time.Second {
			t.Fatalf("status %d after %s: %s", status, time.Since(start), body)
		}
		want := pushed{Pushed: []string{"idb", "ida"}, AlreadyPushed: []string{}}
		if diff := cmp.Diff(want, decodePush(t, data[3]), cmp.FilterPath(isErrors, cmp.Ignore())); diff != "" {
			t.Error(diff)
		}
	})
}

func isErrors(p cmp.Path) bool { return p.Last().String() == ".Errors" }

func TestPushWithoutStream(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(10 * time.Second)}, func(t *testing.T, c *cluster) {
		if _, body := post(t, c.pod, "?timeout=5", pushBase1); !decodePush(t, body).Processing {
			t.Errorf("got %s", body)
		}
		if status, body := post(t, c.pod, "", pushBase1); status != 400 || !strings.Contains(body, "locked") {
			t.Errorf("a second push: %d %s", status, body)
		}
		_, err := pull(t.Context(), c.local, 0, "base1")
		wantClass(t, err, platform.ClassLocked)
		time.Sleep(time.Minute)
		c.Edit("a")
		c.Edit("b")
		c.Fail("b", "remote refuses")
		_, body := post(t, c.pod, "?timeout=60", pushBase1)
		if p := decodePush(t, body); len(p.Errors) != 1 || p.Errors[0].Message != "remote refuses" ||
			cmp.Diff([]string{"ida"}, p.Pushed) != "" {
			t.Errorf("got %s", body)
		}
		c.Heal("b")
		_, body = post(t, c.pod, "?timeout=60", pushBase1)
		if p := decodePush(t, body); cmp.Diff([]string{"idb"}, p.Pushed)+cmp.Diff([]string{"ida"}, p.AlreadyPushed) != "" {
			t.Errorf("got %s", body)
		}
	})
}

func TestPushRefuses(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		for body, want := range map[string]int{"{": 400, `{"repository":{"id":"release"}}`: 400,
			`{"groups":["nope"],"repository":{"id":"release"}}`: 404, `{"groups":["base1"],"repository":{"id":"nope"}}`: 404} {
			if status, _ := post(t, c.pod, "", body); status != want {
				t.Errorf("%s: status %d, want %d", body, status, want)
			}
		}
	})
}

func TestKilledPodEndsTheStreamWithoutSummary(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, func(t *testing.T, c *cluster) {
		go func() {
			time.Sleep(90 * time.Second)
			c.pod.Kill()
		}()
		_, body := post(t, c.pod, "?sse=true", pushBase1)
		if strings.Contains(body, "pushedWorkspaceIds") || !strings.HasSuffix(body, "unexpected EOF") {
			t.Errorf("got %s", body)
		}
	})
}

func TestPushLeavesOut(t *testing.T) {
	var pushes []platformtest.Push
	o := platformtest.Options{OnPush: func(p platformtest.Push) error {
		pushes = append(pushes, p)
		return errors.New("remote refuses")
	}}
	inBubble(t, o, func(t *testing.T, c *cluster) {
		c.SetAside("b", "mergeConflict")
		dry := strings.Replace(pushBase1, `"name"`, `"dryRun":true,"name"`, 1)
		if _, body := post(t, c.pod, "", dry); strings.Count(body, `"candidate"`)+strings.Count(body,
			`"mergeConflict"`) != 2 || len(pushes) > 0 {
			t.Errorf("dry run: %s, pushes %v", body, pushes)
		}
		_, body := post(t, c.pod, "", pushBase1)
		if !strings.Contains(body, `"mergeConflictWorkspaceIds":["idb"]`) || !strings.Contains(body, "remote refuses") {
			t.Errorf("got %s", body)
		}
		if len(pushes) != 1 || pushes[0].Workspace.Slug != "a" || pushes[0].Repository != "release" ||
			pushes[0].Name != "v2" {
			t.Errorf("pushes %+v", pushes)
		}
	})
}

// The gateway forwards a stream without buffering, and cuts it after its timeout.
func TestGatewayStreams(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(50 * time.Second)}, func(t *testing.T, c *cluster) {
		c.pod.SetReady(true)
		var at []time.Duration
		start := time.Now()
		r := platform.PushRequest{Repository: "release", Groups: []string{"base1"}, Wait: time.Hour}
		_, err := public(t, c.NewGateway()).Push(t.Context(), r,
			func(platform.PushEvent) { at = append(at, time.Since(start)) })
		if want := []time.Duration{0, 50 * time.Second}; cmp.Diff(want, at) != "" {
			t.Errorf("events after %v, want %v", at, want)
		}
		wantClass(t, err, platform.ClassInterrupted)
	})
}
