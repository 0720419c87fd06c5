// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// maxCAFile bounds the file of TransportOptions.CAFile, in bytes.
const maxCAFile = 4 << 20

// TransportOptions of [NewTransport].
type TransportOptions struct {
	// CAFile holds PEM certificates that are trusted beside the system's.
	CAFile string
	// DialTimeout, 5 s by default.
	DialTimeout time.Duration
	// TLSTimeout, 10 s by default.
	TLSTimeout time.Duration
}

// NewTransport returns a transport with a time-out for each phase of a
// connection. Loopback addresses never go through a proxy, and localhost means
// those of both families. The time from sending
// to the end of the answer is bounded per request by [Options.Timeout].
func NewTransport(o TransportOptions) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: orDuration(o.DialTimeout, 5*time.Second), KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:                  exceptLoopback(http.ProxyFromEnvironment),
		DialContext:            dialLocalhost(dialer.DialContext),
		TLSHandshakeTimeout:    orDuration(o.TLSTimeout, 10*time.Second),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        8,
		MaxResponseHeaderBytes: 256 << 10,
		// Node closes idle connections after 5 s; a POST on one that is just closing fails.
		IdleConnTimeout: 4 * time.Second,
	}
	if o.CAFile == "" {
		return t, nil
	}
	pool, err := readCAs(o.CAFile)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

func orDuration(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

func readCAs(path string) (*x509.CertPool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open CA file: %w", err)
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	if len(pem) > maxCAFile {
		return nil, fmt.Errorf("CA file %s is larger than %d bytes", path, maxCAFile)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a scratch image has none
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s holds no PEM certificate", path)
	}
	return pool, nil
}

type proxyFunc func(*http.Request) (*url.URL, error)

func exceptLoopback(next proxyFunc) proxyFunc {
	return func(r *http.Request) (*url.URL, error) {
		host := r.URL.Hostname()
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return nil, nil
		}
		return next(r)
	}
}

// sentTrace learns whether a request may have reached the server.
type sentTrace struct{ asked, got atomic.Bool }

func (s *sentTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.got.Store(true) },
	})
}

// maybe reports whether the failed request may have been sent. A transport that
// does not tell about connections is taken for one that sent it.
func (s *sentTrace) maybe(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	return s.got.Load() || !s.asked.Load()
}
