// SPDX-License-Identifier: AGPL-3.0-or-later

package gittest

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/prismeai/workspaces-release/builder/internal/servertest"
)

// Path is the path of the repository on a server.
const Path = "/org/repo.git"

// HTTPOptions configure an [HTTPServer]. The zero value is a public server over plain HTTP.
type HTTPOptions struct {
	// TLS enables TLS, with a certificate for 127.0.0.1 and example.com that no system trusts: see
	// [servertest.Server.CAFile].
	TLS bool
	// Username and Password are required from clients, if set.
	Username, Password string
	// Without lists capabilities that the server lacks.
	Without []capability.Capability
	// Wrap wraps the handler of the server.
	Wrap func(http.Handler) http.Handler
}

// Request is a request that the server received.
type Request struct {
	Method, Path string
	// Host is the host in the URL.
	Host string
	// Username and Password come from the Authorization header, if there is one.
	Username, Password string
	Authorized         bool
}

// HTTPServer is a server of Git's smart HTTP protocol.
type HTTPServer struct {
	servertest.Server
	uploads
	opts HTTPOptions

	mu       sync.Mutex
	requests []Request
}

// ServeHTTP starts a server and stops it when the test ends.
func ServeHTTP(t testing.TB, repository *Repository, opts HTTPOptions) *HTTPServer {
	t.Helper()
	s := &HTTPServer{uploads: uploads{repository: repository, without: opts.Without}, opts: opts}
	var handler http.Handler = http.HandlerFunc(s.serveGit)
	if opts.Wrap != nil {
		handler = opts.Wrap(handler)
	}
	s.Server = servertest.Start(t, s.recordRequests(handler), opts.TLS)
	return s
}

// Requests returns the requests received so far.
func (s *HTTPServer) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *HTTPServer) recordRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := Request{Method: r.Method, Path: r.URL.EscapedPath(), Host: r.Host}
		request.Username, request.Password, request.Authorized = r.BasicAuth()
		s.mu.Lock()
		s.requests = append(s.requests, request)
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (s *HTTPServer) serveGit(w http.ResponseWriter, r *http.Request) {
	username, password, _ := r.BasicAuth()
	if username != s.opts.Username && s.opts.Username != "" || s.opts.Password != "" && password != s.opts.Password {
		w.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
		http.Error(w, "you are not "+s.opts.Username, http.StatusUnauthorized)
		return
	}
	var err error
	switch r.Method + " " + r.URL.Path {
	case "GET " + Path + "/info/refs":
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		err = s.writeReferences(w, true)
	case "POST " + Path + "/git-upload-pack":
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		err = s.answerRequest(w, r.Body)
	default:
		http.NotFound(w, r)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
