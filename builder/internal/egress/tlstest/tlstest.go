// SPDX-License-Identifier: AGPL-3.0-or-later

// Package tlstest creates certificates for tests of mutual TLS.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files are certificates and keys for mutual TLS, issued by the same authority.
type Files struct {
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string
}

// New creates an authority and certificates for a client and a server. The server has the given
// names, each a host name or an IP address.
func New(t testing.TB, serverNames ...string) *Files {
	t.Helper()
	a := authority{dir: t.TempDir()}
	files := &Files{}
	files.CA, _ = a.issueCertificate(t, "ca", &x509.Certificate{
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
		Subject:               pkix.Name{CommonName: "test authority"},
	})
	server := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range serverNames {
		if ip := net.ParseIP(name); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, name)
		}
	}
	files.ServerCert, files.ServerKey = a.issueCertificate(t, "server", server)
	files.ClientCert, files.ClientKey = a.issueCertificate(t, "client", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "ci"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return files
}

// serverConfig returns the TLS configuration of a server that requests client certificates.
func (f *Files) serverConfig(t testing.TB, auth tls.ClientAuthType) *tls.Config {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(f.ServerCert, f.ServerKey)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(f.CA)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   auth,
		ClientCAs:    clients,
	}
}

// Serve starts a server that requires a client certificate of the authority, and returns its URL. It
// stops the server when the test ends.
func (f *Files) Serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	return startServer(t, handler, f.serverConfig(t, tls.RequireAndVerifyClientCert))
}

// ServeOptional is like [Files.Serve], but the client certificate is optional: the handler decides.
func (f *Files) ServeOptional(t testing.TB, handler http.Handler) string {
	t.Helper()
	return startServer(t, handler, f.serverConfig(t, tls.VerifyClientCertIfGiven))
}

func startServer(t testing.TB, handler http.Handler, config *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// authority issues certificates, its own first.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issueCertificate writes a certificate and its key.
func (a *authority) issueCertificate(t testing.TB, name string, template *x509.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		a.cert, a.key = template, key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	cert, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return a.writePEM(t, name+".pem", "CERTIFICATE", cert), a.writePEM(t, name+"-key.pem", "PRIVATE KEY", private)
}

func (a *authority) writePEM(t testing.TB, name, kind string, data []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
