// SPDX-License-Identifier: AGPL-3.0-or-later

// Package egress configures how the builder connects to registries and Git servers: proxy,
// certificates, and a time-out for each phase.
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/plaintext"
)

// Time-outs for the phases of a request. Bodies have none: a layer or a pack may take long.
const (
	DialTimeout = 15 * time.Second
	tlsTimeout  = 15 * time.Second
	// headerTimeout is generous because a registry confirms an upload only when its storage has the
	// blob.
	headerTimeout = 2 * time.Minute
	idleTimeout   = 90 * time.Second
)

// maxPEM is the maximum size of a PEM file in bytes.
const maxPEM = 4 << 20

// ProxyFunc returns the proxy of a request, as [http.Transport.Proxy] does.
type ProxyFunc func(*http.Request) (*url.URL, error)

// NewTransport returns a transport with time-outs up to the response header. proxy and config come
// from options, never from the process environment.
func NewTransport(proxy ProxyFunc, config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: DialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   tlsTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ExpectContinueTimeout: 5 * time.Second,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          30,
		MaxIdleConnsPerHost:   4,
		// net/http would report a refusal as if the server had sent it.
		OnProxyConnectResponse: checkProxyResponse,
		// HTTP/2 is disabled: its flow control slows uploads down (golang/go#14077).
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// ProxyError reports that a proxy refused a CONNECT.
type ProxyError struct {
	// Proxy and Target are host:port.
	Proxy, Target string
	Status        string
}

// Error implements error.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s refuses to connect to %s: %s", e.Proxy, e.Target, e.Status)
}

// checkProxyResponse names the proxy, without credentials, if it refuses a CONNECT.
func checkProxyResponse(_ context.Context, proxy *url.URL, connect *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Target: connect.Host, Status: response.Status}
}

// IsAlert reports whether the server ended the TLS handshake or the connection with an alert, as it
// does when it does not accept the client certificate.
func IsAlert(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "remote error"
}

// CertPool returns the system's certificates plus those of PEM files of at most 4 MiB each. It
// returns nil, which means the system's, without files.
func CertPool(files ...string) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, file := range files {
		pem, err := readPEM(file)
		if err != nil {
			return nil, fmt.Errorf("read CA: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA %s: no PEM certificate in it", file)
		}
	}
	return pool, nil
}

// readPEM reads a PEM file, which may have a byte order mark.
func readPEM(file string) ([]byte, error) {
	data, err := limit.ReadFile(file, maxPEM)
	if err != nil {
		return nil, err
	}
	text, err := plaintext.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return text, nil
}

// Proxy follows the conventions of [http.ProxyFromEnvironment]. It validates the URLs itself,
// because the library's error would contain the password.
func Proxy(getenv func(string) string) (ProxyFunc, error) {
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
		if !isValidProxy(value) {
			return nil, fmt.Errorf("%s is not a proxy URL: want http://host:port", name)
		}
	}
	choose := config.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}

// isValidProxy accepts what httpproxy does. The default scheme is http.
func isValidProxy(s string) bool {
	if s == "" {
		return true
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https" ||
		strings.HasPrefix(u.Scheme, "socks5"))
}
