// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	pod   = `{"kind":"Pod"}`
	token = "account-token"
	name  = "workspaces-release/injected"
)

func injected(value string) string {
	return fmt.Sprintf(`{"kind":"Pod","metadata":{"annotations":{%q:%q}}}`, name, value)
}

// answer is a response of the API server.
type answer struct {
	code int
	body string
}

// apiServer serves the responses in order, and repeats the last one. It returns a client of
// namespace prod, and the number of requests.
func apiServer(t *testing.T, answers ...answer) (client *Client, requests *int) {
	t.Helper()
	requests = new(int)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		isDryRun := r.Method == http.MethodPost && r.URL.Path == "/api/v1/namespaces/prod/pods" &&
			r.URL.Query().Get("dryRun") == "All"
		if !isDryRun || r.Header.Get("Authorization") != "Bearer "+token || string(body) != pod || !r.Close {
			t.Errorf("%s %s with %v: %s", r.Method, r.URL, r.Header, body)
		}
		a := answers[min(*requests, len(answers)-1)]
		*requests++
		w.WriteHeader(a.code)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "namespace"), "prod")
	write(t, filepath.Join(dir, "token"), token+"\n")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write(t, filepath.Join(dir, "ca.crt"), string(ca))
	client, err := InCluster(environment(t, server.URL), dir)
	if err != nil {
		t.Fatal(err)
	}
	return client, requests
}

func environment(t *testing.T, base string) map[string]string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAwait(t *testing.T) {
	good, old, bare := answer{201, injected("new")}, answer{201, injected("old")}, answer{201, `{"kind":"Pod"}`}
	forbidden := answer{403, `{"kind":"Status","message":"pods is forbidden"}`}
	for what, c := range map[string]struct {
		answers []answer
		want    int
	}{
		"at once":                     {[]answer{good}, 5},
		"not yet":                     {[]answer{bare, old, good}, 7},
		"another server has not seen": {[]answer{good, good, old, good}, 8},
		"the role is not there yet":   {[]answer{forbidden, forbidden, good}, 7},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			client, requests := apiServer(t, c.answers...)
			if err := client.Await(t.Context(), []byte(pod), name, "new"); err != nil || *requests != c.want {
				t.Errorf("%d requests, want %d: %v", *requests, c.want, err)
			}
		})
	}
}

// TestAwaitErrors checks that the error explains more than the timeout.
func TestAwaitErrors(t *testing.T) {
	outOfTime := errors.New("out of time")
	for want, a := range map[string]answer{
		"injects nothing: the pod lacks annotation " + name:                         {201, `{"kind":"Pod"}`},
		`injects the sidecar of another revision: annotation ` + name + ` is "old"`: {201, injected("old")},
		"rejected the pod: HTTP 403: exceeded quota":                                {403, `{"kind":"Status","message":"exceeded quota"}`},
		"responded with HTTP 502 and no pod":                                        {502, "<html>"},
		"responded with HTTP 201 and no pod":                                        {201, `{"kind":"List"}`},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			client, requests := apiServer(t, a)
			ctx, cancel := context.WithCancelCause(t.Context())
			stopping := client.http.Transport
			client.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if *requests == 2 {
					cancel(outOfTime)
				}
				return stopping.RoundTrip(r)
			})
			err := client.Await(ctx, []byte(pod), name, "new")
			if !errors.Is(err, outOfTime) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestInClusterWants(t *testing.T) {
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "443"}
	for _, c := range []struct {
		want  string
		env   map[string]string
		files map[string]string
	}{
		{"not running in a pod", nil, nil},
		{"find the namespace", env, nil},
		{"find the CA", env, map[string]string{"namespace": "prod"}},
		{"ca.crt has no certificate", env, map[string]string{"namespace": "prod", "ca.crt": "x"}},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			write(t, filepath.Join(dir, file), text)
		}
		if _, err := InCluster(c.env, dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
