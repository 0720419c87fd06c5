// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// A registry that announces an endless manifest is not read to the end.
func TestEndlessManifest(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
		w.WriteHeader(http.StatusOK)
		for r.Method == http.MethodGet {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	_, err := newClient(t, Options{}).Resolve(t.Context(), strings.TrimPrefix(endless.URL, "http://")+"/base:1")
	var tooLarge *limit.Error
	if !errors.As(err, &tooLarge) || tooLarge.Max != MaxDocument {
		t.Errorf("error %v, want a *limit.Error", err)
	}
}

// A registry that stops in the middle of a manifest does not hold us for ever.
func TestStalledManifest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalled := limits{roundTrip(func(r *http.Request) (*http.Response, error) {
			body, w := io.Pipe()
			context.AfterFunc(r.Context(), func() { w.CloseWithError(context.Cause(r.Context())) })
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://r.example/v2/a/manifests/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := stalled.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		start := time.Now()
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(start) != documentTimeout {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRedirectDropsCredentials(t *testing.T) {
	storage := registrytest.New(t, registrytest.Options{})
	storage.PushBase(t, "base:1", registrytest.Base{})
	s := registrytest.New(t, registrytest.Options{Username: "u", Password: "p", RedirectBlobs: storage.URL()})
	pushed := s.PushBase(t, "base:1", registrytest.Base{})
	c := newClient(t, Options{Getenv: environment("DOCKER_AUTH_CONFIG", authJSON(s.Host(), "u", "p"))})
	resolve(t, c, pushed.Ref)
	if storage.Count(http.MethodGet, registrytest.Blob) == 0 {
		t.Fatal("no blob was read from the storage")
	}
	for _, r := range storage.Requests() {
		if r.Authorization != "" {
			t.Errorf("%s %s carried the registry's credentials to the storage", r.Method, r.Path)
		}
	}
}

// The query of a redirect is often a signature, as good as a password.
func TestRedirectQueryIsNotShown(t *testing.T) {
	storage := registrytest.New(t, registrytest.Options{Faults: []registrytest.Fault{{Status: http.StatusTeapot}}})
	s := registrytest.New(t, registrytest.Options{RedirectBlobs: storage.URL()})
	_, err := newClient(t, Options{}).Resolve(t.Context(), s.PushBase(t, "base:1", registrytest.Base{}).Ref)
	wantError(t, err, Unavailable, "418")
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "signed-query") {
			t.Errorf("the signature is in the error %q", e)
		}
	}
}

// An upload's redirect is followed by net/http, which would hand over the header.
func TestUploadRedirectDropsCredentials(t *testing.T) {
	storage := registrytest.New(t, registrytest.Options{})
	c := newClient(t, Options{})
	s := httptest.NewServer(http.RedirectHandler(storage.URL()+"/v2/base/blobs/uploads/", http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Basic secret")
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := storage.Requests(); len(got) != 1 || got[0].Authorization != "" {
		t.Errorf("requests at the storage: %+v", got)
	}
}

func TestTLS(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{TLS: true})
	pushed := s.PushBase(t, "base:1", registrytest.Base{})
	t.Run("own CA", func(t *testing.T) {
		resolve(t, newClient(t, Options{CAFiles: []string{s.CAFile(t)}}), pushed.Ref)
	})
	t.Run("insecure", func(t *testing.T) {
		resolve(t, newClient(t, Options{InsecureRegistries: []string{s.Host()}}), pushed.Ref)
	})
	t.Run("insecure host of plain HTTP", func(t *testing.T) {
		plain := registrytest.New(t, registrytest.Options{})
		ref := plain.PushBase(t, "base:1", registrytest.Base{}).Ref
		resolve(t, newClient(t, Options{InsecureRegistries: []string{plain.Host()}}), ref)
	})
}

// example.test leads to a TLS registry through a proxy; no CA is given.
func TestProxyAndUntrustedCertificate(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{TLS: true})
	s.PushBase(t, "base:1", registrytest.Base{})
	const password = "canary-proxy-p4ssword"
	proxy, seen := newProxy(t, s.Host())
	env := environment("HTTPS_PROXY", strings.Replace(proxy, "http://", "http://user:"+password+"@", 1))

	_, err := newClient(t, Options{Getenv: env}).Resolve(t.Context(), "example.com:5000/base:1")
	wantError(t, err, TLS, "--registry-ca", "--insecure-registry example.com:5000")
	if strings.Contains(err.Error(), password) {
		t.Error("the proxy's password is in the error")
	}
	if got := seen(); len(got) == 0 || got[0] != "example.com:5000" {
		t.Errorf("the proxy saw %q", got)
	}
	resolve(t, newClient(t, Options{Getenv: env, CAFiles: []string{s.CAFile(t)}}), "example.com:5000/base:1")
	resolve(t, newClient(t, Options{Getenv: env, InsecureRegistries: []string{"example.com:5000"}}),
		"example.com:5000/base:1")

	before := len(seen())
	loopback := registrytest.New(t, registrytest.Options{})
	loopbackRef := loopback.PushBase(t, "base:1", registrytest.Base{}).Ref
	resolve(t, newClient(t, Options{Getenv: environment("HTTP_PROXY", proxy, "HTTPS_PROXY", proxy)}), loopbackRef)
	if got := seen(); len(got) != before {
		t.Errorf("a request to loopback went through the proxy: %q", got[before:])
	}
}

// newProxy starts a CONNECT proxy that leads every name to target. seen lists the names.
func newProxy(t *testing.T, target string) (url string, seen func() []string) {
	t.Helper()
	names := make(chan string, 100)
	var list []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		names <- r.Host
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		up, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		down, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			up.Close()
			return
		}
		go func() {
			io.Copy(up, buffered)
			up.Close()
		}()
		io.Copy(down, up)
		down.Close()
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		for len(names) > 0 {
			list = append(list, <-names)
		}
		return list
	}
}

// The client sends nothing unencrypted to a host that is not listed as insecure.
func TestPlainHTTPIsRefused(t *testing.T) {
	c := newClient(t, Options{})
	_, err := c.http.Get("http://registry.example/token")
	if err == nil || !strings.Contains(err.Error(), "plain HTTP") {
		t.Errorf("error %v, want a refusal", err)
	}
	wantError(t, c.Explain("registry.example/a:1", err), TLS, "--insecure-registry registry.example")
}

// redirectServer answers everything by a redirect to location.
func redirectServer(t *testing.T, location string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRedirectsEnd(t *testing.T) {
	for location, want := range map[string]string{
		"/again":                 "more than 5 redirects",
		"http://storage.example": "by plain HTTP",
		"ftp://storage.example":  "invalid address",
		"http://[::1":            "invalid address",
	} {
		_, err := newClient(t, Options{}).http.Get(redirectServer(t, location))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("redirect to %s: error %v, want %q", location, err, want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:80": true, "127.9.9.9": true, "[::1]:5000": true, "[::1]": true,
		"localhost.example": false, "r.example:5000": false, "10.0.0.1": false, "127.0.0.1.example": false, "[2001:db8::1]:5000": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v", host, got)
		}
	}
}

// An image's author cannot make us send requests to hosts of his choice.
func TestForeignURLsOfBlobsAreIgnored(t *testing.T) {
	elsewhere := registrytest.New(t, registrytest.Options{})
	s := registrytest.New(t, registrytest.Options{})
	img := resolve(t, newClient(t, Options{}), s.PushBase(t, "base:1", registrytest.Base{}).Ref)
	desc := img.Manifests[0].Manifest.Layers[0]
	desc.URLs = []string{elsewhere.URL() + "/v2/base/blobs/" + desc.Digest.String()}
	if _, err := img.ReadBlob(t.Context(), desc, 100); err != nil {
		t.Error(err)
	}
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("%d requests to the URL in the descriptor", n)
	}
}
