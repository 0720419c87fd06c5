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

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// Op names an operation of the client in errors and metrics.
type Op string

// Operations of the client.
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

// Ops lists the operations of a bulk import, for metrics that start at 0. It excludes pushes,
// archives and checks.
func Ops() []Op {
	return []Op{OpWorkspace, OpWorkspaces, OpStatus, OpPull, OpEvents, OpReadiness, OpHealthcheck, OpMe}
}

// Defaults of [Options].
const (
	DefaultTimeout = 30 * time.Second
	DefaultGrace   = 15 * time.Second
	DefaultMaxBody = 32 << 20
)

// CorrelationHeader holds the correlation ID of a request and its events.
const CorrelationHeader = "X-Correlation-Id"

// Observer is called after every request. code is the HTTP status in decimal, or the name of the
// [Class] for a request without a response and for [ClassNotUp].
type Observer func(op Op, code string, took time.Duration)

// Options configures a [Client].
type Options struct {
	// BaseURL is the URL of the API, such as http://127.0.0.1:80, with or without /v2. Required.
	BaseURL string
	// Identity authenticates each request. Nil sends no credentials.
	Identity Identity
	// Transport sends the requests. Nil means [NewTransport] with its defaults.
	Transport http.RoundTripper
	// Timeout bounds a whole request. The default is [DefaultTimeout]. A pull or a push with a Wait
	// is bounded by Wait and Grace instead.
	Timeout time.Duration
	// Grace is added to the Wait of a pull or a push, which the platform itself observes. The
	// default is [DefaultGrace].
	Grace time.Duration
	// MaxBody limits a response, or an event of a stream, in bytes. The default is
	// [DefaultMaxBody].
	MaxBody int64
	// UserAgent is the User-Agent header. Empty means Go's default.
	UserAgent string
	// Observer may be nil.
	Observer Observer
	// Starting is set if the service may not be up yet. Until its first response, a proxy's error
	// response and a broken connection are [ClassNotUp].
	Starting bool
}

// Client is a client for one address of the platform. It is safe for concurrent use.
type Client struct {
	root     string // scheme, host and path prefix, without /v2 and trailing slash
	http     *http.Client
	opts     Options
	answered atomic.Bool // the platform has responded, successfully or not
}

// New returns a client for the platform at opts.BaseURL.
func New(opts Options) (*Client, error) {
	root, err := parseBaseURL(opts.BaseURL)
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
	// Do not follow redirects, which would leak identity headers to their target.
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{root: root, opts: opts, http: &http.Client{Transport: opts.Transport, CheckRedirect: refuse}}, nil
}

// BaseURL returns the URL of the API without /v2.
func (c *Client) BaseURL() string { return c.root }

// CloseIdleConnections closes idle connections.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// parseBaseURL accepts the same URLs as the platform's own API_URL, with or without /v2 (platform
// contract §9).
func parseBaseURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("invalid platform URL: want http://host:port or https://host")
	}
	clean, user, password := secret.SplitURL(u)
	switch {
	case user != "" || !password.Empty():
		return "", fmt.Errorf("platform URL %s carries credentials: use a token file instead", clean)
	case clean.Scheme != "http" && clean.Scheme != "https", clean.Host == "":
		return "", fmt.Errorf("platform URL %q is not http://host:port or https://host", clean.String())
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("platform URL %s has a query or fragment: remove it", clean)
	}
	return strings.TrimSuffix(strings.TrimRight(clean.String(), "/"), "/v2"), nil
}

// Meta holds metadata of a response.
type Meta struct {
	// Date is the server's time, or zero if the response has none.
	Date time.Time
	// CorrelationID identifies the request in events and in the platform's logs.
	CorrelationID string
}

// call describes one request.
type call struct {
	op            Op
	method        string
	path          string // includes /v2
	query         url.Values
	body          any
	timeout       time.Duration // 0 for the client's default
	correlationID string
	// media lists the accepted content types. Empty means JSON.
	media string
	// accept reports whether to decode a response with a status other than 200. Nil means never.
	accept func(answer) bool
}

// doRequest sends a request and decodes the response into out.
func (c *Client) doRequest(ctx context.Context, k call, out any) (Meta, error) {
	start := time.Now()
	resp, failure := c.sendAndRead(ctx, k)
	if failure == nil {
		failure = c.decodeAnswer(k, resp, out)
	}
	if failure != nil && c.isNotUp(failure) {
		failure.Class = ClassNotUp
	}
	c.recordAnswer(failure)
	c.opts.Observer(k.op, observedCode(resp, failure), time.Since(start))
	if failure != nil {
		return resp.meta, failure
	}
	return resp.meta, nil
}

// observedCode returns the status of a complete response, otherwise the class of the failure.
func observedCode(a answer, e *Error) string {
	if e != nil && (e.Status == 0 || e.Class == ClassNotUp) {
		return e.Class.String()
	}
	return strconv.Itoa(a.status)
}

// answer is a complete response with masked credentials.
type answer struct {
	meta   Meta
	status int
	header http.Header
	sent   http.Header // of the request
	body   []byte
}

// sendAndRead sends the request and reads the whole response.
func (c *Client) sendAndRead(ctx context.Context, k call) (answer, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(k.timeout, c.opts.Timeout), errTimeout)
	defer cancel()
	resp, a, failure := c.sendRequest(ctx, k)
	if failure != nil {
		return answer{}, failure
	}
	defer resp.Body.Close()
	return a, c.readBody(ctx, k, &a, resp.Body)
}

// sendRequest sends the request. It returns the response, whose body the caller must read and close, and
// an answer with the metadata from its header.
func (c *Client) sendRequest(ctx context.Context, k call) (*http.Response, answer, *Error) {
	if err := ctx.Err(); err != nil {
		return nil, answer{}, transportError(ctx, k.op, err, false)
	}
	sent := new(sentTrace)
	req, err := c.newRequest(sent.attachTrace(ctx), k)
	if err != nil {
		return nil, answer{}, &Error{Op: k.op, Class: ClassNotSent, Message: err.Error(), Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, answer{}, transportError(ctx, k.op, err, sent.mayBeSent(err))
	}
	a := answer{
		meta:   parseMeta(resp.Header, req.Header),
		status: resp.StatusCode,
		header: resp.Header,
		sent:   req.Header,
	}
	return resp, a, nil
}

// readBody reads the body of a response.
func (c *Client) readBody(ctx context.Context, k call, a *answer, body io.Reader) *Error {
	var tooLarge *limit.Error
	data, err := limit.ReadAll(body, "response", c.opts.MaxBody)
	if errors.As(err, &tooLarge) {
		return a.newError(k.op, ClassTooLarge, tooLarge.Error())
	} else if err != nil {
		return a.brokenError(ctx, k.op, err)
	}
	a.body = maskCredentials(data, a.sent)
	return nil
}

func (c *Client) newRequest(ctx context.Context, k call) (*http.Request, error) {
	target := c.root + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, http.NoBody)
	if err != nil {
		return nil, errors.New("create the request: invalid address")
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

// attachBody sets the body of a request: a file, or any other value as JSON.
func attachBody(req *http.Request, body any) error {
	if body == nil {
		return nil
	}
	if file, ok := body.(*upload); ok {
		return file.attachFile(req)
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

// parseMeta reads the metadata in header h of a response to a request with header sent.
func parseMeta(h, sent http.Header) Meta {
	date, _ := http.ParseTime(h.Get("Date"))
	return Meta{Date: date, CorrelationID: truncateText(string(maskCredentials([]byte(h.Get(CorrelationHeader)), sent)),
		128)}
}
