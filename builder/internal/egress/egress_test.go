// SPDX-License-Identifier: AGPL-3.0-or-later

package egress

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestProxyFollowsTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		name, url, want string
		env             map[string]string
	}{
		{name: "none", url: "https://a.example/"},
		{
			name: "https",
			url:  "https://a.example/",
			want: "http://p:1",
			env:  map[string]string{"HTTPS_PROXY": "http://p:1"},
		},
		{name: "http has its own", url: "http://a.example/", env: map[string]string{"HTTPS_PROXY": "http://p:1"}},
		{
			name: "lower case",
			url:  "http://a.example/",
			want: "http://p:1",
			env:  map[string]string{"http_proxy": "http://p:1"},
		},
		{
			name: "upper case first",
			url:  "http://a.example/",
			want: "http://p:1",
			env:  map[string]string{"HTTP_PROXY": "http://p:1", "http_proxy": "http://q:1"},
		},
		{
			name: "without scheme",
			url:  "https://a.example/",
			want: "http://p:1",
			env:  map[string]string{"HTTPS_PROXY": "p:1"},
		},
		{
			name: "excepted",
			url:  "https://a.example/",
			env:  map[string]string{"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"},
		},
		{
			name: "socks",
			url:  "https://a.example/",
			want: "socks5h://p:1",
			env:  map[string]string{"HTTPS_PROXY": "socks5h://p:1"},
		},
		{
			name: "user-info",
			url:  "https://a.example/",
			want: "http://u:p@p:1",
			env:  map[string]string{"HTTPS_PROXY": "http://u:p@p:1"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy, err := Proxy(environment(test.env))
			if err != nil {
				t.Fatal(err)
			}
			got, err := proxy(httptest.NewRequest(http.MethodGet, test.url, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got == nil && test.want != "" || got != nil && got.String() != test.want {
				t.Errorf("proxy %v, want %q", got, test.want)
			}
		})
	}
}

func TestProxyErrorShowsNoPassword(t *testing.T) {
	const password = "canary-p4ssword"
	for _, value := range []string{
		"http://u:" + password + "@p:port", "ftp://u:" + password + "@p", "http://u:" + password + " @p",
		"http://:" + password + "@",
	} {
		_, err := Proxy(environment(map[string]string{"HTTPS_PROXY": value}))
		if err == nil || strings.Contains(err.Error(), password) || !strings.Contains(err.Error(), "HTTPS_PROXY") {
			t.Errorf("%q: error %v", value, err)
		}
	}
}

func TestCertPool(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	file := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})

	pool, err := CertPool(file(append([]byte("\ufeff"), ca...))) // as Notepad saves it
	if err != nil {
		t.Fatal(err)
	}
	transport := NewTransport(nil, server.Client().Transport.(*http.Transport).TLSClientConfig.Clone())
	transport.TLSClientConfig.RootCAs = pool
	t.Cleanup(transport.CloseIdleConnections)
	response, err := (&http.Client{Transport: transport}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()

	if pool, err := CertPool(); pool != nil || err != nil {
		t.Errorf("without files: %v, %v", pool, err)
	}
	for name, path := range map[string]string{
		"no such file": filepath.Join(t.TempDir(), "absent.pem"),
		"no PEM":       file([]byte("none")),
		"larger than":  file(make([]byte, maxPEM+1)),
	} {
		if _, err := CertPool(path); err == nil || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A server that requires a client certificate ends the connection with an alert.
func TestIsAlert(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for name, test := range map[string]struct {
		config *tls.Config
		want   bool
	}{
		"no certificate":       {&tls.Config{RootCAs: roots}, true},
		"a server not trusted": {&tls.Config{}, false},
	} {
		client := &http.Client{Transport: NewTransport(nil, test.config)}
		_, err := client.Get(server.URL)
		if err == nil || IsAlert(err) != test.want {
			t.Errorf("%s: %v is an alert: %v", name, err, IsAlert(err))
		}
	}
}
