// SPDX-License-Identifier: AGPL-3.0-or-later

package registrytest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a request is about.
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

// Request is what was recorded of a request.
type Request struct {
	Method string
	Kind   Kind
	// Path is the URL's path, Query the rest of it.
	Path, Query string
	// Authorization is the header's value.
	Authorization string
	// ContentLength is that of the request's body, -1 if unknown.
	ContentLength int64
}

// record takes from a request what tests ask for.
func record(r *http.Request) Request {
	return Request{
		Method:        r.Method,
		Kind:          kindOf(r.URL.Path),
		Path:          r.URL.Path,
		Query:         r.URL.RawQuery,
		Authorization: r.Header.Get("Authorization"),
		ContentLength: r.ContentLength,
	}
}

// kindOf reads the kind off a path of the distribution API.
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

// Requests returns what was asked so far, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count returns how many requests had the method and the kind; an empty value matches all.
func (s *Server) Count(method string, kind Kind) int {
	n := 0
	for _, r := range s.Requests() {
		if (method == "" || method == r.Method) && (kind == "" || kind == r.Kind) {
			n++
		}
	}
	return n
}

// Reset forgets the requests so far.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Fault is something that goes wrong. It applies to requests of the method and
// the kind (an empty value matches all), Times times (0 means always).
type Fault struct {
	Method string
	Kind   Kind
	Times  int

	// Status is answered, with a Retry-After header if RetryAfter (seconds) is not 0.
	Status     int
	RetryAfter int
	// Drop closes the connection without an answer.
	Drop bool
	// Body replaces the true answer's body.
	Body []byte
	// Truncate announces the true answer and ends the connection in the middle of it.
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

// serve does the damage. Aborting the handler is how net/http drops a connection.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, inner http.Handler) {
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

// replacingWriter keeps the headers of an answer and writes another body.
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

// truncatingWriter writes the first half of an answer, then drops the connection.
type truncatingWriter struct{ http.ResponseWriter }

func (w truncatingWriter) Write(p []byte) (int, error) {
	w.ResponseWriter.Write(p[:len(p)/2])
	http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
