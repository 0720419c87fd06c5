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

// reloadTimeout bounds a requested reload.
const reloadTimeout = 10 * time.Second

// rejectBrowsers rejects requests from browsers to routes that change something. A port-forward
// makes every page in the user's browser look like a caller inside the pod.
func rejectBrowsers(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			writeText(w, http.StatusForbidden, "this endpoint does not accept requests from browsers")
			return
		}
		next(w, r)
	}
}

// requireAdmin allows only programs that run in the pod or present the admin token.
func (s *Server) requireAdmin(next http.HandlerFunc) http.Handler {
	return rejectBrowsers(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.hasAdminToken(r) && !isLocal(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="sidecar"`)
			writeText(w, http.StatusUnauthorized, "call from inside the pod, or pass the admin token")
		default:
			next(w, r)
		}
	})
}

// hasAdminToken compares in constant time, regardless of the lengths.
func (s *Server) hasAdminToken(r *http.Request) bool {
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || s.AdminToken == nil {
		return false
	}
	want := s.AdminToken()
	if want.Empty() {
		return false
	}
	a := sha256.Sum256([]byte(given))
	b := sha256.Sum256([]byte(want.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// isLocal reports whether the caller is in the pod. A proxy in the pod does not count, because it
// forwards requests from outside: it adds a header or, like Istio's, uses another loopback address.
func isLocal(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && (host == "127.0.0.1" || host == "::1")
}

func (s *Server) serveReload(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), reloadTimeout)
	defer cancel()
	if err := s.Reload(ctx); err != nil {
		message := "not reloaded, the old configuration stays in effect: " + err.Error()
		writeText(w, http.StatusInternalServerError, sanitize(message, maxReason))
		return
	}
	writeText(w, http.StatusOK, "reloaded")
}

func (s *Server) serveImport(w http.ResponseWriter, _ *http.Request) {
	s.Import()
	writeText(w, http.StatusAccepted, "a pass has been requested")
}

// serveDrain responds once the service of this pod can be stopped without interrupting an import.
// Kubernetes calls it from the node, as the service's preStop hook.
func (s *Server) serveDrain(w http.ResponseWriter, r *http.Request) {
	conn := http.NewResponseController(w) // Drain bounds its own time
	_ = conn.SetReadDeadline(time.Time{})
	_ = conn.SetWriteDeadline(time.Time{})
	if err := s.drainAtLeast(r.Context()); err != nil {
		writeText(w, http.StatusServiceUnavailable, sanitize(err.Error(), maxReason))
		return
	}
	writeText(w, http.StatusOK, "this pod has no running import and will not start one")
}

// drainAtLeast drains, and takes at least DrainDelay.
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
