// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Server serves a handler on a real port of the loopback interface.
type Server struct {
	// URL is the base URL, such as http://127.0.0.1:41234.
	URL    string
	server *http.Server
	done   chan struct{}
}

// Listen serves h on an address, such as 127.0.0.1:0, until [Server.Close].
func Listen(h http.Handler, address string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + l.Addr().String(), done: make(chan struct{}),
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // it returns after Close
	}()
	return s, nil
}

// Close stops the server and breaks its connections.
func (s *Server) Close() {
	_ = s.server.Close() // the listener is closed in any case
	<-s.done
}
