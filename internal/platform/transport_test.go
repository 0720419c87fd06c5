// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/needs"
)

func TestLoopbackNeedsNoProxy(t *testing.T) {
	proxy := bypassLoopback(func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy:3128") })
	for target, want := range map[string]bool{"http://127.0.0.1:80": false, "http://127.9.9.9": false,
		"http://[::1]:80":     false,
		"http://localhost/v2": false, "http://10.0.0.1": true, "https://api.example.com": true} {
		got, err := proxy(httptest.NewRequest(http.MethodGet, target, nil))
		if err != nil || (got != nil) != want {
			t.Errorf("%s by proxy: %v, %v", target, got, err)
		}
	}
}

func TestPrivateCA(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w,
			`{"healthy":true}`)
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	file := filepath.Join(t.TempDir(), "ca.crt")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]Class{file: ClassNone, "": ClassInterrupted} {
		tr, err := NewTransport(TransportOptions{CAFile: ca})
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(Options{BaseURL: server.URL, Transport: tr})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Healthcheck(t.Context())
		if got := ClassOf(err); (want == ClassNone) != (got == ClassNone) {
			t.Errorf("CA %q: %v", ca, err)
		}
		if OutcomeUnknown(err) {
			t.Errorf("a refused certificate may have sent the request: %v", err)
		}
		c.CloseIdleConnections()
	}
}

func TestUnusableCAFile(t *testing.T) {
	dir := t.TempDir()
	empty, huge := filepath.Join(dir, "empty"), filepath.Join(dir, "huge")
	if err := errors.Join(os.WriteFile(empty, nil, 0o600),
		os.WriteFile(huge, make([]byte, maxCAFile+1), 0o600)); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{empty: "no PEM certificate", huge: "larger than",
		filepath.Join(dir, "none"): "read CA file", dir: "read CA file"} {
		if _, err := NewTransport(TransportOptions{CAFile: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}

// TestLocalhostMeansBothFamilies covers services that listen on either loopback address.
func TestLocalhostMeansBothFamilies(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			l, err := net.Listen("tcp", address)
			if err != nil {
				needs.Machine(t, "the address "+address)
			}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, `{"healthy":true}`)
			}))
			server.Listener.Close()
			server.Listener = l
			server.Start()
			defer server.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			for _, host := range []string{"localhost", "LocalHost"} {
				c, err := New(Options{BaseURL: "http://" + net.JoinHostPort(host, port)})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.Healthcheck(t.Context()); err != nil {
					t.Errorf("%s does not reach %s: %v", host, l.Addr(), err)
				}
				c.CloseIdleConnections()
			}
		})
	}
}

func TestNothingListensOnLocalhost(t *testing.T) {
	const port = "1" // which no program allocates
	c, err := New(Options{BaseURL: "http://localhost:" + port})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Healthcheck(t.Context())
	if ClassOf(err) != ClassNotSent || !strings.Contains(err.Error(), "127.0.0.1:"+port) ||
		!strings.Contains(err.Error(), "[::1]:"+port) {
		t.Error(err)
	}
}
