// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/loopback"
	"github.com/prismeai/workspaces-release/internal/plaintext"
)

// maxCAFile limits the file TransportOptions.CAFile, in bytes.
const maxCAFile = 4 << 20

// TransportOptions configures [NewTransport].
type TransportOptions struct {
	// CAFile is a file of PEM certificates to trust in addition to the system's.
	CAFile string
	// DialTimeout defaults to 5 s.
	DialTimeout time.Duration
	// TLSTimeout defaults to 10 s.
	TLSTimeout time.Duration
}

// NewTransport returns a transport with a timeout for each phase of a connection. Requests to
// loopback addresses never use a proxy, and localhost means both loopback addresses.
// [Options.Timeout] bounds the time from sending a request to the end of the response.
func NewTransport(o TransportOptions) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: defaultDuration(o.DialTimeout, 5*time.Second), KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:                  bypassLoopback(http.ProxyFromEnvironment),
		DialContext:            dialLocalhost(dialer.DialContext),
		TLSHandshakeTimeout:    defaultDuration(o.TLSTimeout, 10*time.Second),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        8,
		MaxResponseHeaderBytes: 256 << 10,
		// Node closes idle connections after 5 s. A POST on a connection that is being closed
		// fails.
		IdleConnTimeout: 4 * time.Second,
	}
	if o.CAFile == "" {
		return t, nil
	}
	pool, err := readCertificates(o.CAFile)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

func defaultDuration(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

func readCertificates(path string) (*x509.CertPool, error) {
	pem, err := limit.ReadFile(path, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	if pem, err = plaintext.Decode(pem); err != nil {
		return nil, fmt.Errorf("CA file %s: %w", path, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a scratch image has no pool
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s contains no PEM certificate", path)
	}
	return pool, nil
}

type proxyFunc func(*http.Request) (*url.URL, error)

func bypassLoopback(next proxyFunc) proxyFunc {
	return func(r *http.Request) (*url.URL, error) {
		if loopback.IsHost(r.URL.Hostname()) {
			return nil, nil
		}
		return next(r)
	}
}

// sentTrace tracks whether a request may have reached the server.
type sentTrace struct{ asked, got atomic.Bool }

func (s *sentTrace) attachTrace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.got.Store(true) },
	})
}

// mayBeSent reports whether a failed request may have been sent. It returns true for transports that do
// not call the trace hooks.
func (s *sentTrace) mayBeSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	return s.got.Load() || !s.asked.Load()
}
