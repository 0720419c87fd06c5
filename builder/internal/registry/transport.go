// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/prismeai/workspaces-release/builder/internal/egress"
)

// newTransport builds the chain of transports. From the outermost to the innermost they record
// pending requests, watch mirrors, limit size and time, follow redirects, retry refused mounts and
// scopes, retry transient failures, redact credentials, count bytes, and choose between TLS and
// plain HTTP.
func newTransport(count *traffic, watch *mirrorWatch) *waits {
	single := newRetries(redactingTransport{count})
	watch.next = limits{redirects{mountFallback{scopeFallback{single}}}}
	return &waits{next: watch, open: map[*wait]bool{}}
}

// schemeTransport chooses between TLS and plain HTTP per host.
type schemeTransport struct {
	proxy    egress.ProxyFunc
	roots    *x509.CertPool
	insecure map[string]bool
	certs    map[string]*egress.Identity

	mu    sync.Mutex
	hosts map[string]*hostTransport
}

// hostTransport holds the connections to one host.
type hostTransport struct {
	http.RoundTripper
	identity *egress.Identity
}

func newSchemeTransport(opts Options, insecure map[string]bool) (*schemeTransport, error) {
	roots, err := egress.CertPool(opts.CAFiles...)
	if err != nil {
		return nil, err
	}
	proxy, err := egress.Proxy(opts.Getenv)
	if err != nil {
		return nil, err
	}
	certs := map[string]*egress.Identity{}
	for _, host := range slices.Sorted(maps.Keys(opts.ClientCerts)) {
		e, err := parseEndpoint(host)
		if err != nil || e.path != "" {
			return nil, fmt.Errorf("client certificate for registry %s: want host[:port] alone", quoteInput(host))
		}
		cert := opts.ClientCerts[host]
		if certs[apiHost(e.host)], err = egress.LoadIdentity(cert.CertFile, cert.KeyFile); err != nil {
			return nil, fmt.Errorf("registry %s: %w", host, err)
		}
	}
	return &schemeTransport{
		proxy: proxy, roots: roots, insecure: insecure, certs: certs, hosts: map[string]*hostTransport{},
	}, nil
}

// RoundTrip implements [http.RoundTripper].
func (w *schemeTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !w.mayBePlain(req.URL.Host) {
		return nil, newPlainHTTPError(req)
	}
	return w.transportFor(req.URL.Host).RoundTrip(req)
}

func (w *schemeTransport) mayBePlain(host string) bool { return w.insecure[host] || isLoopback(host) }

// transportFor returns the transport of a host. If plain HTTP is allowed, it tries TLS first and remembers
// the result. It verifies the certificate of a loopback host unless that host is insecure.
func (w *schemeTransport) transportFor(host string) *hostTransport {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.hosts[host]; known != nil {
		return known
	}
	identity := w.certs[host]
	if identity == nil {
		identity = &egress.Identity{}
	}
	config := &tls.Config{RootCAs: w.roots, InsecureSkipVerify: w.insecure[host]}
	identity.Apply(config)
	added := &hostTransport{RoundTripper: egress.NewTransport(w.proxy, config), identity: identity}
	if w.mayBePlain(host) {
		added.RoundTripper = docker.NewHTTPFallback(added.RoundTripper)
	}
	w.hosts[host] = added
	return added
}

// identityOf returns the client certificate for a host.
func (w *schemeTransport) identityOf(host string) *egress.Identity {
	return w.transportFor(apiHost(host)).identity
}

// plainHTTPError reports a request that was not sent because it would be unencrypted.
type plainHTTPError struct {
	host string
	// upload is set if the registry redirected an upload to this address.
	upload bool
}

// newPlainHTTPError returns an error about req, which is not sent.
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
