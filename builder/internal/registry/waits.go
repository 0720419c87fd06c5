// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

// waits records requests without a response.
type waits struct {
	next http.RoundTripper

	mu   sync.Mutex
	open map[*wait]bool
}

// wait is a request without a response.
type wait struct {
	request string
	since   time.Time
	// pause is the reason why the request has not been sent yet; empty once it has been.
	pause string
}

// pauseKey is the context key of a func(string) that sets the pause of a wait.
type pauseKey struct{}

// RoundTrip implements [http.RoundTripper].
func (w *waits) RoundTrip(req *http.Request) (*http.Response, error) {
	entry := &wait{request: describeRequest(req), since: time.Now()}
	w.mu.Lock()
	w.open[entry] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.open, entry)
		w.mu.Unlock()
	}()
	setPause := func(text string) {
		w.mu.Lock()
		entry.pause = text
		w.mu.Unlock()
	}
	return w.next.RoundTrip(req.WithContext(context.WithValue(req.Context(), pauseKey{}, setPause)))
}

// describeRequest describes a request without its query.
func describeRequest(req *http.Request) string {
	what := "a request"
	switch {
	case strings.Contains(req.URL.Path, "/blobs/uploads/"):
		what = "an upload"
	case strings.Contains(req.URL.Path, "/blobs/"):
		what = "a blob"
	case strings.Contains(req.URL.Path, "/manifests/"):
		what = "a manifest"
	case strings.Contains(req.URL.Path, "token"):
		what = "a token"
	}
	return fmt.Sprintf("%s to answer a %s for %s", req.URL.Host, req.Method, what)
}

// Waits describes the oldest request without a response, if it is at least min old, else "".
func (c *Client) Waits(min time.Duration) string {
	c.waits.mu.Lock()
	defer c.waits.mu.Unlock()
	var longest *wait
	for entry := range c.waits.open {
		if longest == nil || entry.since.Before(longest.since) {
			longest = entry
		}
	}
	if longest == nil {
		return ""
	}
	waited := time.Since(longest.since)
	if waited < min {
		return ""
	}
	text := fmt.Sprintf("waiting for %s, for %v", longest.request, waited.Round(time.Second))
	if longest.pause != "" {
		text += ": " + longest.pause
	}
	return text
}

// pauseRequest sleeps for d and records the reason meanwhile.
func pauseRequest(ctx context.Context, d time.Duration, cause string) error {
	if setPause, ok := ctx.Value(pauseKey{}).(func(string)); ok {
		setPause(fmt.Sprintf("%s; the next attempt is at most %v away", cause, d.Round(time.Second)))
		defer setPause("")
	}
	return backoff.Sleep(ctx, d)
}
