// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registrytest is a container registry inside the test process.
//
// [New] starts one on loopback, by plain HTTP or by TLS, open or behind basic or
// token authentication, sound or with scripted faults. It records every request,
// so that a test can say what was moved and who was given a credential.
// [Server.PushBase] puts a synthetic base image into it.
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

// Options say how a [Server] behaves. The zero value is an open registry by plain HTTP.
type Options struct {
	// TLS serves by TLS, with a certificate for 127.0.0.1 and example.com that no
	// system trusts: see [servertest.Server.CAFile].
	TLS bool
	// Username and Password are asked for if Username is set.
	Username, Password string
	// Token answers with a Bearer challenge and hands out a token at /token for
	// Username and Password; without Username it hands it to everyone.
	Token bool
	// RedirectBlobs is the base URL (scheme://host) to which GET requests for blobs
	// are redirected, with a signature in the query.
	RedirectBlobs string
	// Faults are consulted in order; the first that matches and is not used up acts.
	Faults []Fault
	// Wrap puts a handler of the test's own around all of it.
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

// New starts a registry, which ends with the test.
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

// Ref returns the reference of repo:tag or repo@digest in this registry.
func (s *Server) Ref(name string) string { return s.Host() + "/" + name }

// ServeHTTP records the request, then lets faults, authentication and redirects
// come before the registry itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := record(r)
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if f, ok := s.nextFault(req); ok {
		f.serve(w, r, s.inner)
		return
	}
	switch {
	case req.Kind == Token:
		s.serveToken(w, r)
	case !s.authorized(r):
		s.challenge(w)
	case s.opts.RedirectBlobs != "" && req.Kind == Blob && r.Method == http.MethodGet:
		http.Redirect(w, r, s.opts.RedirectBlobs+r.URL.Path+"?X-Signature=signed-query", http.StatusTemporaryRedirect)
	default:
		s.inner.ServeHTTP(w, r)
	}
}

// authorized asks for the token where there are tokens: the password is for /token only.
func (s *Server) authorized(r *http.Request) bool {
	if s.opts.Token {
		return r.Header.Get("Authorization") == "Bearer "+s.token
	}
	return s.knows(r.BasicAuth())
}

// knows reports whether these are the credentials that the options ask for.
func (s *Server) knows(username, password string, given bool) bool {
	if s.opts.Username == "" {
		return true
	}
	return given && username == s.opts.Username && password == s.opts.Password
}

// challenge tells a client how to authenticate.
func (s *Server) challenge(w http.ResponseWriter) {
	scheme := `Basic realm="test"`
	if s.opts.Token {
		scheme = `Bearer realm="` + s.URL() + `/token",service="test"`
	}
	w.Header().Set("WWW-Authenticate", scheme)
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
}

// serveToken knows the GET form of the token protocol and the OAuth form by POST,
// the latter with a password or with an identity token, which is Password too.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	username, password, given := r.BasicAuth()
	if r.Method == http.MethodPost {
		username, password, given = r.PostFormValue("username"), r.PostFormValue("password"), true
		if refresh := r.PostFormValue("refresh_token"); refresh != "" {
			username, password = s.opts.Username, refresh
		}
	}
	if !s.knows(username, password, given) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	quoted := url.PathEscape(s.token)
	io.WriteString(w, `{"token":"`+quoted+`","access_token":"`+quoted+`","expires_in":300}`)
}
