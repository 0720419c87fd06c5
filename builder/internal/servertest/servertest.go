// SPDX-License-Identifier: AGPL-3.0-or-later

// Package servertest starts HTTP servers on loopback for the tests of clients.
package servertest

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Server is a running server.
type Server struct{ server *httptest.Server }

// Start starts a server and stops it when the test ends. With TLS, it has a certificate for
// 127.0.0.1 and example.com that no system trusts: see [Server.CAFile].
func Start(t testing.TB, handler http.Handler, withTLS bool) Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if withTLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return Server{server}
}

// URL returns scheme://host:port.
func (s Server) URL() string { return s.server.URL }

// Host returns host:port.
func (s Server) Host() string { return s.server.Listener.Addr().String() }

// Close stops the server before the test ends.
func (s Server) Close() { s.server.Close() }

// CAFile writes the certificate of a TLS server to a file and returns its path.
func (s Server) CAFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	if err := os.WriteFile(path, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
