// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

// transientStatus are the statuses after which a read is retried.
var transientStatus = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// formType is the content type of token requests by POST.
const formType = "application/x-www-form-urlencoded"

// retries repeats requests that failed for a transient reason.
//
// It repeats reads, token requests, and requests without a body on a connection that the server had
// already closed. BuildKit repeats uploads: it tries each blob four times within 7 s after a 5xx, a
// reset or an EOF. containerd's pusher, below it, repeats a 429 five times without a pause, and
// BuildKit then gives up. So retries also repeats a 429 for an upload that has not started, and
// delays any other 429 for as long as the registry asks. After a 429, all requests to that host are
// spaced out.
//
// When it gives up, it returns an error instead of the last response, and hides the cause of that
// error: otherwise the layers above would start again.
type retries struct {
	next     http.RoundTripper
	attempts int
	// first is the delay after the first attempt; it doubles up to longest.
	first   time.Duration
	longest time.Duration
	// longestAsked is the maximum Retry-After. If the registry asks for more, the request fails.
	longestAsked time.Duration
	pace         pacer
}

// newRetries returns a transport with five attempts within about 4 s, unless the registry asks for
// more.
func newRetries(next http.RoundTripper) *retries {
	return &retries{
		next:         next,
		attempts:     5,
		first:        250 * time.Millisecond,
		longest:      4 * time.Second,
		longestAsked: time.Minute,
		pace:         pacer{firstGap: firstGap, longestGap: longestGap},
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *retries) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := t.sendRequest(req)
		cause := transientCause(resp, err)
		if cause == "" {
			return resp, hideCause(err)
		}
		asked := askedWait(resp)
		gaveUp := &exhaustedError{host: req.URL.Host, attempts: attempt, cause: cause, asked: asked}
		if asked > t.longestAsked {
			drainResponse(resp)
			return nil, gaveUp
		}
		wait := max(asked, backoff.Jitter(backoff.Exponential{First: t.first, Max: t.longest}.Delay(attempt-1)))
		if !isRepeatable(req, resp, err) {
			return delayTooMany(req.Context(), wait, cause, resp, err)
		}
		if resp != nil {
			drainResponse(resp)
		}
		if attempt == t.attempts {
			return nil, gaveUp
		}
		if err := pauseRequest(req.Context(), wait, cause); err != nil {
			return nil, err
		}
		if req, err = rewindBody(req); err != nil {
			return nil, err
		}
	}
}

// sendRequest sends the request when it is the host's turn.
func (t *retries) sendRequest(req *http.Request) (*http.Response, error) {
	if err := t.pace.waitForTurn(req.Context(), req.URL.Host); err != nil {
		return nil, err
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		t.pace.slowDown(req.URL.Host)
	}
	if isClosedIdle(err) {
		// BuildKit repeats an upload after io.EOF; the error of net/http has no type.
		err = fmt.Errorf("%w: %w", err, io.EOF)
	}
	return resp, err
}

// delayTooMany returns the result of a request that cannot be repeated here. It delays a 429.
func delayTooMany(
	ctx context.Context, wait time.Duration, cause string, resp *http.Response, err error,
) (*http.Response, error) {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		return resp, err
	}
	if err := pauseRequest(ctx, wait, cause); err != nil {
		drainResponse(resp)
		return nil, err
	}
	return resp, nil
}

// transientCause describes a transient failure, or returns "".
func transientCause(resp *http.Response, err error) string {
	if err != nil {
		for _, e := range []error{syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
			if errors.Is(err, e) {
				return "connection lost: " + e.Error()
			}
		}
		return ""
	}
	if slices.Contains(transientStatus, resp.StatusCode) {
		return fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return ""
}

// isClosedIdle reports whether the server had closed the connection before it read the
// request. net/http (Go 1.26) has no exported error for it.
func isClosedIdle(err error) bool {
	return err != nil && phrases.Says(err, closedBeforeUse)
}

// isRepeatable reports whether req may be sent again after resp, or after err if there
// is no response.
func isRepeatable(req *http.Request, resp *http.Response, err error) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return true
	}
	if req.Body == nil || req.Body == http.NoBody {
		isTooMany := resp != nil && resp.StatusCode == http.StatusTooManyRequests
		return isClosedIdle(err) || req.Method == http.MethodPost && isTooMany
	}
	isToken := strings.HasPrefix(req.Header.Get("Content-Type"), formType) && req.GetBody != nil
	return req.Method == http.MethodPost && isToken
}

// rewindBody returns a copy of req with a fresh body.
func rewindBody(req *http.Request) (*http.Request, error) {
	next := req.Clone(req.Context())
	if req.GetBody == nil {
		return next, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("repeat request: %w", err)
	}
	next.Body = body
	return next, nil
}

// askedWait returns how long the registry asks to wait.
func askedWait(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	return backoff.RetryAfter(resp.Header.Get("Retry-After"), time.Now())
}

// exhaustedError reports a transient failure that persisted.
type exhaustedError struct {
	host     string
	attempts int
	cause    string
	// asked is how long the registry asked to wait before the next attempt.
	asked time.Duration
}

// Error implements error.
func (e *exhaustedError) Error() string {
	attempts := fmt.Sprintf("%d attempts", e.attempts)
	if e.attempts == 1 {
		attempts = "1 attempt"
	}
	text := fmt.Sprintf("%s failed in %s, the last time with: %s", e.host, attempts, e.cause)
	if e.asked > 0 {
		text += fmt.Sprintf("; it asks to wait %v", e.asked.Round(time.Second))
	}
	return text
}

// transportError hides a time-out in its cause: containerd would repeat a dial of 15 s five times.
type transportError struct{ err error }

// hideCause wraps an error so that it is not repeated.
func hideCause(err error) error {
	if err == nil {
		return nil
	}
	return &transportError{err}
}

// Error implements error.
func (e *transportError) Error() string { return e.err.Error() }

// Unwrap returns the cause, such as an untrusted certificate.
func (e *transportError) Unwrap() error { return e.err }
