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

	"github.com/prismeai/workspaces-release/internal/sse"
)

// PushRequest asks for a bulk push (contract §2).
type PushRequest struct {
	// Repository is the id of the platform repository that is pushed to.
	Repository string
	// Groups whose workspaces are pushed.
	Groups []string
	// Name and Description of the version; the platform makes up a name for none.
	Name, Description string
	// Force pushes workspaces too that have not changed since their last push.
	Force bool
	// DryRun asks only what would be pushed.
	DryRun bool
	// Wait is how long the push is watched, in whole seconds. 0 leaves it to the
	// platform, and to [Options.Timeout].
	Wait time.Duration
}

func (r *PushRequest) body() map[string]any {
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

// PushResult is the answer of a push that was accepted.
type PushResult struct {
	Meta
	// Report is nil when the push goes on and its events tell the end.
	Report *PushReport
}

// Push starts a bulk push and watches it: step, which may be nil, hears of each event
// of the stream as it comes. The answer may be one document instead of a stream. A stream
// that ends without a summary is an error for which [OutcomeUnknown] reports true; ending
// ctx ends the watching, not the push.
func (c *Client) Push(ctx context.Context, r PushRequest, step func(PushEvent)) (PushResult, error) {
	k := call{op: OpPush, method: http.MethodPost, path: "/v2/workspaces/platform/versions", query: url.Values{"sse": {"true"}},
		body: r.body(), media: "text/event-stream, application/json"}
	if r.Wait > 0 {
		k.query.Set("timeout", strconv.Itoa(int(r.Wait/time.Second)))
		k.timeout = r.Wait + c.opts.Grace
	}
	if step == nil {
		step = func(PushEvent) {}
	}
	start := time.Now()
	a, report, failure := c.watch(ctx, k, &pushWatch{dryRun: r.DryRun, step: step})
	c.opts.Observer(k.op, observedCode(a, failure), time.Since(start))
	if failure != nil {
		return PushResult{Meta: a.meta}, failure
	}
	return PushResult{Meta: a.meta, Report: report}, nil
}

// pushWatch is what was heard of a push.
type pushWatch struct {
	dryRun     bool
	step       func(PushEvent)
	report     *PushReport
	problem    *Problem
	processing bool
}

// hear takes a step. A dry run may end with what it found at its start.
func (w *pushWatch) hear(e *PushEvent) {
	w.step(*e)
	switch {
	case e.Completed != nil:
		w.report = e.Completed
	case e.Started != nil && w.dryRun:
		w.report = e.Started.categories()
	case e.Problem != nil:
		w.problem = e.Problem
	case e.Processing:
		w.processing = true
	}
}

// ended reports whether nothing more is to be heard after the last byte.
func (w *pushWatch) ended() bool { return w.problem == nil && (w.report != nil || w.processing) }

func (c *Client) watch(ctx context.Context, k call, w *pushWatch) (answer, *PushReport, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(k.timeout, c.opts.Timeout), errTimeout)
	defer cancel()
	resp, a, failure := c.send(ctx, k)
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

// readDocument reads an answer that is no stream: a summary, or that the push goes on.
func (c *Client) readDocument(ctx context.Context, k call, a *answer, body io.Reader, w *pushWatch) *Error {
	var only json.RawMessage
	if failure := c.readAll(ctx, k, a, body); failure != nil {
		return failure
	}
	if failure := c.judge(k, *a, &only); failure != nil {
		return failure
	}
	if e, err := decodePush("", only); err == nil {
		w.hear(e)
	}
	if !w.ended() {
		return a.error(k.op, ClassMalformed, describeGarbage(*a))
	}
	return nil
}

// isStream tells a stream by its first byte: no line of one begins as a document does,
// whatever the header of the answer says. White space means nothing in either.
func isStream(body *bufio.Reader) bool {
	for {
		b, err := body.ReadByte()
		if err != nil {
			return false
		}
		if bytes.ContainsRune([]byte(" \t\r\n"), rune(b)) {
			continue
		}
		_ = body.UnreadByte() // a byte has just been read
		return b != '{' && b != '[' && b != '<'
	}
}

// readStream reads events up to the summary.
func (c *Client) readStream(ctx context.Context, k call, a *answer, body io.Reader, w *pushWatch) *Error {
	for events := sse.NewReader(body, int(c.opts.MaxBody)); ; {
		e, err := events.Next()
		if errors.Is(err, io.EOF) && w.ended() {
			return nil
		}
		if err != nil {
			return a.unfinished(ctx, k.op, err, w.problem)
		}
		for _, p := range decodeStep(e.Name, mask([]byte(e.Data), a.sent)) {
			w.hear(p)
			if p.Completed != nil {
				return nil
			}
		}
	}
}

// unfinished is the error of a stream without a summary. What the platform said is more
// than how the connection ended.
func (a *answer) unfinished(ctx context.Context, op Op, err error, told *Problem) *Error {
	switch {
	case errors.Is(err, sse.ErrTooLarge):
		return a.error(op, ClassTooLarge, err.Error())
	case told != nil:
		e := a.error(op, ClassServer, told.Message)
		e.Code, e.Err = told.Code, err
		return e
	case errors.Is(err, io.EOF):
		return a.broken(ctx, op, errors.New("the stream ended without its summary"))
	}
	return a.broken(ctx, op, err)
}

// decodeStep decodes the data of an event. Servers that forget blank lines put several
// documents into one; what is no document of a push tells nothing.
func decodeStep(name string, data []byte) (steps []*PushEvent) {
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return steps
		}
		if e, err := decodePush(name, raw); err == nil {
			steps = append(steps, e)
		}
	}
}
