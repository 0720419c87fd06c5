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

// Options of [New].
type Options struct {
	// Gate returns the policy in force.
	Gate func() state.GatePolicy
	// Metrics answers /metrics.
	Metrics http.Handler
	// Look answers /status?fresh=true; nil ignores fresh.
	Look Look
	// Reload loads the configuration again; nil turns POST /-/reload off.
	Reload func(context.Context) error
	// Import asks for another pass and returns at once; nil turns POST /-/import off.
	Import func()
	// Drain returns nil once no import of this pod runs, and keeps others from
	// starting; it bounds its time itself. Nil turns GET /drain off.
	Drain func(context.Context) error
	// DrainDelay is the least time that GET /drain takes, so that the service goes on
	// serving until nobody sends it requests. Nil stands for 0.
	DrainDelay func() time.Duration
	// AdminToken lets its bearer use both from elsewhere. With nil, or while it
	// returns an empty token, only callers from inside the pod may.
	AdminToken func() secret.Value
	// Build describes the program.
	Build version.Info
	// Namespace and Cluster of the pod, for the page; "" if they are not known.
	Namespace, Cluster string
	// RunbookURL is where the pages of docs/runbooks are; "" for this project's own.
	RunbookURL string
	Log        *slog.Logger
}

// Server answers from a store. It is safe for concurrent use.
type Server struct {
	Options
	store *state.Store
	page  *page
	looks *looks
}

// New returns a server that does not listen yet.
func New(store *state.Store, o Options) *Server {
	pod, _ := os.Hostname() // in a pod its name; only the page misses it
	return &Server{Options: o, store: store, page: newPage(o.Build, place{pod, o.Namespace, o.Cluster}, o.RunbookURL), looks: newLooks(o.Look)}
}

// Handler returns all routes. A path that is none of them is 404, another method
// of one that is 405.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.livez)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /metrics", limitConcurrency(s.metrics))
	mux.HandleFunc("GET /status", limitConcurrency(s.status))
	mux.HandleFunc("GET /{$}", limitConcurrency(s.statusPage))
	if s.Drain != nil {
		mux.HandleFunc("GET /drain", limitConcurrency(refuseBrowsers(s.drain)))
	}
	if s.Reload != nil {
		mux.Handle("POST /-/reload", s.guard(s.reload))
	}
	if s.Import != nil {
		mux.Handle("POST /-/import", s.guard(s.again))
	}
	return s.recoverPanics(withHeaders(mux))
}

// livez is about the process only: whatever happens to the import, a restart
// would not help.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	text(w, http.StatusOK, "alive")
}

// readyz answers with the line that [reason] makes.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	now := s.look()
	code := http.StatusServiceUnavailable
	if now.Gate.Open {
		code = http.StatusOK
	}
	text(w, code, reason(&now))
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	s.look() // the gate is among the metrics
	s.Metrics.ServeHTTP(w, r)
}

// status answers with the state, and with fresh=true asks the platform before.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	fresh := r.URL.Query().Get("fresh")
	if fresh != "" && fresh != "true" && fresh != "false" {
		text(w, http.StatusBadRequest, "fresh is true or false")
		return
	}
	if fresh == "true" && s.Look != nil {
		s.freshStatus(w, r)
		return
	}
	now := s.look()
	w.Header().Set("Content-Type", "application/json")
	_ = writeStatus(w, &now) // the client went away
}

// look decides about the gate and returns the state with the decision in it. The
// gate is decided when somebody asks, so that none has to wait for a timer.
func (s *Server) look() state.Snapshot {
	gate, changed := s.store.Gate(s.Gate())
	now := s.store.Get()
	now.Gate = gate // of this look, whatever came since
	if !changed {
		return now
	}
	level := slog.LevelInfo
	if gate.Why != state.GateConfirmed {
		level = slog.LevelWarn
	}
	s.Log.Log(context.Background(), level, "gate is open", "why", gate.Why, "policy", s.Gate().String(), "confirmed", now.Confirmed)
	return now
}

// text answers with one line.
func text(w http.ResponseWriter, code int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, line+"\n") // the client went away
}

// reason says in one line why the pod is Ready or not: the output of an exec
// probe stands in the events of the pod. It has no times, as Kubernetes counts
// events only while they are equal.
func reason(s *state.Snapshot) string {
	line := ""
	switch s.Gate.Why {
	case state.GateConfirmed:
		line = "ready: the release is confirmed"
	case state.GateTimedOut:
		line = "ready without confirmation: the gate opened after its time"
	case state.GateOff:
		line = "ready without confirmation: the gate is off"
	default:
		line = "not ready: " + string(s.Phase)
	}
	if s.Release.Name != "" {
		line += fmt.Sprintf(", release %s", printable(s.Release.Name, maxName))
	}
	if p := s.Problem; p != nil {
		line += fmt.Sprintf("; %s%s: %s", p.Reason, inGroup(p.Group), printable(p.Message, maxCause))
		if !s.Gate.Open {
			line += "; remedy: " + p.Remedy
		}
	}
	return printable(line, maxReason)
}

func inGroup(name string) string {
	if name == "" {
		return ""
	}
	return " in group " + printable(name, maxName)
}
