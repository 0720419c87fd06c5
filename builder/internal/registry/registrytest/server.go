// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registrytest provides a container registry in the test process.
//
// [New] starts a registry on loopback, with plain HTTP or TLS, with anonymous, basic or token
// authentication, and with scripted faults. It records all requests, so that tests can check which
// blobs were transferred and which hosts received credentials. [Server.PushBase] adds a synthetic
// base image.
package registrytest

import (
	"io"
	"log"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/prismeai/workspaces-release/builder/internal/servertest"
)

// Options configure a [Server]. The zero value is an anonymous registry over plain HTTP.
type Options struct {
	// TLS enables TLS, with a certificate for 127.0.0.1 and example.com that no system trusts: see
	// [servertest.Server.CAFile].
	TLS bool
	// Username and Password are required from clients if Username is set.
	Username, Password string
	// Token enables token authentication. /token returns a token for Username and Password, or for
	// every client if Username is empty.
	Token bool
	// RedirectBlobs is the base URL (scheme://host) to which GET requests for blobs
	// are redirected, with a signature in the query.
	RedirectBlobs string
	// Faults are tried in order. The first one that matches and is not used up applies.
	Faults []Fault
	// Wrap wraps the handler of the registry.
	Wrap func(http.Handler) http.Handler
}

// Server is a running registry.
type Server struct {
	servertest.Server
	inner http.Handler
	opts  Options
	token string

	mu       sync.Mutex
	faults   []Fault
	requests []Request
}

// New starts a registry and stops it when the test ends.
func New(t testing.TB, opts Options) *Server {
	t.Helper()
	s := &Server{
		inner: registry.New(
			registry.Logger(log.New(io.Discard, "", 0)),
			registry.WithReferrersSupport(true),
		),
		opts:   opts,
		token:  "token-of-" + opts.Username,
		faults: append([]Fault(nil), opts.Faults...),
	}
	var handler http.Handler = s
	if opts.Wrap != nil {
		handler = opts.Wrap(handler)
	}
	s.Server = servertest.Start(t, handler, opts.TLS)
	return s
}

// Ref returns the full reference of repo:tag or repo@digest.
func (s *Server) Ref(name string) string { return s.Host() + "/" + name }

// ServeHTTP records the request and applies faults, authentication and redirects before the
// registry handles it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := newRequest(r)
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if f, ok := s.nextFault(req); ok {
		f.serveFault(w, r, s.inner)
		return
	}
	switch {
	case req.Kind == Token:
		s.serveToken(w, r)
	case !s.isAuthorized(r):
		s.writeChallenge(w)
	case s.opts.RedirectBlobs != "" && req.Kind == Blob && r.Method == http.MethodGet:
		http.Redirect(w, r, s.opts.RedirectBlobs+r.URL.Path+"?X-Signature=signed-query", http.StatusTemporaryRedirect)
	default:
		s.inner.ServeHTTP(w, r)
	}
}

// isAuthorized reports whether a request has the token or, without token authentication, the
// password.
func (s *Server) isAuthorized(r *http.Request) bool {
	if s.opts.Token {
		return r.Header.Get("Authorization") == "Bearer "+s.token
	}
	return s.acceptsLogin(r.BasicAuth())
}

// acceptsLogin reports whether the options accept these credentials.
func (s *Server) acceptsLogin(username, password string, given bool) bool {
	if s.opts.Username == "" {
		return true
	}
	return given && username == s.opts.Username && password == s.opts.Password
}

// writeChallenge responds with 401 and the authentication challenge.
func (s *Server) writeChallenge(w http.ResponseWriter) {
	scheme := `Basic realm="test"`
	if s.opts.Token {
		scheme = `Bearer realm="` + s.URL() + `/token",service="test"`
	}
	w.Header().Set("WWW-Authenticate", scheme)
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
}

// serveToken serves the GET form and the OAuth POST form of the token protocol. The latter accepts a
// password or an identity token, which is Password as well.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	username, password, given := r.BasicAuth()
	if r.Method == http.MethodPost {
		username, password, given = r.PostFormValue("username"), r.PostFormValue("password"), true
		if refresh := r.PostFormValue("refresh_token"); refresh != "" {
			username, password = s.opts.Username, refresh
		}
	}
	if !s.acceptsLogin(username, password, given) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	quoted := url.PathEscape(s.token)
	io.WriteString(w, `{"token":"`+quoted+`","access_token":"`+quoted+`","expires_in":300}`)
}
