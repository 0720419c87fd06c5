// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// options returns options that enable all routes.
func options() Options {
	return Options{
		Gate:       func() state.GatePolicy { return state.GatePolicy{} },
		Metrics:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "metrics\n") }),
		Reload:     func(context.Context) error { return nil },
		Import:     func() {},
		AdminToken: func() secret.Value { return secret.New(adminToken) },
		Build:      version.Info{Version: "v1.2.3", Go: "go1.26", Platform: "linux/amd64"},
		Log:        slog.New(slog.DiscardHandler),
	}
}

const adminToken = "admin-canary-77aa"

func TestRoutes(t *testing.T) {
	store := state.NewStore()
	off := options()
	off.Reload, off.Import = nil, nil
	broken := options()
	broken.Reload = func(context.Context) error { return errors.New("line 3:\nunknown key") }
	for name, c := range map[string]struct {
		o             Options
		method, path  string
		code          int
		body, headers string
	}{
		"livez":               {options(), "GET", "/livez", 200, "alive\n", ""},
		"livez of HEAD":       {options(), "HEAD", "/livez", 200, "", ""},
		"readyz":              {options(), "GET", "/readyz", 503, "not ready: Waiting\n", ""},
		"metrics":             {options(), "GET", "/metrics", 200, "metrics\n", ""},
		"unknown":             {options(), "GET", "/livez/", 404, "404 page not found\n", ""},
		"unknown of POST":     {options(), "POST", "/-/nothing", 404, "404 page not found\n", ""},
		"other method":        {options(), "POST", "/readyz", 405, "Method Not Allowed\n", "Allow: GET, HEAD"},
		"page of POST":        {options(), "POST", "/", 405, "Method Not Allowed\n", "Allow: GET, HEAD"},
		"reload of GET":       {options(), "GET", "/-/reload", 405, "Method Not Allowed\n", "Allow: POST"},
		"reload":              {options(), "POST", "/-/reload", 200, "reloaded\n", ""},
		"reload that fails":   {broken, "POST", "/-/reload", 500, "not reloaded, the old configuration stays in effect: line 3: unknown key\n", ""},
		"reload that is off":  {off, "POST", "/-/reload", 404, "404 page not found\n", ""},
		"import":              {options(), "POST", "/-/import", 202, "a pass has been requested\n", ""},
		"import that is off":  {off, "POST", "/-/import", 404, "404 page not found\n", ""},
		"metrics of a DELETE": {options(), "DELETE", "/metrics", 405, "Method Not Allowed\n", "Allow: GET, HEAD"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, New(store, c.o).Handler(), httptest.NewRequest(c.method, c.path, nil))
			if got.Code != c.code || c.method != "HEAD" && got.Body.String() != c.body {
				t.Errorf("answer %d %q, want %d %q", got.Code, got.Body, c.code, c.body)
			}
			if key, value, _ := strings.Cut(c.headers, ": "); got.Header().Get(key) != value {
				t.Errorf("headers %v, want %s", got.Header(), c.headers)
			}
		})
	}
}

// ask returns the response to a request from inside the pod.
func ask(t *testing.T, h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	if r.RemoteAddr == "192.0.2.1:1234" { // the default of httptest
		r.RemoteAddr = "127.0.0.1:40000"
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for _, name := range []string{"Cache-Control", "Content-Security-Policy", "X-Content-Type-Options"} {
		if w.Header().Get(name) == "" {
			t.Errorf("%s %s is answered without %s", r.Method, r.URL, name)
		}
	}
	return w
}
