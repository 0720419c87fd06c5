// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Op names an operation of the client in errors and metrics.
type Op string

// The operations.
const (
	OpWorkspace   Op = "workspace"
	OpWorkspaces  Op = "workspaces"
	OpStatus      Op = "status"
	OpPull        Op = "pull"
	OpPush        Op = "push"
	OpEvents      Op = "events"
	OpReadiness   Op = "readiness"
	OpHealthcheck Op = "healthcheck"
	OpMe          Op = "me"
	OpSecrets     Op = "secrets"
	OpExport      Op = "export"
	OpImport      Op = "import"
	OpCreate      Op = "create"
	OpDetail      Op = "detail"
	OpPatch       Op = "patch"
)

// Ops lists the operations of a bulk import, so none of a push, an archive or a check, for
// metrics that start at 0.
func Ops() []Op {
	return []Op{OpWorkspace, OpWorkspaces, OpStatus, OpPull, OpEvents, OpReadiness, OpHealthcheck, OpMe}
}

// Defaults of [Options].
const (
	DefaultTimeout = 30 * time.Second
	DefaultGrace   = 15 * time.Second
	DefaultMaxBody = 32 << 20
)

// CorrelationHeader carries the correlation id of a request and its events.
const CorrelationHeader = "X-Correlation-Id"

// Observer hears of every finished request. Code is the HTTP status in decimal,
// or the name of the [Class] of a request without an answer, and [ClassNotUp].
type Observer func(op Op, code string, took time.Duration)

// Options of a [Client]. They are fixed once the client exists.
type Options struct {
	// BaseURL of the API, such as http://127.0.0.1:80, with or without /v2. Required.
	BaseURL string
	// Identity authenticates each request; nil sends none.
	Identity Identity
	// Transport carries the requests; nil means [NewTransport] with its defaults.
	Transport http.RoundTripper
	// Timeout of a whole request, [DefaultTimeout] by default. A pull or a push
	// with a Wait gets Wait and Grace instead.
	Timeout time.Duration
	// Grace is what a pull or a push may take beyond the Wait that it asks the
	// platform for, [DefaultGrace] by default.
	Grace time.Duration
	// MaxBody bounds an answer, or an event of a stream, in bytes, [DefaultMaxBody] by default.
	MaxBody int64
	// UserAgent is sent unless empty.
	UserAgent string
	// Observer may be nil.
	Observer Observer
	// Starting expects a service that is not up yet: until it has answered, a
	// proxy's answer in its place and a broken connection are [ClassNotUp].
	Starting bool
}

// Client calls one address of the platform. It is safe for concurrent use.
type Client struct {
	root     string // scheme, host and path prefix, without /v2 and final slash
	http     *http.Client
	opts     Options
	answered atomic.Bool // the platform, whatever it said
}

// New returns a client of the platform at opts.BaseURL.
func New(opts Options) (*Client, error) {
	root, err := parseBase(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	opts.Timeout = cmp.Or(opts.Timeout, DefaultTimeout)
	opts.Grace = cmp.Or(opts.Grace, DefaultGrace)
	opts.MaxBody = cmp.Or(opts.MaxBody, int64(DefaultMaxBody))
	if opts.Transport == nil {
		if opts.Transport, err = NewTransport(TransportOptions{}); err != nil {
			return nil, err
		}
	}
	if opts.Observer == nil {
		opts.Observer = func(Op, string, time.Duration) {}
	}
	// A redirect would carry identity headers to wherever it points.
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{root: root, opts: opts, http: &http.Client{Transport: opts.Transport, CheckRedirect: refuse}}, nil
}

// BaseURL returns the address of the API, without /v2.
func (c *Client) BaseURL() string { return c.root }

// CloseIdleConnections drops connections that are kept for reuse.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// parseBase accepts what the platform's own API_URL may hold, with or without /v2 (contract §9).
func parseBase(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("platform URL does not parse: give it as http://host:port or https://host")
	}
	clean, user, password := secret.SplitURL(u)
	switch {
	case user != "" || !password.Empty():
		return "", fmt.Errorf("platform URL %s carries credentials: give a token file instead", clean)
	case clean.Scheme != "http" && clean.Scheme != "https", clean.Host == "":
		return "", fmt.Errorf("platform URL %q is not http://host:port or https://host", clean.String())
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("platform URL %s has a query or fragment: give it without", clean)
	}
	return strings.TrimSuffix(strings.TrimRight(clean.String(), "/"), "/v2"), nil
}

// Meta is what each answer tells beside its content.
type Meta struct {
	// Date is the server's clock, zero if it did not tell.
	Date time.Time
	// CorrelationID links the request to events and to the platform's logs.
	CorrelationID string
}

// call describes one request.
type call struct {
	op            Op
	method        string
	path          string // from the root, so with /v2 where it belongs
	query         url.Values
	body          any
	timeout       time.Duration // 0 for the client's default
	correlationID string
	// media are the types that the answer may have; JSON if empty.
	media string
	// accept tells which answers besides those with status 200 are to be decoded; nil for none.
	accept func(answer) bool
}

// do sends one request and decodes its answer into out.
func (c *Client) do(ctx context.Context, k call, out any) (Meta, error) {
	start := time.Now()
	resp, failure := c.exchange(ctx, k)
	if failure == nil {
		failure = c.judge(k, resp, out)
	}
	if failure != nil && c.awaits(failure) {
		failure.Class = ClassNotUp
	}
	c.noteAnswer(failure)
	c.opts.Observer(k.op, observedCode(resp, failure), time.Since(start))
	if failure != nil {
		return resp.meta, failure
	}
	return resp.meta, nil
}

// observedCode is the status of a complete answer, else the class of the failure.
func observedCode(a answer, e *Error) string {
	if e != nil && (e.Status == 0 || e.Class == ClassNotUp) {
		return e.Class.String()
	}
	return strconv.Itoa(a.status)
}

// answer is a whole response, masked.
type answer struct {
	meta   Meta
	status int
	header http.Header
	sent   http.Header // of the request
	body   []byte
}

// exchange sends the request and reads all of the answer.
func (c *Client) exchange(ctx context.Context, k call) (answer, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(k.timeout, c.opts.Timeout), errTimeout)
	defer cancel()
	resp, a, failure := c.send(ctx, k)
	if failure != nil {
		return answer{}, failure
	}
	defer resp.Body.Close()
	return a, c.readAll(ctx, k, &a, resp.Body)
}

// send sends the request and returns what the header of its answer tells, and the
// answer whose body the caller reads and closes.
func (c *Client) send(ctx context.Context, k call) (*http.Response, answer, *Error) {
	if err := ctx.Err(); err != nil {
		return nil, answer{}, transportError(ctx, k.op, err, false)
	}
	sent := new(sentTrace)
	req, err := c.request(sent.attach(ctx), k)
	if err != nil {
		return nil, answer{}, &Error{Op: k.op, Class: ClassNotSent, Message: err.Error(), Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, answer{}, transportError(ctx, k.op, err, sent.maybe(err))
	}
	return resp, answer{meta: metaOf(resp.Header, req.Header), status: resp.StatusCode, header: resp.Header, sent: req.Header}, nil
}

// readAll reads the body of an answer.
func (c *Client) readAll(ctx context.Context, k call, a *answer, body io.Reader) *Error {
	var err error
	a.body, err = io.ReadAll(io.LimitReader(body, c.opts.MaxBody+1))
	if err != nil {
		return a.broken(ctx, k.op, err)
	}
	if int64(len(a.body)) > c.opts.MaxBody {
		return a.error(k.op, ClassTooLarge, fmt.Sprintf("answer is larger than %d bytes", c.opts.MaxBody))
	}
	a.body = mask(a.body, a.sent)
	return nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	target := c.root + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, http.NoBody)
	if err != nil {
		return nil, errors.New("make the request: the address is not valid")
	}
	if err := attachBody(req, k.body); err != nil {
		return nil, err
	}
	req.Header.Set("Accept", cmp.Or(k.media, "application/json"))
	if c.opts.UserAgent != "" {
		req.Header.Set("User-Agent", c.opts.UserAgent)
	}
	if k.correlationID != "" {
		req.Header.Set(CorrelationHeader, k.correlationID)
	}
	if c.opts.Identity == nil {
		return req, nil
	}
	if err := c.opts.Identity.Authenticate(ctx, req.Header); err != nil {
		return nil, fmt.Errorf("authenticate the request: %w", err)
	}
	return req, nil
}

// attachBody makes a request send a file, or anything else as JSON.
func attachBody(req *http.Request, body any) error {
	if body == nil {
		return nil
	}
	if file, ok := body.(*upload); ok {
		return file.attach(req)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.ContentLength = int64(len(data))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	req.Body, err = req.GetBody()
	return err
}

// metaOf reads the header of an answer to a request with the header sent.
func metaOf(h, sent http.Header) Meta {
	date, _ := http.ParseTime(h.Get("Date"))
	return Meta{Date: date, CorrelationID: clip(string(mask([]byte(h.Get(CorrelationHeader)), sent)), 128)}
}
