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
)

// Kind of a [Fault].
type Kind int

// The kinds of faults.
const (
	// Answer sends Status and Body instead of handling the request.
	Answer Kind = iota + 1
	// AnswerAfter handles the request and then sends Status and Body.
	AnswerAfter
	// ResetBefore breaks the connection without handling the request.
	ResetBefore
	// ResetAfter handles the request and breaks the connection without an answer.
	ResetAfter
	// Truncate breaks the connection after the first Bytes of the answer.
	Truncate
	// Stall sends the first Bytes of the answer and then nothing, until the client gives up.
	Stall
	// Hang handles nothing and sends nothing until the client gives up.
	Hang
	// Duplicate handles the request twice and sends the first answer.
	Duplicate
	// Alter handles the request and sends the answer as Edit makes it, with
	// Status and Header if they are set.
	Alter
	// Pass handles the request as usual, after Delay and around the hooks.
	Pass
)

// Fault is what happens to requests of an operation.
type Fault struct {
	// Op as of [OpOf]; empty for every request.
	Op string
	// If tells whether a request matches that is of Op; nil for yes.
	If func(*http.Request) bool
	// Nth matching request is hit first, counted from 1; 0 is 1.
	Nth int
	// Times it is hit; 0 is once, negative is forever.
	Times int

	Kind   Kind
	Delay  time.Duration // before anything else
	Status int           // 200 if 0
	Header http.Header
	Body   string
	Bytes  int // from the end if negative
	Edit   func(body []byte) []byte
	// Before and After run around the request, such as to kill a pod; nil for none.
	Before, After func()
}

// Bodies that are not the platform's.
const (
	HTML    = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
	Garbage = "\x00\xff{]not json"
)

// Huge returns a JSON document of about n bytes.
func Huge(n int) string {
	return `{"repositoryId":"release","padding":"` + string(bytes.Repeat([]byte("x"), n)) + `"}`
}

// Script plays faults. Its zero value has none; it is safe for concurrent use.
type Script struct {
	mu     sync.Mutex
	faults []*planned
}

type planned struct {
	Fault
	seen int
}

// Add appends faults. Of several that match a request, the first is played.
func (s *Script) Add(faults ...Fault) *Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &planned{Fault: f})
	}
	return s
}

// Clear takes all faults away.
func (s *Script) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// next returns the fault of a request, or one that does nothing. Each fault
// counts all requests of its operation.
func (s *Script) next(r *http.Request) (hit Fault) {
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

// serve handles a request with its fault.
func (s *Script) serve(h http.Handler, w http.ResponseWriter, r *http.Request) {
	f := s.next(r)
	if !sleep(r.Context(), f.Delay) && f.Delay > 0 {
		panic(http.ErrAbortHandler)
	}
	if f.Before != nil {
		f.Before()
	}
	if f.After != nil {
		defer f.After()
	}
	f.play(h, w, r)
}

func (f *Fault) play(h http.Handler, w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case Answer:
		f.send(w)
	case AnswerAfter:
		record(h, r)
		f.send(w)
	case ResetBefore:
		panic(http.ErrAbortHandler)
	case ResetAfter:
		record(h, r)
		panic(http.ErrAbortHandler)
	case Truncate, Stall:
		f.part(record(h, r), w, r)
	case Hang:
		_, _ = io.Copy(io.Discard, r.Body) // a server sees the client leave only past the body
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Duplicate:
		f.twice(h, w, r)
	case Alter:
		f.alter(record(h, r), w)
	default:
		h.ServeHTTP(w, r)
	}
}

func (f *Fault) send(w http.ResponseWriter) {
	copyHeader(w.Header(), f.Header)
	w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
	_, _ = io.WriteString(w, f.Body) // the client may be gone
}

// part announces all of an answer and sends the beginning.
func (f *Fault) part(whole *httptest.ResponseRecorder, w http.ResponseWriter, r *http.Request) {
	copyHeader(w.Header(), whole.Header())
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	end := f.Bytes
	if end < 0 {
		end += whole.Body.Len()
	}
	_, _ = w.Write(whole.Body.Bytes()[:max(0, min(end, whole.Body.Len()))]) // the client may be gone
	_ = http.NewResponseController(w).Flush()
	if f.Kind == Stall {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (f *Fault) alter(whole *httptest.ResponseRecorder, w http.ResponseWriter) {
	copyHeader(w.Header(), whole.Header())
	copyHeader(w.Header(), f.Header)
	body := whole.Body.Bytes()
	if f.Edit != nil {
		body = f.Edit(body)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(cmp.Or(f.Status, whole.Code))
	_, _ = w.Write(body) // the client may be gone
}

func (f *Fault) twice(h http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	first := record(h, r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	record(h, r)
	copyHeader(w.Header(), first.Header())
	w.WriteHeader(first.Code)
	_, _ = w.Write(first.Body.Bytes()) // the client may be gone
}

func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func copyHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = values
	}
}
