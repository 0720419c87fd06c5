// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"
)

// Pod is a replica of the workspaces service on its own port. It is an [http.Handler] and an
// [Endpoint].
type Pod struct {
	// Name is the name of the pod, which events carry as source.host.replica.
	Name string
	// Faults applies to requests to this pod. It may be nil.
	Faults *Script

	platform *Platform
	release  *Release
	work     sync.WaitGroup
	state    podState // guarded by platform.mu
	mux      *http.ServeMux
}

type podState struct {
	listening, ready, killed bool
	life                     context.Context // ends when the pod is killed
	end                      context.CancelFunc
}

// NewPod adds a pod with a release. It listens, and is not ready.
func (p *Platform) NewPod(name string, release *Release) *Pod {
	pod := &Pod{Name: name, platform: p, release: release, mux: http.NewServeMux()}
	pod.state.life, pod.state.end = context.WithCancel(context.Background())
	pod.state.listening = true
	pod.registerRoutes()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pods = append(p.pods, pod)
	return pod
}

func (pod *Pod) registerRoutes() {
	guarded := func(pattern string, h http.HandlerFunc) { pod.mux.Handle(pattern, pod.requireIdentity(h)) }
	guarded("POST /v2/workspaces/platform/versions/latest/pull", pod.servePull)
	guarded("POST /v2/workspaces/platform/versions", pod.servePush)
	guarded("GET /v2/workspaces/platform", pod.servePlatform)
	guarded("GET /v2/workspaces", pod.platform.allowParameters(pod.platform.serveWorkspaces,
		"page", "limit", "labels", "name", "slug", "email", "sort", "ids", "search", "owned", "dirty"))
	guarded("POST /v2/workspaces", pod.platform.serveCreate)
	guarded("GET /v2/workspaces/{id}", pod.platform.allowParameters(pod.platform.serveDetail, "version"))
	guarded("PATCH /v2/workspaces/{id}", pod.platform.allowParameters(pod.platform.servePatch))
	guarded("GET /v2/workspaces/{id}/status", pod.platform.serveStatus)
	guarded("GET /v2/workspaces/{id}/security/secrets", pod.platform.serveSecrets)
	guarded("POST /v2/workspaces/{id}/versions/{version}/export", pod.platform.serveExportAt(true))
	guarded("GET /v2/workspaces/{id}/export", pod.platform.serveExportAt(false))
	guarded("POST /v2/workspaces/import", pod.serveArchiveImport)
	guarded("POST /v2/workspaces/{id}/import", pod.serveArchiveImport)
	if pod.platform.opts.PodEvents {
		guarded("GET /v2/workspaces/{id}/events", pod.platform.serveEvents)
	}
	pod.mux.HandleFunc("GET /sys/healthcheck", serveHealthcheck)
	pod.mux.HandleFunc("/", rejectUnknownRoute)
}

// SetListening opens or closes the port of the pod.
func (pod *Pod) SetListening(on bool) { pod.updateState(func(s *podState) { s.listening = on }) }

// SetReady sets whether the Service sends requests to the pod.
func (pod *Pod) SetReady(on bool) { pod.updateState(func(s *podState) { s.ready = on }) }

func (pod *Pod) updateState(change func(*podState)) {
	pod.platform.mu.Lock()
	defer pod.platform.mu.Unlock()
	change(&pod.state)
}

// Listening implements [Endpoint].
func (pod *Pod) Listening() bool {
	pod.platform.mu.Lock()
	defer pod.platform.mu.Unlock()
	return pod.state.listening && !pod.state.killed
}

// Kill stops the pod like the service stops on SIGTERM: immediately, even during an import, which
// leaves the write lock behind. It waits for the pod's goroutines.
func (pod *Pod) Kill() {
	pod.updateState(func(s *podState) {
		s.killed, s.ready = true, false
		s.end()
	})
	pod.work.Wait()
}

// Restart restarts a pod after [Pod.Kill], like the restart of its container.
func (pod *Pod) Restart() {
	pod.updateState(func(s *podState) {
		s.killed = false
		s.life, s.end = context.WithCancel(context.Background())
	})
}

// lifetime returns a context that ends when the pod is killed.
func (pod *Pod) lifetime() context.Context {
	pod.platform.mu.Lock()
	defer pod.platform.mu.Unlock()
	return pod.state.life
}

// ServeHTTP implements [http.Handler]. It resets requests to a killed pod.
func (pod *Pod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := cmp.Or(r.Header.Get(correlationHeader), pod.platform.newID("corr"))
	r.Header.Set(correlationHeader, id)
	w.Header().Set(correlationHeader, id)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(pod.lifetime(), cancel)()
	pod.platform.serveRecorded(pod.Name, pod.Faults, http.HandlerFunc(pod.serveAlive), w, r.WithContext(ctx))
}

func (pod *Pod) serveAlive(w http.ResponseWriter, r *http.Request) {
	if pod.lifetime().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	pod.mux.ServeHTTP(w, r)
}

// serveRecorded applies the faults of a server and records the request.
func (p *Platform) serveRecorded(
	server string,
	faults *Script,
	h http.Handler,
	w http.ResponseWriter,
	r *http.Request,
) {
	seen := &statusWriter{ResponseWriter: w}
	at := time.Now()
	defer func() {
		p.recordRequest(Request{At: at, Server: server, Op: OpOf(r), Status: seen.status,
			CorrelationID: r.Header.Get(correlationHeader),
			User:          r.Header.Get("x-prismeai-user-id")})
	}()
	faults.serveFault(h, seen, r)
}

// statusWriter records the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.status = cmp.Or(w.status, http.StatusOK)
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type gatewayKey struct{}

// requireIdentity accepts the gateway, and direct calls depending on the variant (platform contract
// §3.3).
func (pod *Pod) requireIdentity(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &pod.platform.opts
		viaGateway := r.Context().Value(gatewayKey{}) != nil
		byToken := o.PodToken && pod.platform.hasToken(r)
		byHeaders := !o.RefuseHeaders && r.Header.Get("x-prismeai-user-id") != ""
		switch {
		case !viaGateway && !byToken && !byHeaders:
			pod.platform.writeError(w, http.StatusUnauthorized, "AuthenticationError", "Unauthenticated", nil)
		case !viaGateway && !byToken && r.Header.Get("x-prismeai-role") != "superadmin":
			pod.platform.writeError(w, http.StatusForbidden, "ForbiddenError", "Only super admins can do this", nil)
		default:
			h(w, r)
		}
	})
}
