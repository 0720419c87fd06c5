// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/prismeai/workspaces-release/builder/internal/egress"
)

// documentTimeout is for all of a request for something small, with its body and its
// retries. The bodies of blobs have none: a layer may take long.
const documentTimeout = 5 * time.Minute

// maxRedirects is how many hops a read follows.
const maxRedirects = 5

// newHTTPClient stacks what every request passes, the outermost first: size
// limits, redirects, retries, discretion, the count of bytes, the choice of TLS or plain HTTP.
func newHTTPClient(opts Options, insecure map[string]bool, count *traffic) (*http.Client, error) {
	roots, err := egress.CertPool(opts.CAFiles...)
	if err != nil {
		return nil, err
	}
	proxy, err := egress.Proxy(opts.Getenv)
	if err != nil {
		return nil, err
	}
	count.RoundTripper = &wire{
		verified:   egress.NewTransport(proxy, &tls.Config{RootCAs: roots}),
		unverified: egress.NewTransport(proxy, &tls.Config{RootCAs: roots, InsecureSkipVerify: true}),
		insecure:   insecure,
		fallbacks:  map[string]http.RoundTripper{},
	}
	return &http.Client{Transport: limits{redirects{newRetries(discreet{count})}}}, nil
}

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &LimitError{What: name, Limit: limit}
	}
	return data, nil
}

// wire chooses between TLS and plain HTTP, host by host.
type wire struct {
	verified, unverified http.RoundTripper
	insecure             map[string]bool

	mu sync.Mutex
	// fallbacks try TLS, then plain HTTP; one for each host, since it remembers the outcome.
	fallbacks map[string]http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	trusted := w.insecure[host] || isLoopback(host)
	switch {
	case req.URL.Scheme == "http" && !trusted:
		return nil, &plainHTTPError{host: host}
	case req.URL.Scheme == "https" && trusted:
		return w.fallback(host).RoundTrip(req)
	default:
		return w.verified.RoundTrip(req)
	}
}

// fallback returns the host's transport that tries TLS first. Loopback that nobody
// listed gets one that verifies: it is here only because there is a CA to verify by.
func (w *wire) fallback(host string) http.RoundTripper {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fallbacks[host] == nil {
		transport := w.verified
		if w.insecure[host] {
			transport = w.unverified
		}
		w.fallbacks[host] = docker.NewHTTPFallback(transport)
	}
	return w.fallbacks[host]
}

// redirects follows the redirects of reads itself. net/http would hand the
// Authorization header to another port of the same host, and would put the URL
// of the last hop, whose query is often a signature, into its errors.
type redirects struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	hop := withoutForeignCredentials(req)
	resp, err := t.next.RoundTrip(hop)
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return resp, err
	}
	for hops := 0; err == nil && isRedirect(resp); hops++ {
		discard(resp)
		if hops == maxRedirects {
			return nil, fmt.Errorf("%s: more than %d redirects", req.URL.Host, maxRedirects)
		}
		if hop, err = redirected(hop, resp); err != nil {
			return nil, err
		}
		resp, err = t.next.RoundTrip(hop)
	}
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// isRedirect leaves a redirect without an address to the caller, as an odd status.
func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// redirected returns the request for the next hop. Another port is another host, and
// from TLS to plain HTTP is another host too.
func redirected(req *http.Request, resp *http.Response) (*http.Request, error) {
	target, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return nil, fmt.Errorf("%s: redirect to an invalid address", req.URL.Host)
	}
	next := req.Clone(req.Context())
	next.URL, next.Host = target, ""
	if target.Host != req.URL.Host || target.Scheme != req.URL.Scheme {
		dropCredentials(next)
	}
	return next, nil
}

// withoutForeignCredentials returns req without credentials if it is a redirect,
// made by net/http, from another host[:port] than its own.
func withoutForeignCredentials(req *http.Request) *http.Request {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if first.URL.Host == req.URL.Host {
		return req
	}
	clean := req.Clone(req.Context())
	dropCredentials(clean)
	return clean
}

// dropCredentials removes what identifies us. Registries set no cookies for us, but
// a proxy before them may.
func dropCredentials(req *http.Request) {
	req.Header.Del("Authorization")
	req.Header.Del("Cookie")
}

// discard ends a response that nobody reads, so that its connection can be used again.
func discard(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// limits bounds everything but blobs, in size and in time.
type limits struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t limits) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.URL.Path, "/blobs/") {
		return t.next.RoundTrip(req)
	}
	ctx, cancel := context.WithTimeout(req.Context(), documentTimeout)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: MaxDocument, what: req.URL.Host + req.URL.Path, done: cancel}
	return resp, nil
}

// boundedBody fails, instead of ending, when more than left bytes come.
type boundedBody struct {
	io.ReadCloser
	left int64
	what string
	done context.CancelFunc
}

// Close implements [io.Closer].
func (b *boundedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// Read implements [io.Reader].
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, &LimitError{What: b.what, Limit: MaxDocument}
	}
	return n, err
}

// plainHTTPError refuses to send anything in clear text.
type plainHTTPError struct{ host string }

// Error implements error.
func (e *plainHTTPError) Error() string {
	return "refused to reach " + e.host + " by plain HTTP"
}
