// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// Kind is the kind of a [Fault].
type Kind int

// Kinds of faults.
const (
	// Answer sends Status and Body instead of handling the request.
	Answer Kind = iota + 1
	// AnswerAfter handles the request and then sends Status and Body.
	AnswerAfter
	// ResetBefore breaks the connection without handling the request.
	ResetBefore
	// ResetAfter handles the request and breaks the connection without a response.
	ResetAfter
	// Truncate breaks the connection after the first Bytes of the response.
	Truncate
	// Stall sends the first Bytes of the response and then nothing, until the client gives up.
	Stall
	// Hang does not handle the request and sends nothing until the client gives up.
	Hang
	// Duplicate handles the request twice and sends the first response.
	Duplicate
	// Alter handles the request and sends the response modified by Edit, with Status and Header if
	// set.
	Alter
	// Pass handles the request normally, after Delay and with the hooks.
	Pass
)

// Fault is a failure of requests for an operation.
type Fault struct {
	// Op is an operation of [OpOf]. Empty means all requests.
	Op string
	// If selects requests in addition to Op. Nil selects all.
	If func(*http.Request) bool
	// Nth is the first matching request to fail, counted from 1. 0 means 1.
	Nth int
	// Times is the number of failing requests. 0 means 1, negative means no limit.
	Times int

	Kind   Kind
	Delay  time.Duration // before anything else
	Status int           // 0 means 200
	Header http.Header
	Body   string
	Bytes  int // negative counts from the end
	Edit   func(body []byte) []byte
	// Before and After run around the request, for example to kill a pod. They may be nil.
	Before, After func()
}

// Bodies that the platform does not send.
const (
	HTML    = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
	Garbage = "\x00\xff{]not json"
)

// Huge returns a JSON document of about n bytes.
func Huge(n int) string {
	return `{"repositoryId":"release","padding":"` + string(bytes.Repeat([]byte("x"), n)) + `"}`
}

// Script is a list of faults. The zero value has none. It is safe for concurrent use.
type Script struct {
	mu     sync.Mutex
	faults []*plannedFault
}

type plannedFault struct {
	Fault
	seen int
}

// Add appends faults. The first fault that matches a request applies.
func (s *Script) Add(faults ...Fault) *Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &plannedFault{Fault: f})
	}
	return s
}

// Clear removes all faults.
func (s *Script) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// nextFault returns the fault for a request, or one without effect. Every fault counts all requests for
// its operation.
func (s *Script) nextFault(r *http.Request) (hit Fault) {
	hit.Kind = Pass
	if s == nil {
		return hit
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for _, f := range s.faults {
		if f.Op != "" && f.Op != OpOf(r) || f.If != nil && !f.If(r) {
			continue
		}
		f.seen++
		first, times := max(f.Nth, 1), f.Times
		if times == 0 {
			times = 1
		}
		if !found && f.seen >= first && (times < 0 || f.seen < first+times) {
			hit, found = f.Fault, true
		}
	}
	return hit
}

// serveFault handles a request with its fault.
func (s *Script) serveFault(h http.Handler, w http.ResponseWriter, r *http.Request) {
	f := s.nextFault(r)
	if !sleep(r.Context(), f.Delay) && f.Delay > 0 {
		panic(http.ErrAbortHandler)
	}
	if f.Before != nil {
		f.Before()
	}
	if f.After != nil {
		defer f.After()
	}
	f.applyFault(h, w, r)
}

func (f *Fault) applyFault(h http.Handler, w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case Answer:
		f.sendAnswer(w)
	case AnswerAfter:
		recordResponse(h, r)
		f.sendAnswer(w)
	case ResetBefore:
		panic(http.ErrAbortHandler)
	case ResetAfter:
		recordResponse(h, r)
		panic(http.ErrAbortHandler)
	case Truncate, Stall:
		f.sendPart(recordResponse(h, r), w, r)
	case Hang:
		_, _ = io.Copy(io.Discard, r.Body) // a server only notices past the body that the client has gone
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Duplicate:
		f.handleTwice(h, w, r)
	case Alter:
		f.sendAltered(recordResponse(h, r), w)
	default:
		h.ServeHTTP(w, r)
	}
}

func (f *Fault) sendAnswer(w http.ResponseWriter) {
	copyHeader(w.Header(), f.Header)
	w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
	_, _ = io.WriteString(w, f.Body) // the client may have gone
}

// sendPart announces the length of the whole response and sends its start.
func (f *Fault) sendPart(whole *httptest.ResponseRecorder, w http.ResponseWriter, r *http.Request) {
	copyHeader(w.Header(), whole.Header())
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	end := f.Bytes
	if end < 0 {
		end += whole.Body.Len()
	}
	_, _ = w.Write(whole.Body.Bytes()[:max(0, min(end, whole.Body.Len()))]) // the client may have gone
	_ = http.NewResponseController(w).Flush()
	if f.Kind == Stall {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (f *Fault) sendAltered(whole *httptest.ResponseRecorder, w http.ResponseWriter) {
	copyHeader(w.Header(), whole.Header())
	copyHeader(w.Header(), f.Header)
	body := whole.Body.Bytes()
	if f.Edit != nil {
		body = f.Edit(body)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(cmp.Or(f.Status, whole.Code))
	_, _ = w.Write(body) // the client may have gone
}

func (f *Fault) handleTwice(h http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	first := recordResponse(h, r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	recordResponse(h, r)
	copyHeader(w.Header(), first.Header())
	w.WriteHeader(first.Code)
	_, _ = w.Write(first.Body.Bytes()) // the client may have gone
}

func recordResponse(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func copyHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = values
	}
}

// TimeoutFor returns the timeout of a client whose request should fail with an error of the class. A
// busy machine does not exceed it, unless the test waits for the timeout itself.
func TimeoutFor(want platform.Class) time.Duration {
	if want == platform.ClassTimeout {
		return 2 * time.Second
	}
	return 2 * time.Minute
}
