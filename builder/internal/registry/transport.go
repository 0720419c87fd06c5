// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"golang.org/x/net/http/httpproxy"
)

// A time-out for each phase of a request. The bodies of blobs have none: a layer may take long.
const (
	dialTimeout = 15 * time.Second
	tlsTimeout  = 15 * time.Second
	// headerTimeout is generous, since a registry answers the end of an upload only
	// when its storage has the blob.
	headerTimeout = 2 * time.Minute
	idleTimeout   = 90 * time.Second
	// documentTimeout is for all of a request for something small, with its body
	// and its retries.
	documentTimeout = 5 * time.Minute
)

// maxRedirects is how many hops a read follows, maxCAFile the size of a CA file in bytes.
const (
	maxRedirects = 5
	maxCAFile    = 4 << 20
)

// newHTTPClient stacks what every request passes, the outermost first: size
// limits, redirects, retries, the count of bytes, the choice of TLS or plain HTTP.
func newHTTPClient(opts Options, insecure map[string]bool, count *traffic) (*http.Client, error) {
	roots, err := certPool(opts.CAFiles)
	if err != nil {
		return nil, err
	}
	proxy, err := proxyFunc(opts.Getenv)
	if err != nil {
		return nil, err
	}
	count.RoundTripper = &wire{
		verified:   newTransport(proxy, &tls.Config{RootCAs: roots}),
		unverified: newTransport(proxy, &tls.Config{RootCAs: roots, InsecureSkipVerify: true}),
		insecure:   insecure,
		fallbacks:  map[string]http.RoundTripper{},
	}
	return &http.Client{Transport: limits{redirects{newRetries(count)}}}, nil
}

// newTransport has a time-out for everything up to the response's header. proxy and
// config come from the options, never from the process's environment.
func newTransport(proxy func(*http.Request) (*url.URL, error), config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   tlsTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ExpectContinueTimeout: 5 * time.Second,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          30,
		MaxIdleConnsPerHost:   4,
		// HTTP/2's flow control slows uploads down (golang/go#14077), so not that.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// certPool returns the system's certificates and those of files; nil means the system's alone.
func certPool(files []string) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, file := range files {
		pem, err := readFile(file, maxCAFile)
		if err != nil {
			return nil, fmt.Errorf("read registry CA: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read registry CA %s: no PEM certificate in it", file)
		}
	}
	return pool, nil
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

// proxyFunc follows the conventions of net/http.ProxyFromEnvironment. The proxies
// are checked here because the library's own error shows the URL with its password.
func proxyFunc(getenv func(string) string) (func(*http.Request) (*url.URL, error), error) {
	either := func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return getenv(strings.ToLower(name))
	}
	config := &httpproxy.Config{
		HTTPProxy:  either("HTTP_PROXY"),
		HTTPSProxy: either("HTTPS_PROXY"),
		NoProxy:    either("NO_PROXY"),
	}
	for name, value := range map[string]string{"HTTP_PROXY": config.HTTPProxy, "HTTPS_PROXY": config.HTTPSProxy} {
		if !validProxy(value) {
			return nil, fmt.Errorf("%s is not a proxy URL: want http://host:port", name)
		}
	}
	choose := config.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}

// validProxy accepts what httpproxy does: without a scheme it is an HTTP proxy.
func validProxy(s string) bool {
	if s == "" {
		return true
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https" || strings.HasPrefix(u.Scheme, "socks5"))
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
