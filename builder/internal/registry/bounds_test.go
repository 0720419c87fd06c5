// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// The body of an upload is the end of a pipe. Its writer must see an error when the request fails, at
// whatever layer of the transport.
func TestFailedRequestClosesItsBody(t *testing.T) {
	loginPage := httptest.NewServer(http.RedirectHandler("http://localhost:1/login", http.StatusFound))
	t.Cleanup(loginPage.Close)
	for name, url := range map[string]string{
		"plain HTTP is refused": "http://registry.example/v2/a/blobs/uploads/1",
		"nobody listens":        "http://localhost:1/v2/a/blobs/uploads/1",
		"redirect to a page":    loginPage.URL + "/v2/a/blobs/uploads/1",
	} {
		t.Run(name, func(t *testing.T) {
			body, pipe := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, body)
			if err != nil {
				t.Fatal(err)
			}
			written := make(chan error)
			go func() {
				for {
					if _, err := pipe.Write(make([]byte, 1<<10)); err != nil {
						written <- err
						return
					}
				}
			}()
			if resp, err := newClient(t, Options{}).http.Do(req); err == nil {
				t.Errorf("status %s", resp.Status)
			}
			if err := <-written; !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("the writer gets %v, want a closed pipe", err)
			}
		})
	}
}

// A registry that stops in the middle of a transfer does not hold us for ever, and one
// that is slow is waited for.
func TestStalledTransfer(t *testing.T) {
	const url = "https://r.example/v2/a/blobs/uploads/1"
	transfers := map[string]func(*testing.T, *http.Request) (*http.Response, error){
		"no answer": func(_ *testing.T, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"no end of the answer": func(_ *testing.T, r *http.Request) (*http.Response, error) {
			body, w := io.Pipe()
			context.AfterFunc(r.Context(), func() { w.CloseWithError(r.Context().Err()) })
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		},
	}
	for name, transfer := range transfers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, slowBody(3))
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				resp, err := limits{roundTrip(func(r *http.Request) (*http.Response, error) {
					io.Copy(io.Discard, r.Body)
					return transfer(t, r)
				})}.RoundTrip(req)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				var stalled *stallError
				if !errors.As(err, &stalled) || !strings.Contains(err.Error(), "r.example") {
					t.Errorf("error %v, want one of a stalled transfer", err)
				}
				if took := time.Since(start); took != 3*(stallTimeout-time.Second)+stallTimeout {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

// slowBody has n bytes, each of which takes almost the whole time-out.
func slowBody(n int) io.Reader {
	return io.LimitReader(readerFunc(func(p []byte) (int, error) {
		time.Sleep(stallTimeout - time.Second)
		return copy(p, "x"), nil
	}), int64(n))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestProxyThatRefusesIsNamed(t *testing.T) {
	const password = "canary-proxy-p4ssword"
	for _, status := range []int{http.StatusForbidden, http.StatusProxyAuthRequired} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(proxy.Close)
		env := environment("HTTPS_PROXY", strings.Replace(proxy.URL, "http://", "http://user:"+password+"@", 1))
		_, err := newClient(t, Options{Getenv: env}).Resolve(t.Context(), "registry.example:5000/base:1")
		wantError(t, err, Unavailable, "the proxy "+strings.TrimPrefix(proxy.URL, "http://"),
			"refuses to connect to registry.example:5000", http.StatusText(status))
		if strings.Contains(err.Error(), password) {
			t.Errorf("the proxy's password is in %q", err)
		}
	}
}

// A registry on loopback may speak TLS, such as one behind a port-forward.
func TestLoopbackWithTLS(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{TLS: true})
	_, err := newClient(t, Options{}).Resolve(t.Context(), s.PushBase(t, "base:1", registrytest.Base{}).Ref)
	wantError(t, err, TLS, "--registry-ca", "--insecure-registry "+s.Host())
}
