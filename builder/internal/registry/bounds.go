// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
)

const (
	// documentTimeout limits a request for a document, with its body and its retries.
	documentTimeout = 5 * time.Minute
	// stallTimeout limits how long the transfer of a blob may move no byte. A registry
	// may take minutes to store a large blob before it answers.
	stallTimeout = 10 * time.Minute
)

// bodyCloser closes the body of a failed request, as [http.RoundTripper] requires. Otherwise the
// writer of a pipe would block forever.
type bodyCloser struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t bodyCloser) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil && req.Body != nil {
		req.Body.Close()
	}
	return resp, err
}

// limits bounds documents in size and time, and blob transfers by [stallTimeout].
type limits struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t limits) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.URL.Path, "/blobs/") {
		return t.transferBlob(req)
	}
	ctx, cancel := context.WithTimeout(req.Context(), documentTimeout)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	document := limit.NewReader(resp.Body, req.URL.Host+req.URL.Path, MaxDocument)
	resp.Body = &boundedBody{Reader: document, body: resp.Body, done: cancel}
	return resp, nil
}

// transferBlob sends req, and cancels it when no byte has moved for [stallTimeout].
func (t limits) transferBlob(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	stalled := &stallError{host: req.URL.Host, after: stallTimeout}
	timer := time.AfterFunc(stallTimeout, func() { cancel(stalled) })
	explain := func(err error) error {
		if errors.Is(context.Cause(ctx), stalled) {
			return stalled
		}
		return err
	}
	end := func() {
		timer.Stop()
		cancel(nil)
	}
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &watchedBody{ReadCloser: req.Body, timer: timer, explain: explain}
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		err = explain(err)
		end()
		return nil, err
	}
	timer.Reset(stallTimeout)
	resp.Body = &watchedBody{ReadCloser: resp.Body, timer: timer, explain: explain, end: end}
	return resp, nil
}

// watchedBody restarts the timer of a transfer with every read.
type watchedBody struct {
	io.ReadCloser
	timer   *time.Timer
	explain func(error) error
	end     func() // nil for request bodies
}

// Read implements [io.Reader].
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.timer.Reset(stallTimeout)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.explain(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (b *watchedBody) Close() error {
	if b.end != nil {
		defer b.end()
	}
	return b.ReadCloser.Close()
}

// stallError reports a transfer that moved no byte for too long.
type stallError struct {
	host  string
	after time.Duration
}

// Error implements error.
func (e *stallError) Error() string {
	return fmt.Sprintf("%s: the transfer of a blob has moved no byte for %v", e.host, e.after)
}

// boundedBody closes a body that is read through a limit, and ends its request.
type boundedBody struct {
	io.Reader
	body io.Closer
	done context.CancelFunc
}

// Close implements [io.Closer].
func (b *boundedBody) Close() error {
	defer b.done()
	return b.body.Close()
}
