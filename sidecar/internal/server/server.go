// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Options configures [New].
type Options struct {
	// Gate returns the current gate policy.
	Gate func() state.GatePolicy
	// Metrics serves /metrics.
	Metrics http.Handler
	// CheckPlatform serves /status?fresh=true. If nil, fresh is ignored.
	CheckPlatform CheckFunc
	// Reload reloads the configuration. Nil disables POST /-/reload.
	Reload func(context.Context) error
	// Import requests a pass and returns immediately. Nil disables POST /-/import.
	Import func()
	// Drain returns nil once this pod has no running import and will not start one. It bounds its
	// own time. Nil disables GET /drain.
	Drain func(context.Context) error
	// DrainDelay returns the minimum duration of GET /drain, during which the service keeps serving
	// requests that still arrive. Nil means 0.
	DrainDelay func() time.Duration
	// AdminToken returns the token that allows callers outside the pod to reload and import. With
	// nil or an empty token only callers inside the pod may.
	AdminToken func() secret.Value
	// Build describes the program.
	Build version.Info
	// Namespace and Cluster of the pod are shown on the page. Empty means unknown.
	Namespace, Cluster string
	// RunbookURL is the URL of docs/runbooks. Empty means the pages of this project's repository.
	RunbookURL string
	Log        *slog.Logger
}

// Server serves the state of a store. It is safe for concurrent use.
type Server struct {
	Options
	store    *state.Store
	page     *page
	checks   *sharedChecks
	timeouts connTimeouts
}

// New returns a server. [Server.Serve] starts it.
func New(store *state.Store, o Options) *Server {
	pod, _ := os.Hostname() // the pod's name; only the page uses it
	at := place{Pod: pod, Namespace: o.Namespace, Cluster: o.Cluster}
	return &Server{
		Options:  o,
		store:    store,
		page:     newPage(o.Build, at, o.RunbookURL),
		checks:   newSharedChecks(o.CheckPlatform),
		timeouts: connTimeouts{header: headerTimeout, read: readTimeout, write: writeTimeout, idle: idleTimeout},
	}
}

// Handler returns the handler for all routes. Unknown paths get 404, and other methods 405.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.serveLivez)
	mux.HandleFunc("GET /readyz", s.serveReadyz)
	mux.HandleFunc("GET /metrics", limitConcurrency(s.serveMetrics))
	mux.HandleFunc("GET /status", limitConcurrency(s.serveStatus))
	mux.HandleFunc("GET /{$}", limitConcurrency(s.serveStatusPage))
	if s.Drain != nil {
		mux.HandleFunc("GET /drain", limitConcurrency(rejectBrowsers(s.serveDrain)))
	}
	if s.Reload != nil {
		mux.Handle("POST /-/reload", s.requireAdmin(s.serveReload))
	}
	if s.Import != nil {
		mux.Handle("POST /-/import", s.requireAdmin(s.serveImport))
	}
	return s.recoverPanics(withHeaders(mux))
}

// serveLivez reports on the process only, because a restart does not help a failed import.
func (s *Server) serveLivez(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "alive")
}

// serveReadyz responds with the line of [describeReadiness].
func (s *Server) serveReadyz(w http.ResponseWriter, _ *http.Request) {
	now := s.currentState()
	code := http.StatusServiceUnavailable
	if now.Gate.Open {
		code = http.StatusOK
	}
	writeText(w, code, describeReadiness(&now))
}

func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	s.currentState() // update the gate metric
	s.Metrics.ServeHTTP(w, r)
}

// serveStatus responds with the state. With fresh=true it checks the platform first.
func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	fresh := r.URL.Query().Get("fresh")
	if fresh != "" && fresh != "true" && fresh != "false" {
		writeText(w, http.StatusBadRequest, "fresh must be true or false")
		return
	}
	if fresh == "true" && s.CheckPlatform != nil {
		s.serveFreshStatus(w, r)
		return
	}
	now := s.currentState()
	w.Header().Set("Content-Type", "application/json")
	_ = writeStatus(w, &now) // the client may have gone
}

// currentState evaluates the gate and returns the state with the result. The gate is evaluated on
// request, so that no caller waits for a timer.
func (s *Server) currentState() state.Snapshot {
	gate, changed := s.store.Gate(s.Gate())
	now := s.store.Get()
	now.Gate = gate // the result of this call, regardless of later changes
	if !changed {
		return now
	}
	level := slog.LevelInfo
	if gate.Why != state.GateConfirmed {
		level = slog.LevelWarn
	}
	s.Log.Log(context.Background(), level, "gate opened",
		"why", gate.Why, "policy", s.Gate().String(), "confirmed", now.Confirmed)
	return now
}

// writeText responds with one line.
func writeText(w http.ResponseWriter, code int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, line+"\n") // the client may have gone
}

// describeReadiness explains in one line why the pod is Ready or not. The output of an exec probe appears in
// the events of the pod. The line has no times, because Kubernetes only aggregates equal events.
func describeReadiness(s *state.Snapshot) string {
	line := ""
	switch s.Gate.Why {
	case state.GateConfirmed:
		line = "ready: the release is confirmed"
	case state.GateTimedOut:
		line = "ready without confirmation: the gate timed out"
	case state.GateOff:
		line = "ready without confirmation: the gate is off"
	default:
		line = "not ready: " + string(s.Phase)
	}
	if s.Release.Name != "" {
		line += fmt.Sprintf(", release %s", sanitize(s.Release.Name, maxName))
	}
	if p := s.Problem; p != nil {
		line += fmt.Sprintf("; %s%s: %s", p.Reason, groupSuffix(p.Group), sanitize(p.Message, maxCause))
		if !s.Gate.Open {
			line += "; remedy: " + p.Remedy
		}
	}
	return sanitize(line, maxReason)
}

func groupSuffix(name string) string {
	if name == "" {
		return ""
	}
	return " in group " + sanitize(name, maxName)
}
