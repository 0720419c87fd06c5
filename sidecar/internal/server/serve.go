// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// Limits of a connection. A probe has about a hundred bytes of headers, and the largest response is
// the status of a large release.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 15 * time.Second
	idleTimeout    = 2 * time.Minute // longer than Prometheus's scrape interval
	drainTimeout   = 3 * time.Second
	maxHeaderBytes = 8 << 10
	maxConns       = 128
	maxConcurrent  = 8 // concurrent requests per route that takes time to serve
)

// connTimeouts are the timeouts of a connection. Only tests change them.
type connTimeouts struct{ header, read, write, idle time.Duration }

// Serve serves on l until ctx ends. It then closes l, waits up to three seconds for running
// requests, and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	conns := newConns(maxConns)
	hs := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.timeouts.header,
		ReadTimeout:       s.timeouts.read,
		WriteTimeout:      s.timeouts.write,
		IdleTimeout:       s.timeouts.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         conns.trackState,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- hs.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if hs.Shutdown(drain) != nil {
		hs.Close()
	}
	<-ended
	return nil
}

// limitConcurrency rejects requests above maxConcurrent with 503 and Retry-After, so that probes keep
// getting CPU time.
func limitConcurrency(next http.HandlerFunc) http.HandlerFunc {
	places := make(chan struct{}, maxConcurrent)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			next(w, r)
		default:
			rejectBusy(w)
		}
	}
}

func rejectBusy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	writeText(w, http.StatusServiceUnavailable, "too many concurrent requests")
}

// withHeaders sets the headers of every response: no caching, scripts, framing or content type
// sniffing.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", contentSecurity)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// contentSecurity is the policy of responses other than the page. It allows nothing.
const contentSecurity = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// recoverPanics aborts the connection of a request that panics, and keeps the process running. It
// logs the stack and the type of the value, but not the value, which may hold a secret. The client
// never gets a partial response that looks complete.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v != http.ErrAbortHandler {
				s.Log.Error("request panicked", "route", r.Pattern, "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}
