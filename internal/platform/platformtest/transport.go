// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Endpoint is a handler whose port may be closed.
type Endpoint interface {
	http.Handler
	Listening() bool
}

// Transport sends requests to h within the process, with the semantics of a connection: a closed
// port refuses it, a handler that panics with [http.ErrAbortHandler] resets it, and a client that
// gives up cancels the context of the handler. It supports [httptrace.ClientTrace] and works in a
// synctest bubble.
func Transport(h http.Handler) http.RoundTripper { return &memoryTransport{h} }

type memoryTransport struct{ handler http.Handler }

func (m *memoryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(req.Context())
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	if e, ok := m.handler.(Endpoint); ok && !e.Listening() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	if trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	return m.exchangeInMemory(req, body)
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// exchangeInMemory runs the handler and returns once it has sent a header.
func (m *memoryTransport) exchangeInMemory(req *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	server := req.Clone(ctx)
	server.RequestURI = req.URL.RequestURI()
	server.RemoteAddr = "127.0.0.1:1"
	server.Body = io.NopCloser(bytes.NewReader(body))
	server.Host = req.URL.Host
	r, w := io.Pipe()
	out := &responder{pipe: w, header: http.Header{}, ready: make(chan struct{})}
	go func() {
		defer cancel()
		out.finishResponse(serveAborting(m.handler, out, server))
	}()
	select {
	case <-out.ready:
	case <-ctx.Done(): // cancelled by the client, or by the end of the handler, which is ready by then
	}
	if req.Context().Err() != nil {
		r.CloseWithError(io.ErrClosedPipe) // discard a late response
		return nil, context.Cause(req.Context())
	}
	if out.status == 0 {
		cancel()
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	length, err := strconv.ParseInt(out.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	// A client that gives up while reading the body gets its own error, not the pipe's.
	stop := context.AfterFunc(req.Context(), func() { r.CloseWithError(context.Cause(req.Context())) })
	return &http.Response{Status: fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)), StatusCode: out.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: out.sent, ContentLength: length, Request: req,
		Body: &pipeBody{PipeReader: r, done: func() { stop(); cancel() }}}, nil
}

// serveAborting runs the handler and reports whether it aborted.
func serveAborting(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if v := recover(); v != nil {
			err, ok := v.(error)
			if !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			aborted = true
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// responder is the server side of a response.
type responder struct {
	pipe   *io.PipeWriter
	header http.Header // may change until the response is sent
	once   sync.Once
	ready  chan struct{} // closed once status and sent are set
	status int
	sent   http.Header
}

func (w *responder) Header() http.Header { return w.header }

func (w *responder) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		if w.sent["Date"] == nil { // like a real server
			w.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		}
		close(w.ready)
	})
}

func (w *responder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// Flush implements [http.Flusher]. Nothing is buffered.
func (w *responder) Flush() { w.WriteHeader(http.StatusOK) }

// finishResponse ends the response, with a reset if aborted is true.
func (w *responder) finishResponse(aborted bool) {
	if aborted {
		w.once.Do(func() { close(w.ready) })
		w.pipe.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	w.WriteHeader(http.StatusOK)
	w.pipe.Close()
}

// pipeBody cancels the handler's context when the client closes the response.
type pipeBody struct {
	*io.PipeReader
	done func()
}

func (b *pipeBody) Close() error {
	b.done()
	return b.PipeReader.Close()
}
