// SPDX-License-Identifier: Apache-2.0

package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// canary is a token that must not appear anywhere.
const canary = "at:canary-5ecr3t"

// answering returns a client of a server with a constant response.
func answering(t *testing.T, status int, body string, header ...string) *platform.Client {
	t.Helper()
	return clientOf(t, platform.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func clientOf(t *testing.T, o platform.Options, h http.HandlerFunc) *platform.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.BaseURL = server.URL
	return newClient(t, o)
}

func newClient(t *testing.T, o platform.Options) *platform.Client {
	t.Helper()
	c, err := platform.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// calls has one request for each operation.
var calls = map[string]func(context.Context, *platform.Client) error{
	"platform": func(ctx context.Context, c *platform.Client) error { _, err := c.Platform(ctx); return err },
	"workspaces": func(ctx context.Context, c *platform.Client) error {
		_, _, err := c.Workspaces(ctx)
		return err
	},
	"status": func(ctx context.Context, c *platform.Client) error {
		_, err := c.WorkspaceStatus(ctx, "a/b c")
		return err
	},
	"pull": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Pull(ctx, platform.PullRequest{Repository: "release", Groups: []string{"base1"}})
		return err
	},
	"pull-force": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Pull(ctx, platform.PullRequest{Repository: "release", Groups: []string{"base1", "base2"}, Force: true,
			Wait: 45 * time.Second, CorrelationID: "own-1"})
		return err
	},
	"push": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Push(ctx, platform.PushRequest{Repository: "git", Groups: []string{"base1"}}, nil)
		return err
	},
	"push-all": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Push(ctx, platform.PushRequest{Repository: "git", Groups: []string{"base1", "base2"}, Name: "v2",
			Description: "January",
			Force:       true, DryRun: true, Wait: 90 * time.Second}, nil)
		return err
	},
	"events": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Events(ctx, platform.EventQuery{
			Types:  []string{platform.EventImportStarted, platform.EventImportCompleted},
			After:  time.Date(2026, 8, 1, 12, 0, 0, 5e6, time.FixedZone("", 3600)),
			Before: time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC),
			Match:  map[string]string{"source.correlationId": "own-1"}, Text: "x&y", Page: 2, Limit: 100})
		return err
	},
	"events-newest": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Events(ctx, platform.EventQuery{Workspace: "abc", NewestFirst: true})
		return err
	},
	"readiness": func(ctx context.Context, c *platform.Client) error {
		_, err := c.Readiness(ctx, "api-gateway", "events")
		return err
	},
	"healthcheck": func(ctx context.Context, c *platform.Client) error { _, err := c.Healthcheck(ctx); return err },
	"me":          func(ctx context.Context, c *platform.Client) error { _, err := c.Me(ctx); return err },
	"secrets":     func(ctx context.Context, c *platform.Client) error { _, err := c.SecretNames(ctx, "a/b"); return err },
}

func TestRequestsAreAsDocumented(t *testing.T) {
	for name, do := range calls {
		t.Run(name, func(t *testing.T) {
			var got string
			id := platform.Join(platform.Headers(platform.LocalHeaders()), platform.Bearer(platform.Fixed(secret.New("token"))))
			c := clientOf(t, platform.Options{Identity: id,
				UserAgent: "sidecar/test"}, func(w http.ResponseWriter, r *http.Request) {
				got = dump(r)
				io.WriteString(w, "[]")
			})
			_ = do(t.Context(), c) // the response fits at most one operation
			golden.Compare(t, filepath.Join("testdata", "requests", name+".txt"), got)
		})
	}
}

func dump(r *http.Request) string {
	lines := []string{}
	for name := range r.Header {
		lines = append(lines, name+": "+r.Header.Get(name))
	}
	slices.Sort(lines)
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s\n%s\n\n%s\n", r.Method, r.URL.RequestURI(), strings.Join(lines, "\n"), body)
}

func TestBaseURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:80":            "http://127.0.0.1:80",
		"http://127.0.0.1:80/":           "http://127.0.0.1:80",
		"https://api.example.com/v2":     "https://api.example.com",
		"https://api.example.com/v2/":    "https://api.example.com",
		"https://example.com/prisme/v2/": "https://example.com/prisme",
		"http://[::1]:3002/v2":           "http://[::1]:3002",
	} {
		if got := newClient(t, platform.Options{BaseURL: in}).BaseURL(); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

func TestBaseURLRefused(t *testing.T) {
	for _, in := range []string{"", "127.0.0.1:80", "ftp://host", "http://", "http://h/?x=1", "http://h/#f", "http://[",
		"/v2",
		"http://user:" + canary + "@host", "http://host:" + canary + "/", "http://h/?token=" + canary} {
		_, err := platform.New(platform.Options{BaseURL: in})
		if err == nil {
			t.Errorf("%q is accepted", in)
		} else if strings.Contains(err.Error(), "5ecr3t") {
			t.Errorf("the error shows the credential: %v", err)
		}
	}
}

func TestRotatedTokenIsUsedByTheNextRequest(t *testing.T) {
	var seen []string
	token := "one"
	source := func(context.Context) (secret.Value, error) { return secret.New(token), nil }
	c := clientOf(t, platform.Options{Identity: platform.Bearer(source)}, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		io.WriteString(w, `{"id":"u"}`)
	})
	for _, token = range []string{"one", "two"} {
		if _, err := c.Me(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"Bearer one", "Bearer two"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestUnusableCredentialIsNotSent(t *testing.T) {
	broken := errors.New("token file is gone")
	for name, id := range map[string]platform.Identity{
		"source fails":       platform.Bearer(func(context.Context) (secret.Value, error) { return secret.Value{}, broken }),
		"empty":              platform.APIKey(platform.Fixed(secret.Value{})),
		"line feed in token": platform.Bearer(platform.Fixed(secret.New(canary + "\nX-Evil: 1"))),
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(t, platform.Options{Identity: id},
				func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
			_, err := c.Pull(t.Context(), platform.PullRequest{Repository: "release"})
			if platform.ClassOf(err) != platform.ClassNotSent || platform.OutcomeUnknown(err) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "5ecr3t") {
				t.Errorf("the error shows the credential: %v", err)
			}
		})
	}
}

// No error and no result shows a credential, even if the server repeats it.
func TestCanary(t *testing.T) {
	id := platform.Join(platform.Bearer(platform.Fixed(secret.New(canary))),
		platform.APIKey(platform.Fixed(secret.New("iak_org_5ecr3t"))))
	for _, status := range []int{200, 302, 400, 401, 403, 404, 408, 423, 429, 500} {
		for _, body := range []string{
			`{"error":"X","message":"bad token ` + canary + ` and key iak_org_5ecr3t"}`,
			`{"error":{"code":"` + canary + `","message":"iak_org_5ecr3t"}}`,
			`<html>` + canary, canary,
			`{"repositoryId":"release","errors":["` + canary + `"],"services":{"events":{"errors":["` + canary + `"]}},"id":"` + canary + `"}`,
			`{"result":{"events":[{"type":"error","error":{"message":"` + canary + `"}}]}}`,
		} {
			c := clientOf(t, platform.Options{Identity: id}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1/"+canary)
				w.WriteHeader(status)
				io.WriteString(w, body)
			})
			for name, do := range calls {
				if err := do(t.Context(), c); strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "5ecr3t") {
					t.Errorf("%s, status %d: the error shows the credential: %v", name, status, err)
				}
			}
			pull, _ := c.Pull(t.Context(), platform.PullRequest{Repository: "release"})
			user, _ := c.Me(t.Context())
			if got := fmt.Sprintf("%+v %+v %+v", pull, pull.Report, user); strings.Contains(got, "5ecr3t") {
				t.Errorf("status %d: the result shows the credential: %s", status, got)
			}
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer other.Close()
	_, err := answering(t, http.StatusFound, "", "Location", other.URL).Platform(t.Context())
	if platform.ClassOf(err) != platform.ClassRejected || !strings.Contains(err.Error(), "redirect") {
		t.Errorf("got %v", err)
	}
}

func TestObserverHearsOfEveryRequest(t *testing.T) {
	type heard struct {
		Op   platform.Op
		Code string
	}
	var got []heard
	observe := func(op platform.Op, code string, d time.Duration) {
		if d <= 0 {
			t.Errorf("%s took %s", op, d)
		}
		got = append(got, heard{op, code})
	}
	c := clientOf(t, platform.Options{Observer: observe}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v2/me":
			w.WriteHeader(401)
		case "/sys/healthcheck":
			io.WriteString(w, `{"healthy":true}`)
		case "/v2/readiness":
			w.WriteHeader(400)
			io.WriteString(w, `{"services":{}}`)
		default:
			panic(http.ErrAbortHandler)
		}
	})
	for _, name := range []string{"me", "healthcheck", "readiness", "pull"} {
		_ = calls[name](t.Context(), c) // only the observer matters
	}
	want := []heard{{platform.OpMe, "401"}, {platform.OpHealthcheck, "200"}, {platform.OpReadiness, "400"},
		{platform.OpPull, "interrupted"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMeta(t *testing.T) {
	c := answering(t, 200, `{"healthy":true}`, "Date", "Sat, 01 Aug 2026 10:00:00 GMT", "X-Correlation-Id", "corr\t-9")
	meta, err := c.Healthcheck(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := platform.Meta{Date: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), CorrelationID: "corr -9"}
	if diff := cmp.Diff(want, meta); diff != "" {
		t.Error(diff)
	}
}

func TestNamesForMetricsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for c := platform.ClassNotSent; c <= platform.ClassNotUp; c++ {
		if c.String() == "unknown" || seen[c.String()] {
			t.Errorf("class %d is called %s", c, c)
		}
		seen[c.String()] = true
	}
	for _, op := range platform.Ops() {
		if seen[string(op)] {
			t.Errorf("operation %s is listed twice", op)
		}
		seen[string(op)] = true
	}
	if got := platform.Class(99).String(); got != "unknown" {
		t.Errorf("got %s", got)
	}
}

func TestShortTrialTokenDoesNotBreakAnswers(t *testing.T) {
	token := platform.Bearer(platform.Fixed(secret.New("t")))
	c := clientOf(t, platform.Options{Identity: token}, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"healthy":true}`)
	})
	if _, err := c.Healthcheck(t.Context()); err != nil {
		t.Error(err)
	}
}
