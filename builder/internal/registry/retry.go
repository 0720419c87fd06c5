// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// transientStatus are the answers after which the same question is worth asking again.
var transientStatus = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// formType is the content type of requests for tokens that are POSTs.
const formType = "application/x-www-form-urlencoded"

// retries repeats what failed for a passing reason.
//
// It repeats reads and requests for tokens. Uploads are repeated by BuildKit, which
// tries each blob four times within 7 s after a 5xx, a reset or an EOF; but
// containerd's pusher, below it, answers 429 by five attempts without a pause and
// BuildKit then gives up. So a 429 to an upload that has not begun is repeated here,
// and any other 429 is held back for as long as the registry asked for.
//
// When it gives up it returns an error instead of the last response, and one that
// hides its cause: the layers above would take either as a reason to start again.
type retries struct {
	next     http.RoundTripper
	attempts int
	// first is the wait after the first attempt; it doubles up to longest.
	first, longest time.Duration
	// longestAsked caps what a registry may ask for by Retry-After.
	longestAsked time.Duration
}

// newRetries makes five attempts within about 4 s, unless the registry asks for more.
func newRetries(next http.RoundTripper) *retries {
	return &retries{
		next:         next,
		attempts:     5,
		first:        250 * time.Millisecond,
		longest:      4 * time.Second,
		longestAsked: 30 * time.Second,
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *retries) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := t.next.RoundTrip(req)
		cause := transient(resp, err)
		if cause == "" {
			return resp, opaque(err)
		}
		wait := t.wait(attempt, resp)
		if !repeatable(req, resp) {
			return t.paced(req.Context(), wait, resp, err)
		}
		if resp != nil {
			discard(resp)
		}
		if attempt == t.attempts {
			return nil, &exhaustedError{host: req.URL.Host, attempts: attempt, cause: cause}
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if req, err = again(req); err != nil {
			return nil, err
		}
	}
}

// paced returns the outcome of a request that cannot be repeated here, a 429 after a wait.
func (t *retries) paced(ctx context.Context, wait time.Duration, resp *http.Response, err error) (*http.Response, error) {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		return resp, err
	}
	if err := sleep(ctx, wait); err != nil {
		discard(resp)
		return nil, err
	}
	return resp, nil
}

// transient says what passing fault it was, or nothing.
func transient(resp *http.Response, err error) string {
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

// repeatable reports whether req may be sent again after resp; nil is a lost connection.
func repeatable(req *http.Request, resp *http.Response) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPost:
		isToken := strings.HasPrefix(req.Header.Get("Content-Type"), formType) && req.GetBody != nil
		noBody := req.Body == nil || req.Body == http.NoBody
		return isToken || noBody && resp != nil && resp.StatusCode == http.StatusTooManyRequests
	}
	return false
}

// again returns a copy of req with its body at the beginning.
func again(req *http.Request) (*http.Request, error) {
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

// wait returns the pause after an attempt: exponential, the upper half of it
// random, and no shorter than what the registry asked for.
func (t *retries) wait(attempt int, resp *http.Response) time.Duration {
	d := min(t.first<<(attempt-1), t.longest)
	d = d/2 + rand.N(d/2+1)
	if resp != nil {
		d = max(d, min(retryAfter(resp.Header.Get("Retry-After")), t.longestAsked))
	}
	return d
}

// retryAfter decodes both forms of the header: seconds and a date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// sleep waits for d or for the end of ctx, whose cause it returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// exhaustedError says that a fault did not pass.
type exhaustedError struct {
	host     string
	attempts int
	cause    string
}

// Error implements error.
func (e *exhaustedError) Error() string {
	return fmt.Sprintf("%s gave no good answer in %d attempts, the last was: %s", e.host, e.attempts, e.cause)
}

// transportError keeps a time-out from being seen as one, for the reason that
// [retries] gives: containerd would repeat a dial of 15 s five times.
type transportError struct{ err error }

// opaque wraps an error that is not repeated.
func opaque(err error) error {
	if err == nil {
		return nil
	}
	return &transportError{err}
}

// Error implements error.
func (e *transportError) Error() string { return e.err.Error() }

// Unwrap gives the cause, such as a certificate that is not trusted.
func (e *transportError) Unwrap() error { return e.err }
