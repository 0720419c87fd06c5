// SPDX-License-Identifier: AGPL-3.0-or-later

// Package egress says how the builder reaches registries and Git servers: through
// which proxy, by which certificates, and how long it waits in each phase.
package egress

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
	"time"

	"golang.org/x/net/http/httpproxy"
)

// A time-out for each phase of a request. Bodies have none: a layer or a pack may take long.
const (
	DialTimeout = 15 * time.Second
	tlsTimeout  = 15 * time.Second
	// headerTimeout is generous, since a registry answers the end of an upload only
	// when its storage has the blob.
	headerTimeout = 2 * time.Minute
	idleTimeout   = 90 * time.Second
)

// maxPEM is the size in bytes of the largest file with certificates or a key that is read.
const maxPEM = 4 << 20

// ProxyFunc chooses the proxy of a request, as [http.Transport.Proxy] does.
type ProxyFunc func(*http.Request) (*url.URL, error)

// NewTransport has a time-out for everything up to the response's header. proxy and
// config come from the options, never from the process's environment.
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
		// net/http reports a refusal by its status alone, as if the server had sent it.
		OnProxyConnectResponse: checkProxyResponse,
		// HTTP/2's flow control slows uploads down (golang/go#14077), so not that.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// ProxyError reports a proxy that does not connect to a server.
type ProxyError struct {
	// Proxy and Target are host:port.
	Proxy, Target string
	Status        string
}

// Error implements error.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s refuses to connect to %s: %s", e.Proxy, e.Target, e.Status)
}

// checkProxyResponse names the proxy, without its credentials, where it refuses a CONNECT.
func checkProxyResponse(_ context.Context, proxy *url.URL, connect *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Target: connect.Host, Status: response.Status}
}

// CertPool returns the system's certificates and those of PEM files, which have at most
// 4 MiB each; nil means the system's alone.
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

func readPEM(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(pem) > maxPEM {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxPEM)
	}
	return pem, err
}

// Proxy follows the conventions of [http.ProxyFromEnvironment]. The proxies are checked
// here because the library's own error shows the URL with its password.
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
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https" ||
		strings.HasPrefix(u.Scheme, "socks5"))
}
