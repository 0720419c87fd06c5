// SPDX-License-Identifier: AGPL-3.0-or-later

package registrytest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a request.
type Kind string

// The kinds of requests.
const (
	Ping      Kind = "ping"
	Manifest  Kind = "manifest"
	Blob      Kind = "blob"
	Upload    Kind = "upload"
	Referrers Kind = "referrers"
	Token     Kind = "token"
	Other     Kind = "other"
)

// Request is a recorded request.
type Request struct {
	Method string
	Kind   Kind
	// Path and Query are parts of the URL.
	Path, Query string
	// Authorization is the value of the header.
	Authorization string
	// ContentLength is the length of the body in bytes; -1 if unknown.
	ContentLength int64
}

// newRequest returns the record of a request.
func newRequest(r *http.Request) Request {
	return Request{
		Method:        r.Method,
		Kind:          kindOf(r.URL.Path),
		Path:          r.URL.Path,
		Query:         r.URL.RawQuery,
		Authorization: r.Header.Get("Authorization"),
		ContentLength: r.ContentLength,
	}
}

// kindOf returns the kind of a path of the distribution API.
func kindOf(path string) Kind {
	switch {
	case path == "/token":
		return Token
	case path == "/v2/" || path == "/v2":
		return Ping
	case strings.Contains(path, "/manifests/"):
		return Manifest
	case strings.Contains(path, "/blobs/uploads/"):
		return Upload
	case strings.Contains(path, "/blobs/"):
		return Blob
	case strings.Contains(path, "/referrers/"):
		return Referrers
	default:
		return Other
	}
}

// Requests returns the recorded requests in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count returns the number of requests with a method and a kind. An empty value matches all.
func (s *Server) Count(method string, kind Kind) int {
	n := 0
	for _, r := range s.Requests() {
		if (method == "" || method == r.Method) && (kind == "" || kind == r.Kind) {
			n++
		}
	}
	return n
}

// Reset discards the recorded requests.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Fault is a failure of requests with a method and a kind. An empty value matches all. Times limits
// how often it applies; 0 means always.
type Fault struct {
	Method string
	Kind   Kind
	Times  int

	// Status is the status of the response, with a Retry-After header of RetryAfter seconds unless
	// that is 0.
	Status     int
	RetryAfter int
	// Drop closes the connection without a response.
	Drop bool
	// Body replaces the body of the response.
	Body []byte
	// Truncate closes the connection in the middle of the body.
	Truncate bool
}

// AddFault appends a fault to those of the options.
func (s *Server) AddFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// nextFault returns the fault for a request and removes it when it is used up.
func (s *Server) nextFault(r Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if (f.Method != "" && f.Method != r.Method) || (f.Kind != "" && f.Kind != r.Kind) {
			continue
		}
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			s.faults[i].Times--
		}
		return f, true
	}
	return Fault{}, false
}

// serveFault serves a request with the fault. Aborting the handler makes net/http drop the connection.
func (f Fault) serveFault(w http.ResponseWriter, r *http.Request, inner http.Handler) {
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Body != nil:
		inner.ServeHTTP(&replacingWriter{ResponseWriter: w, body: f.Body}, r)
	case f.Truncate:
		inner.ServeHTTP(truncatingWriter{w}, r)
	default:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.WriteHeader(f.Status)
	}
}

// replacingWriter keeps the headers of a response and replaces the body.
type replacingWriter struct {
	http.ResponseWriter
	body    []byte
	written bool
}

func (w *replacingWriter) WriteHeader(status int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(w.body)))
	w.ResponseWriter.WriteHeader(status)
}

func (w *replacingWriter) Write(p []byte) (int, error) {
	if !w.written {
		w.written = true
		w.ResponseWriter.Write(w.body)
	}
	return len(p), nil
}

// truncatingWriter writes the first half of the body and then drops the connection.
type truncatingWriter struct{ http.ResponseWriter }

func (w truncatingWriter) Write(p []byte) (int, error) {
	w.ResponseWriter.Write(p[:len(p)/2])
	http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
