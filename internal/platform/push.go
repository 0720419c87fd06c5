// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/sse"
)

// PushRequest requests a bulk push (platform contract §2).
type PushRequest struct {
	// Repository is the ID of the target platform repository.
	Repository string
	// Groups are the groups whose workspaces to push.
	Groups []string
	// Name and Description of the version. If Name is empty, the platform generates one.
	Name, Description string
	// Force also pushes workspaces that have not changed since their last push.
	Force bool
	// DryRun reports what would be pushed, and pushes nothing.
	DryRun bool
	// Wait is how long to watch the push, rounded down to seconds. 0 means the platform's default,
	// within [Options.Timeout].
	Wait time.Duration
}

func (r *PushRequest) encodeBody() map[string]any {
	body := map[string]any{"repository": map[string]string{"id": r.Repository}, "groups": r.Groups}
	for name, value := range map[string]string{"name": r.Name, "description": r.Description} {
		if value != "" {
			body[name] = value
		}
	}
	for name, value := range map[string]bool{"force": r.Force, "dryRun": r.DryRun} {
		if value {
			body[name] = true
		}
	}
	return body
}

// PushResult is the response to an accepted push.
type PushResult struct {
	Meta
	// Report is nil if the push is still running. Its events report the end.
	Report *PushReport
}

// Push starts a bulk push and watches it. It calls step, which may be nil, for each event of the
// stream. The platform may respond with a single document instead of a stream. A stream that ends
// without a summary is an error for which [OutcomeUnknown] returns true. Cancelling ctx stops
// watching, not the push.
func (c *Client) Push(ctx context.Context, r PushRequest, step func(PushEvent)) (PushResult, error) {
	k := call{
		op:     OpPush,
		method: http.MethodPost,
		path:   "/v2/workspaces/platform/versions",
		query:  url.Values{"sse": {"true"}},
		body:   r.encodeBody(),
		media:  "text/event-stream, application/json",
	}
	if r.Wait > 0 {
		k.query.Set("timeout", strconv.Itoa(int(r.Wait/time.Second)))
		k.timeout = r.Wait + c.opts.Grace
	}
	if step == nil {
		step = func(PushEvent) {}
	}
	start := time.Now()
	a, report, failure := c.watchPush(ctx, k, &pushWatch{dryRun: r.DryRun, step: step})
	c.opts.Observer(k.op, observedCode(a, failure), time.Since(start))
	if failure != nil {
		return PushResult{Meta: a.meta}, failure
	}
	return PushResult{Meta: a.meta, Report: report}, nil
}

// pushWatch collects the events of a push.
type pushWatch struct {
	dryRun     bool
	step       func(PushEvent)
	report     *PushReport
	problem    *Problem
	processing bool
}

// handleEvent handles an event. The started event may be the only event of a dry run.
func (w *pushWatch) handleEvent(e *PushEvent) {
	w.step(*e)
	switch {
	case e.Completed != nil:
		w.report = e.Completed
	case e.Started != nil && w.dryRun:
		w.report = e.Started.dryRunReport()
	case e.Problem != nil:
		w.problem = e.Problem
	case e.Processing:
		w.processing = true
	}
}

// isComplete reports whether the response is complete.
func (w *pushWatch) isComplete() bool { return w.problem == nil && (w.report != nil || w.processing) }

func (c *Client) watchPush(ctx context.Context, k call, w *pushWatch) (answer, *PushReport, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(k.timeout, c.opts.Timeout), errTimeout)
	defer cancel()
	resp, a, failure := c.sendRequest(ctx, k)
	if failure != nil {
		return a, nil, failure
	}
	defer resp.Body.Close()
	if body := bufio.NewReader(resp.Body); a.status == http.StatusOK && isStream(body) {
		failure = c.readStream(ctx, k, &a, body, w)
	} else {
		failure = c.readDocument(ctx, k, &a, body, w)
	}
	if failure != nil {
		return a, nil, failure
	}
	return a, w.report, nil
}

// readDocument reads a response that is not a stream: a summary, or a notice that the push is still
// running.
func (c *Client) readDocument(ctx context.Context, k call, a *answer, body io.Reader, w *pushWatch) *Error {
	var only json.RawMessage
	if failure := c.readBody(ctx, k, a, body); failure != nil {
		return failure
	}
	if failure := c.decodeAnswer(k, *a, &only); failure != nil {
		return failure
	}
	if e, err := decodePushEvent("", only); err == nil {
		w.handleEvent(e)
	}
	if !w.isComplete() {
		return a.newError(k.op, ClassMalformed, describeGarbage(*a))
	}
	return nil
}

// isStream recognizes a stream by its first byte other than white space, because the Content-Type
// is unreliable. Lines of a stream never start like a document.
func isStream(body *bufio.Reader) bool {
	for {
		b, err := body.ReadByte()
		if err != nil {
			return false
		}
		if bytes.ContainsRune([]byte(" \t\r\n"), rune(b)) {
			continue
		}
		_ = body.UnreadByte() // UnreadByte cannot fail after ReadByte
		return b != '{' && b != '[' && b != '<'
	}
}

// readStream reads events up to the summary.
func (c *Client) readStream(ctx context.Context, k call, a *answer, body io.Reader, w *pushWatch) *Error {
	for events := sse.NewReader(body, int(c.opts.MaxBody)); ; {
		e, err := events.Next()
		if errors.Is(err, io.EOF) && w.isComplete() {
			return nil
		}
		if err != nil {
			return a.unfinishedError(ctx, k.op, err, w.problem)
		}
		for _, p := range decodeEventData(e.Name, maskCredentials([]byte(e.Data), a.sent)) {
			w.handleEvent(p)
			if p.Completed != nil {
				return nil
			}
		}
	}
}

// unfinishedError returns the error for a stream without a summary. An error that the platform reported
// takes precedence over the error of the connection.
func (a *answer) unfinishedError(ctx context.Context, op Op, err error, reported *Problem) *Error {
	tooLarge, ok := errors.AsType[*limit.Error](err)
	switch {
	case ok:
		return a.newError(op, ClassTooLarge, tooLarge.Error())
	case reported != nil:
		e := a.newError(op, ClassServer, reported.Message)
		e.Code = reported.Code
		e.Err = err
		return e
	case errors.Is(err, io.EOF):
		return a.brokenError(ctx, op, errors.New("the stream ended without its summary"))
	}
	return a.brokenError(ctx, op, err)
}

// decodeEventData decodes the data of an event. Servers that omit blank lines put several documents into
// one event. Other documents are skipped.
func decodeEventData(name string, data []byte) (steps []*PushEvent) {
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return steps
		}
		if e, err := decodePushEvent(name, raw); err == nil {
			steps = append(steps, e)
		}
	}
}
