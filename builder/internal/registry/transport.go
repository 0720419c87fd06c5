// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/prismeai/workspaces-release/builder/internal/egress"
)

// newHTTPClient builds the chain of transports that every request passes. From the
// outermost to the innermost they close request bodies, limit size and time, follow
// redirects, retry refused mounts, retry transient failures, redact credentials, count
// bytes, and choose between TLS and plain HTTP.
func newHTTPClient(opts Options, insecure map[string]bool, count *traffic) (*http.Client, error) {
	roots, err := egress.CertPool(opts.CAFiles...)
	if err != nil {
		return nil, err
	}
	proxy, err := egress.Proxy(opts.Getenv)
	if err != nil {
		return nil, err
	}
	count.RoundTripper = &schemeTransport{
		verified:   egress.NewTransport(proxy, &tls.Config{RootCAs: roots}),
		unverified: egress.NewTransport(proxy, &tls.Config{RootCAs: roots, InsecureSkipVerify: true}),
		insecure:   insecure,
		fallbacks:  map[string]http.RoundTripper{},
	}
	single := newRetries(redactingTransport{count})
	return &http.Client{Transport: bodyCloser{limits{redirects{mountFallback{single}}}}}, nil
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

// schemeTransport chooses between TLS and plain HTTP, host by host.
type schemeTransport struct {
	verified, unverified http.RoundTripper
	insecure             map[string]bool

	mu sync.Mutex
	// fallbacks try TLS, then plain HTTP; one for each host, since it remembers the outcome.
	fallbacks map[string]http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (w *schemeTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	trusted := w.insecure[host] || isLoopback(host)
	switch {
	case req.URL.Scheme == "http" && !trusted:
		return nil, newPlainHTTPError(req)
	case req.URL.Scheme == "https" && trusted:
		return w.fallback(host).RoundTrip(req)
	default:
		return w.verified.RoundTrip(req)
	}
}

// fallback returns the transport of a host that tries TLS first. It verifies the
// certificate of a loopback host unless that host was declared insecure.
func (w *schemeTransport) fallback(host string) http.RoundTripper {
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

// plainHTTPError reports a request that was not sent because it would have left the
// machine in clear text.
type plainHTTPError struct {
	host string
	// upload says that the registry sent us to this address to upload a blob.
	upload bool
}

// newPlainHTTPError describes req, which nobody sends.
func newPlainHTTPError(req *http.Request) error {
	isWrite := req.Method == http.MethodPut || req.Method == http.MethodPatch
	return &plainHTTPError{host: req.URL.Host, upload: isWrite && strings.Contains(req.URL.Path, "/blobs/uploads/")}
}

// Error implements error.
func (e *plainHTTPError) Error() string {
	refused := "refused to reach " + e.host + " by plain HTTP"
	if e.upload {
		return fmt.Sprintf("%s: the registry asks for uploads at http://%s, probably because "+
			"the proxy in front of it does not pass X-Forwarded-Proto", refused, e.host)
	}
	return refused
}
