// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Gateway is the public API in front of the pods. It authenticates, limits rates and forwards
// requests to a ready pod. It is an [http.Handler].
type Gateway struct {
	// Faults applies to requests to the gateway. It may be nil.
	Faults *Script
	// Service is the URL of pods in other processes. Nil means the pods of this process.
	Service *url.URL

	platform *Platform
	outside  *http.Transport // to the Service, whose pods come and go
	mux      *http.ServeMux
	mu       sync.Mutex
	windows  map[string]*window
}

// userID is the owner of the token, a super admin.
const userID = "user-1"

// window counts requests within a minute.
type window struct {
	start time.Time
	n     int
}

// NewGateway returns a gateway for the platform.
func (p *Platform) NewGateway() *Gateway {
	g := &Gateway{platform: p, outside: &http.Transport{DisableKeepAlives: true}, mux: http.NewServeMux(),
		windows: map[string]*window{}}
	g.mux.HandleFunc("GET /v2/me", g.serveMe)
	g.mux.HandleFunc("GET /v2/readiness", g.serveReadiness)
	g.mux.HandleFunc("GET /sys/healthcheck", serveHealthcheck)
	g.mux.HandleFunc("GET /v2/workspaces/{id}/events", g.limitRate("events", p.opts.EventReadsPerMinute, p.serveEvents))
	g.mux.HandleFunc("POST /v2/workspaces/{id}/versions/{version}/pull",
		g.limitRate("pull", p.opts.PullsPerMinute, g.forwardRequest))
	g.mux.HandleFunc("POST /v2/workspaces/import", g.limitRate("pull", p.opts.PullsPerMinute, g.forwardUpload))
	g.mux.HandleFunc("POST /v2/workspaces/{id}/import", g.limitRate("pull", p.opts.PullsPerMinute, g.forwardUpload))
	g.mux.HandleFunc("POST /v2/workspaces", g.limitRate("create", p.opts.CreatesPerMinute, g.forwardRequest))
	g.mux.HandleFunc("/v2/workspaces", g.forwardRequest)
	g.mux.HandleFunc("/v2/workspaces/", g.forwardRequest)
	g.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, object{"error": "NotFoundError", "message": "Not found",
			"details": object{"path": r.URL.Path}})
	})
	return g
}

// ServeHTTP implements [http.Handler].
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	clean := r.Clone(r.Context())
	for name := range clean.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-prismeai-") && name != "x-prismeai-api-key" {
			clean.Header.Del(name)
		}
	}
	if id := clean.Header.Get(correlationHeader); id == "" || !g.platform.opts.KeepCorrelationID {
		clean.Header.Set(correlationHeader, g.platform.newID("corr"))
	}
	w.Header().Set(correlationHeader, clean.Header.Get(correlationHeader))
	g.platform.serveRecorded("gateway", g.Faults, http.HandlerFunc(g.authenticate), w, clean)
}

func (g *Gateway) authenticate(w http.ResponseWriter, r *http.Request) {
	o := &g.platform.opts
	byToken := g.platform.hasToken(r)
	byKey := o.InternalKey != "" && r.Header.Get("x-prismeai-api-key") == o.InternalKey && r.URL.Path == "/v2/readiness"
	if !byToken && !byKey && r.URL.Path != "/sys/healthcheck" {
		w.Header().Del(correlationHeader) // observed: the gateway rejects a token before it assigns an ID
		g.platform.writeError(w, http.StatusUnauthorized, "AuthenticationError", "Unauthenticated", nil)
		return
	}
	g.mux.ServeHTTP(w, r)
}

// limitRate limits requests per minute. Successful responses carry Retry-After as well, and a
// rejection has it only in its details (platform contract §9).
func (g *Gateway) limitRate(bucket string, limit int, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		left, ok := g.takeRequest(bucket, limit)
		if !ok {
			g.platform.writeError(w, http.StatusTooManyRequests, "TooManyRequests", "Too many requests",
				object{"retryAfter": left.Seconds()})
			return
		}
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(left.Seconds()))))
		w.Header().Set("X-RateLimit-Limit", strconv.Itoa(limit))
		h(w, r)
	}
}

func (g *Gateway) takeRequest(bucket string, limit int) (left time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	win := g.windows[bucket]
	if win == nil || time.Since(win.start) >= time.Minute {
		win = &window{start: time.Now()}
		g.windows[bucket] = win
	}
	win.n++
	return time.Minute - time.Since(win.start), limit < 0 || win.n <= limit
}

// forwardUpload forwards an archive within the size limit.
func (g *Gateway) forwardUpload(w http.ResponseWriter, r *http.Request) {
	if limit := g.platform.opts.GatewayLimit; r.ContentLength > limit {
		_, _ = io.Copy(io.Discard, r.Body) // the client sends everything before it reads
		g.platform.writeError(w, http.StatusRequestEntityTooLarge, "PayloadTooLarge", "request entity too large",
			object{"length": r.ContentLength, "limit": limit})
		return
	}
	g.forwardRequest(w, r)
}

// forwardRequest sends the request to a ready pod, which may carry another release.
func (g *Gateway) forwardRequest(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), gatewayKey{}, true), g.platform.opts.ProxyTimeout)
	defer cancel()
	out := r.Clone(ctx)
	out.Header.Set("x-prismeai-user-id", userID)
	out.Header.Set("x-prismeai-role", "superadmin")
	resp, err := g.sendToService(out)
	var body []byte
	if err == nil {
		defer resp.Body.Close()
		if resp.Header.Get("Content-Type") == eventStream {
			relayResponse(w, resp)
			return
		}
		body, err = io.ReadAll(resp.Body)
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		writeJSON(w, http.StatusRequestTimeout, object{"error": "TimeoutError",
			"timeout": g.platform.opts.ProxyTimeout.Milliseconds()})
	case err != nil:
		g.rejectBroken(w)
	default:
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body) // the client may have gone
	}
}

// relayResponse forwards a stream without buffering.
func relayResponse(w http.ResponseWriter, resp *http.Response) {
	w.Header().Set("Content-Type", eventStream)
	w.WriteHeader(resp.StatusCode)
	part := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(part)
		_, _ = w.Write(part[:n]) // the client may have gone
		_ = http.NewResponseController(w).Flush()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// sendToService sends the request to a pod of the Service.
func (g *Gateway) sendToService(r *http.Request) (*http.Response, error) {
	if g.Service != nil {
		r.URL.Scheme, r.URL.Host, r.Host = g.Service.Scheme, g.Service.Host, ""
		return g.outside.RoundTrip(r)
	}
	if pod := g.platform.readyPod(); pod != nil {
		return Transport(pod).RoundTrip(r)
	}
	return nil, syscall.ECONNREFUSED
}

// reachesService reports whether the service responds.
func (g *Gateway) reachesService(ctx context.Context) bool {
	if g.Service == nil {
		return g.platform.readyPod() != nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Service.JoinPath("sys/healthcheck").String(), http.NoBody)
	if err != nil {
		return false
	}
	resp, err := g.sendToService(r)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// rejectBroken responds like the gateway if the service refuses or resets the connection.
func (g *Gateway) rejectBroken(w http.ResponseWriter) {
	writeJSON(w, http.StatusInternalServerError, object{"error": "Internal", "message": "Internal server error",
		"success": false})
}

func (g *Gateway) serveMe(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, object{"id": userID, "email": "admin@example.com", "sessionId": "session-1",
		"expires": formatISO(time.Now().Add(30 * 24 * time.Hour))})
}

// serveReadiness serves GET /v2/readiness (platform contract §4).
func (g *Gateway) serveReadiness(w http.ResponseWriter, r *http.Request) {
	names := []string{"api-gateway", "runtime", "events", "workspaces"}
	if asked := r.URL.Query().Get("services"); asked != "" {
		names = strings.Split(asked, ",")
	}
	noPod, ready, services := !g.reachesService(r.Context()), true, object{}
	for _, name := range names {
		ok := !noPod || name != "workspaces" && (name != "api-gateway" || !g.platform.opts.ReadinessNeedsPod)
		ready = ready && ok
		services[name] = describeService(name, ok)
	}
	if ready {
		writeJSON(w, http.StatusOK, object{"status": "ready", "services": services})
		return
	}
	writeJSON(w, http.StatusBadRequest, object{"status": "error", "services": services})
}

// describeService returns the readiness of a service, which is flat for the gateway itself and nested
// for the others.
func describeService(name string, ok bool) object {
	state := object{"status": "ready", "modulesReady": []string{"broker"}}
	if !ok {
		state = object{"status": "error", "errors": []object{{"error": "FetchError", "module": "workspaces", "driver": "http",
			"message": "workspaces cannot be reached"}}}
	}
	if name == "api-gateway" {
		return state
	}
	return object{"status": state["status"], "url": "http://" + name, "response": state}
}
