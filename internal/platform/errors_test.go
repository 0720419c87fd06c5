// SPDX-License-Identifier: Apache-2.0

package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

func pullError(t *testing.T, c *platform.Client) *platform.Error {
	t.Helper()
	_, err := c.Pull(t.Context(), platform.PullRequest{Repository: "release", Groups: []string{"base1"}})
	e, ok := errors.AsType[*platform.Error](err)
	if !ok {
		t.Fatalf("got %v instead of a platform error", err)
	}
	return e
}

func TestRefusalsOfAPull(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       platform.Error
		unknown    bool
	}{
		{"flat", `{"error":"AuthenticationError","message":"no token"}`, 401,
			platform.Error{Class: platform.ClassUnauthorized, Code: "AuthenticationError", Message: "no token"}, false},
		{"nested", `{"error":{"code":"forbidden","message":"not you","requestId":"r-1","details":{}}}`, 403,
			platform.Error{Class: platform.ClassForbidden, Code: "forbidden", Message: "not you", CorrelationID: "r-1"}, false},
		{"unknown repository", `{"error":"ObjectNotFound","message":"Unknown platform repository"}`, 404,
			platform.Error{Class: platform.ClassNotFound, Code: "ObjectNotFound", Message: "Unknown platform repository"},
			false},
		{"bad parameters", `{"error":"BadParameters","message":"invalid blocks"}`, 400,
			platform.Error{Class: platform.ClassRejected, Code: "BadParameters", Message: "invalid blocks"}, false},
		{"locked by text, 400", `{"error":"PrismeError","message":"Workspace is locked by user"}`, 400,
			platform.Error{Class: platform.ClassLocked, Code: "PrismeError", Message: "Workspace is locked by user"}, false},
		{"locked by name, 403", `{"error":"WriteLockError","message":"no"}`, 403,
			platform.Error{Class: platform.ClassLocked, Code: "WriteLockError", Message: "no"}, false},
		{"in progress, 409", `{"error":"Conflict","message":"pull_in_progress"}`, 409,
			platform.Error{Class: platform.ClassLocked, Code: "Conflict", Message: "pull_in_progress"}, false},
		{"merge conflict, 409", `{"error":{"code":"conflict","message":"merge_conflict"}}`, 409,
			platform.Error{Class: platform.ClassLocked, Code: "conflict", Message: "merge_conflict"}, false},
		{"other conflict", `{"error":"AlreadyUsedError","message":"slug"}`, 409,
			platform.Error{Class: platform.ClassRejected, Code: "AlreadyUsedError", Message: "slug"}, false},
		{"423 without text", `{}`, 423, platform.Error{Class: platform.ClassLocked, Message: "{}"}, false},
		{"rate limited", `{"error":"TooManyRequests","message":"slow","details":{"retryAfter":12.5}}`, 429,
			platform.Error{Class: platform.ClassRateLimited, Code: "TooManyRequests", Message: "slow",
				RetryAfter: 12500 * time.Millisecond}, false},
		{"rate limited, nested", `{"error":{"code":"too_many","message":"slow","details":{"retryAfter":"2"}}}`, 429,
			platform.Error{Class: platform.ClassRateLimited, Code: "too_many", Message: "slow", RetryAfter: 2 * time.Second},
			false},
		{"gateway time-out", `{"error":"TimeoutError","timeout":60000}`, 408,
			platform.Error{Class: platform.ClassTimeout, Code: "TimeoutError", Message: "TimeoutError"}, true},
		{"gateway cannot reach", `{"error":"Internal","message":"Internal server error","success":false}`, 500,
			platform.Error{Class: platform.ClassServer, Code: "Internal", Message: "Internal server error"}, true},
		{"html of a proxy", "<html>", 502,
			platform.Error{Class: platform.ClassServer,
				Message: "the response is HTML, not the platform's: check the platform URL and proxies"}, true},
		{"text of a proxy", "no healthy upstream\n", 503,
			platform.Error{Class: platform.ClassServer,
				Message: "the response is plain text, not the platform's: check the platform URL and proxies"}, true},
		{"cut JSON", `{"error":"Inter`, 500, platform.Error{Class: platform.ClassServer, Message: "the response of 15 bytes is not valid JSON"}, true},
		{"binary", "\x00\x01", 500, platform.Error{Class: platform.ClassServer, Message: "the response of 2 bytes is not valid JSON"}, true},
		{"empty", "", 503, platform.Error{Class: platform.ClassServer, Message: "the response is empty"}, true},
		{"created", "{}", 201, platform.Error{Class: platform.ClassMalformed, Message: "{}"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Successful responses carry Retry-After as well, so only a 429 may use it.
			e := pullError(t, answering(t, c.status, c.body, "Retry-After", "60"))
			c.want.Op, c.want.Status, c.want.Sent = platform.OpPull, c.status, true
			if diff := cmp.Diff(&c.want, e); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := platform.OutcomeUnknown(e); got != c.unknown {
				t.Errorf("OutcomeUnknown is %t", got)
			}
		})
	}
}

func TestLockTextMattersToPullsOnly(t *testing.T) {
	_, err := answering(t, 403, `{"error":"ForbiddenError","message":"your account is locked"}`).Platform(t.Context())
	if got := platform.ClassOf(err); got != platform.ClassForbidden {
		t.Errorf("got %s", got)
	}
}

func TestRetryAfterHeaderOf429(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "-3": 0, "NaN": 0, "1e300": 0, "soon": 0,
		"Sat, 01 Aug 2026 10:00:09 GMT": 9 * time.Second, "Sat, 01 Aug 2026 09:00:00 GMT": 0,
	} {
		e := pullError(t, answering(t, 429, "{}", "Retry-After", header, "Date", "Sat, 01 Aug 2026 10:00:00 GMT"))
		if e.RetryAfter != want {
			t.Errorf("%q means %s, want %s", header, e.RetryAfter, want)
		}
	}
}

func TestForeignResponses(t *testing.T) {
	for name, body := range map[string]string{
		"html": "<!DOCTYPE html>", "text": "ok", "empty": "", "truncated": `{"repositoryId":"rel`, "null": "null",
		"array": "[]", "no known field": `{"ok":true}`, "two documents": `{"processing":true}{}`, "report of wrong types": `{"repositoryId":"release","workspaces":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			e := pullError(t, answering(t, 200, body))
			if e.Class != platform.ClassMalformed || !platform.OutcomeUnknown(e) || e.Message == "" {
				t.Errorf("got %v", e)
			}
		})
	}
}

func TestAnswerIsBounded(t *testing.T) {
	for size, want := range map[int]platform.Class{1000: platform.ClassNone, 1001: platform.ClassTooLarge} {
		body := `{"healthy":true,"x":"` + strings.Repeat("x", size-23) + `"}`
		c := clientOf(t, platform.Options{MaxBody: 1000},
			func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		_, err := c.Healthcheck(t.Context())
		if got := platform.ClassOf(err); len(body) != size || got != want {
			t.Errorf("%d bytes of %d are %s, want %s", len(body), size, got, want)
		}
	}
}

func TestErrorTextIsBoundedAndPrintable(t *testing.T) {
	e := pullError(t, answering(t, 400, `{"error":"X","message":"a\u001b[31m`+strings.Repeat("é", 5000)+`"}`))
	if len(e.Message) > 2100 || strings.ContainsRune(e.Message, 0x1b) || !strings.HasSuffix(e.Message, "…") {
		t.Errorf("%d bytes: %.30q", len(e.Message), e.Message)
	}
}

func TestErrorNamesWhatAPersonNeeds(t *testing.T) {
	e := pullError(t, answering(t, 403, `{"error":"ForbiddenError","message":"no"}`, "X-Correlation-Id", "c-1"))
	const want = "platform pull: HTTP 403 (forbidden): ForbiddenError: no [correlation id c-1]"
	if got := e.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestClosedPortIsNotSent(t *testing.T) {
	e := pullError(t, newClient(t, platform.Options{BaseURL: "http://" + needs.FreeAddress(t)}))
	if e.Class != platform.ClassNotSent || e.Sent || platform.OutcomeUnknown(e) {
		t.Errorf("got %+v", e)
	}
}

func TestBrokenConnections(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    platform.Class
	}{
		"reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, platform.ClassInterrupted},
		"cut in the body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"repositoryId":`)
			panic(http.ErrAbortHandler)
		}, platform.ClassInterrupted},
		"no answer": {func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, platform.ClassTimeout},
		"stalls in the body": {func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, `{"repo`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, platform.ClassTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := pullError(t, clientOf(t, platform.Options{Timeout: platformtest.TimeoutFor(c.want)}, c.handler))
			if e.Class != c.want || !e.Sent || !platform.OutcomeUnknown(e) {
				t.Errorf("got %+v, want class %s", e, c.want)
			}
			if strings.Contains(e.Error(), "127.0.0.1/") {
				t.Errorf("the error repeats the address: %v", e)
			}
		})
	}
}

func TestCanceledKeepsItsCause(t *testing.T) {
	cause := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := clientOf(t, platform.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		cancel(cause)
		<-r.Context().Done()
	})
	_, err := c.Healthcheck(ctx)
	if platform.ClassOf(err) != platform.ClassCanceled || !errors.Is(err, cause) || !platform.OutcomeUnknown(err) {
		t.Errorf("got %v", err)
	}
	_, err = c.Healthcheck(ctx)
	if platform.OutcomeUnknown(err) || platform.ClassOf(err) != platform.ClassCanceled || !errors.Is(err, cause) {
		t.Errorf("a request after the end of the context: %v", err)
	}
}

type silent struct{}

func (silent) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.EOF }

func TestTransportWithoutTraceMayHaveSent(t *testing.T) {
	e := pullError(t, newClient(t, platform.Options{BaseURL: "http://h", Transport: silent{}}))
	want := &platform.Error{Op: platform.OpPull, Class: platform.ClassInterrupted, Message: "EOF", Sent: true}
	if diff := cmp.Diff(want, e, cmpopts.IgnoreFields(platform.Error{}, "Err")); diff != "" || !errors.Is(e, io.EOF) {
		t.Error(e.Err, diff)
	}
}

func TestForeignErrorsHaveNoClass(t *testing.T) {
	for _, err := range []error{nil, io.EOF} {
		if platform.ClassOf(err) != platform.ClassNone || platform.OutcomeUnknown(err) {
			t.Errorf("%v has a class", err)
		}
	}
	wrapped := fmt.Errorf("group base1: %w", &platform.Error{Class: platform.ClassServer, Sent: true})
	if platform.ClassOf(wrapped) != platform.ClassServer || !platform.OutcomeUnknown(wrapped) {
		t.Error("a wrapped error lost its class")
	}
}
