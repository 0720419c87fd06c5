// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"
)

// reloadTimeout bounds a reload that was asked for.
const reloadTimeout = 10 * time.Second

// refuseBrowsers protects routes that change something: a browser in which a
// person has a port-forward open reaches us as if from inside the pod, on behalf
// of any page.
func refuseBrowsers(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			text(w, http.StatusForbidden, "this is for programs, and a browser asks")
			return
		}
		next(w, r)
	}
}

// guard lets programs through that are in the pod or bear the token.
func (s *Server) guard(next http.HandlerFunc) http.Handler {
	return refuseBrowsers(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.bears(r) && !inside(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="sidecar"`)
			text(w, http.StatusUnauthorized, "ask from inside the pod, or with the admin token")
		default:
			next(w, r)
		}
	})
}

// bears compares in constant time, whatever the lengths.
func (s *Server) bears(r *http.Request) bool {
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || s.AdminToken == nil {
		return false
	}
	want := s.AdminToken()
	if want.Empty() {
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// inside reports whether the caller is in the pod. A proxy in the pod is not: it
// speaks for others, and shows it by a header or, as Istio's does, by another
// address of the loopback network.
func inside(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && (host == "127.0.0.1" || host == "::1")
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), reloadTimeout)
	defer cancel()
	if err := s.Reload(ctx); err != nil {
		text(w, http.StatusInternalServerError, printable("not reloaded, the old configuration stays: "+err.Error(), maxReason))
		return
	}
	text(w, http.StatusOK, "reloaded")
}

func (s *Server) again(w http.ResponseWriter, _ *http.Request) {
	s.Import()
	text(w, http.StatusAccepted, "another pass will start")
}

// drain answers once the service of this pod can be stopped without cutting off
// an import. Kubernetes calls it from the node, as a preStop hook of the service.
func (s *Server) drain(w http.ResponseWriter, r *http.Request) {
	conn := http.NewResponseController(w) // the time is Drain's, not that of other answers
	_ = conn.SetReadDeadline(time.Time{})
	_ = conn.SetWriteDeadline(time.Time{})
	if err := s.drainAtLeast(r.Context()); err != nil {
		text(w, http.StatusServiceUnavailable, printable(err.Error(), maxReason))
		return
	}
	text(w, http.StatusOK, "no import of this pod runs, and none starts")
}

// drainAtLeast drains for at least the delay.
func (s *Server) drainAtLeast(ctx context.Context) error {
	if s.DrainDelay == nil {
		return s.Drain(ctx)
	}
	delay := time.NewTimer(s.DrainDelay())
	defer delay.Stop()
	err := s.Drain(ctx)
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
	return err
}
