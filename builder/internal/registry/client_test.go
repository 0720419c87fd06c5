// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/google/go-cmp/cmp"
	ggcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// environment makes a Getenv.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// authJSON is docker's configuration with one login.
func authJSON(host, username, password string) string {
	auth := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth)
}

// newClient makes a client whose retries do not wait.
func newClient(t *testing.T, opts Options) *Client {
	t.Helper()
	if opts.Getenv == nil {
		opts.Getenv = environment()
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	outer := c.waits.next.(*mirrorWatch).next.(limits).next
	r := outer.(redirects).next.(mountFallback).next.(scopeFallback).next.(*retries)
	r.first = time.Microsecond
	r.longest = time.Microsecond
	r.pace.firstGap = time.Microsecond
	r.pace.longestGap = time.Microsecond
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

func resolve(t *testing.T, c *Client, ref string) *Image {
	t.Helper()
	img, err := c.Resolve(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return img
}

// wantError checks an error's kind and that its text has all of want.
func wantError(t *testing.T, err error, kind Kind, want ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error %v, want one of kind %q", err, kind)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
}

func TestResolve(t *testing.T) {
	env, labels := []string{"A=1"}, map[string]string{"l": "v"}
	tests := []struct {
		name string
		base registrytest.Base
		want []string
	}{
		{"single manifest", registrytest.Base{}, []string{"linux/amd64"}},
		{"index", registrytest.Base{Platforms: []string{"linux/amd64", "linux/arm64/v8"}}, []string{"linux/amd64", "linux/arm64"}},
		{"docker single", registrytest.Base{Docker: true}, []string{"linux/amd64"}},
		{"docker list", registrytest.Base{Docker: true, Platforms: []string{"linux/arm64"}}, []string{"linux/arm64"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t, registrytest.Options{})
			tt.base.Env, tt.base.Labels = env, labels
			pushed := s.PushBase(t, "team/base:1", tt.base)
			for _, ref := range []string{pushed.Ref, pushed.Pinned} {
				img := resolve(t, newClient(t, Options{}), ref)
				if got := img.Descriptor.Digest.String(); got != pushed.Digest.String() {
					t.Errorf("digest %s, pushed %s", got, pushed.Digest)
				}
				if diff := cmp.Diff(tt.want, img.Platforms()); diff != "" {
					t.Errorf("platforms (-want +got):\n%s", diff)
				}
				m := img.Manifests[0]
				if diff := cmp.Diff(env, m.Config.Config.Env); diff != "" {
					t.Errorf("env (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(labels, m.Config.Config.Labels); diff != "" {
					t.Errorf("labels (-want +got):\n%s", diff)
				}
				blob, err := img.ReadBlob(t.Context(), m.Manifest.Layers[0], 100)
				if err != nil || string(blob) != "base layer 1" {
					t.Errorf("first layer %q, %v", blob, err)
				}
			}
		})
	}
}

// imageWithConfig returns an OCI image with a configuration.
func imageWithConfig(t *testing.T, config *ggcr.ConfigFile) ggcr.Image {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
}

func TestResolveWithoutPlatform(t *testing.T) {
	for _, config := range []ggcr.ConfigFile{{}, {OS: "linux"}, {Architecture: "amd64"}} {
		s := registrytest.New(t, registrytest.Options{})
		pushed := s.PushImage(t, "img:1", imageWithConfig(t, &config))
		_, err := newClient(t, Options{}).Resolve(t.Context(), pushed.Ref)
		wantError(t, err, Invalid, "no architecture")
	}
}

// BuildKit's attestation manifests are in the index, but no platform of the image.
func TestResolveAttestations(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{})
	statement, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		registrytest.Layer(`{"_type":"statement"}`))
	if err != nil {
		t.Fatal(err)
	}
	base := imageWithConfig(t, &ggcr.ConfigFile{OS: "linux", Architecture: "amd64"})
	addendum := mutate.IndexAddendum{Add: statement}
	addendum.Annotations = map[string]string{attestationKey: "attestation-manifest"}
	pushed := s.PushIndex(t, "img:1", mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: base}, addendum))

	img := resolve(t, newClient(t, Options{}), pushed.Ref)
	if len(img.Manifests) != 1 || len(img.Attestations) != 1 {
		t.Fatalf("%d images and %d attestations, want one each", len(img.Manifests), len(img.Attestations))
	}
	m, err := img.ReadManifest(t.Context(), img.Attestations[0])
	if err != nil {
		t.Fatal(err)
	}
	blob, err := img.ReadBlob(t.Context(), m.Layers[0], 100)
	if err != nil || string(blob) != `{"_type":"statement"}` {
		t.Errorf("statement %q, %v", blob, err)
	}
}

func TestAuthentication(t *testing.T) {
	const password = "canary-p4ssword-of-registry"
	tests := []struct {
		name string
		opts registrytest.Options
		auth func(host string) string
		ok   bool
		want []string
	}{
		{name: "basic", opts: registrytest.Options{}, auth: func(h string) string { return authJSON(h, "u", password) }, ok: true},
		{name: "token", opts: registrytest.Options{Token: true}, auth: func(h string) string { return authJSON(h, "u", password) }, ok: true},
		{name: "identity token", opts: registrytest.Options{Token: true}, auth: func(h string) string {
			return fmt.Sprintf(`{"auths":{%q:{"identitytoken":%q}}}`, h, password)
		}, ok: true},
		{name: "wrong password", auth: func(h string) string { return authJSON(h, "u", password+"x") }, want: []string{"come from DOCKER_AUTH_CONFIG"}},
		{name: "wrong password for a token", opts: registrytest.Options{Token: true}, auth: func(h string) string { return authJSON(h, "u", password+"x") }, want: []string{"come from DOCKER_AUTH_CONFIG"}},
		{name: "none", auth: func(string) string { return "" }, want: []string{"no credentials for 127.0.0.1:", "DOCKER_AUTH_CONFIG, /home/nobody/.docker/config.json"}},
		{name: "for another port", auth: func(string) string { return authJSON("127.0.0.1", "u", password) }, want: []string{"no credentials for 127.0.0.1:"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.Username, tt.opts.Password = "u", password
			s := registrytest.New(t, tt.opts)
			pushed := s.PushBase(t, "base:1", registrytest.Base{})
			c := newClient(t, Options{Getenv: environment("DOCKER_AUTH_CONFIG", tt.auth(s.Host()), "HOME", "/home/nobody")})
			img, err := c.Resolve(t.Context(), pushed.Ref)
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				img.Close()
				return
			}
			wantError(t, err, Unauthorized, append(tt.want, pushed.Ref, "log in")...)
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), password) {
					t.Errorf("the password is in the error %q", e)
				}
			}
		})
	}
}

func TestForbidden(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{Faults: []registrytest.Fault{{Kind: registrytest.Manifest,
		Status: http.StatusForbidden}}})
	_, err := newClient(t, Options{}).Resolve(t.Context(), s.Ref("base:1"))
	wantError(t, err, Unauthorized, s.Ref("base:1"), "403")
}

func TestNotFound(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{})
	_, err := newClient(t, Options{}).Resolve(t.Context(), s.Ref("absent:7"))
	wantError(t, err, NotFound, s.Ref("absent:7"), "check name and tag")
}

func TestTransientFaultsPass(t *testing.T) {
	faults := map[string]registrytest.Fault{
		"429":        {Status: 429, RetryAfter: 1},
		"408":        {Status: 408},
		"500":        {Status: 500},
		"502":        {Status: 502},
		"503":        {Status: 503},
		"504":        {Status: 504},
		"connection": {Drop: true},
		"token":      {Kind: registrytest.Token, Status: 503},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			f.Times = 3
			s := registrytest.New(t, registrytest.Options{Username: "u", Password: "p", Token: true,
				Faults: []registrytest.Fault{f}})
			pushed := s.PushBase(t, "base:1", registrytest.Base{})
			c := newClient(t, Options{Getenv: environment("DOCKER_AUTH_CONFIG", authJSON(s.Host(), "u", "p"))})
			if img := resolve(t, c, pushed.Ref); img.Descriptor.Digest.String() != pushed.Digest.String() {
				t.Error("wrong digest")
			}
		})
	}
}

// One layer gives up, and those above do not start again.
func TestLastingFaultGivesUpOnce(t *testing.T) {
	for _, f := range []registrytest.Fault{{Status: 503}, {Status: 429}, {Drop: true}} {
		s := registrytest.New(t, registrytest.Options{Faults: []registrytest.Fault{f}})
		_, err := newClient(t, Options{}).Resolve(t.Context(), s.Ref("base:1"))
		wantError(t, err, Unavailable, "in 5 attempts")
		// net/http itself repeats a request whose kept connection is found closed.
		if n := len(s.Requests()); n != 5 {
			t.Errorf("%+v: %d requests, want 5", f, n)
		}
	}
}

func TestBrokenManifests(t *testing.T) {
	tests := []struct {
		name  string
		fault registrytest.Fault
		kind  Kind
		want  string
	}{
		{"wrong digest", registrytest.Fault{Body: []byte(`{"schemaVersion":2}`)}, Invalid, "content has digest"},
		{"truncated for good", registrytest.Fault{Truncate: true}, Unavailable, "unexpected EOF"},
		{"larger than announced", registrytest.Fault{Body: make([]byte, MaxDocument+1)}, Invalid, "past expected size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t, registrytest.Options{})
			pushed := s.PushBase(t, "base:1", registrytest.Base{})
			tt.fault.Kind, tt.fault.Method = registrytest.Manifest, http.MethodGet
			s.AddFault(tt.fault)
			_, err := newClient(t, Options{}).Resolve(t.Context(), pushed.Ref)
			wantError(t, err, tt.kind, tt.want)
		})
	}
}

func TestTruncationPasses(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{Faults: []registrytest.Fault{
		{Method: http.MethodGet, Kind: registrytest.Manifest, Times: 1, Truncate: true},
		{Method: http.MethodGet, Kind: registrytest.Blob, Times: 1, Truncate: true},
	}})
	resolve(t, newClient(t, Options{}), s.PushBase(t, "base:1", registrytest.Base{}).Ref)
}

func TestMirrors(t *testing.T) {
	const name = "team/base:1"
	upstream := registrytest.New(t, registrytest.Options{})
	mirror := registrytest.New(t, registrytest.Options{Username: "m", Password: "of-mirror"})
	pushed := upstream.PushBase(t, name, registrytest.Base{})
	mirror.PushBase(t, name, registrytest.Base{})
	opts := Options{
		Mirrors: map[string][]string{upstream.Host(): {mirror.Host()}},
		Getenv: environment("DOCKER_AUTH_CONFIG", authJSON(mirror.Host(), "m", "of-mirror"),
			"REGISTRY_AUTH_FILE", writeFile(t, "auth.json", authJSON(upstream.Host(), "up", "of-upstream"))),
	}
	resolve(t, newClient(t, opts), pushed.Ref)
	if n := len(upstream.Requests()); n != 0 {
		t.Errorf("%d requests at the upstream, want 0 while the mirror answers", n)
	}
	for _, r := range mirror.Requests() {
		if user, _, _ := (&http.Request{Header: http.Header{"Authorization": {r.Authorization}}}).BasicAuth(); user == "up" {
			t.Error("the mirror was given the upstream's credentials")
		}
	}
	mirror.Close()
	resolve(t, newClient(t, opts), pushed.Ref)
	if len(upstream.Requests()) == 0 {
		t.Error("the upstream was not asked when the mirror was down")
	}
}

func TestHostsArePushedToUpstreamOnly(t *testing.T) {
	c := newClient(t, Options{Mirrors: map[string][]string{"docker.io": {"mirror.example/hub"}}})
	hosts, err := c.Hosts()("docker.io")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range hosts {
		got = append(got, fmt.Sprintf("%s://%s%s push=%v", h.Scheme, h.Host, h.Path, h.Capabilities.Has(4)))
	}
	want := []string{"https://mirror.example/v2/hub push=false", "https://registry-1.docker.io/v2 push=true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

func TestCancelledContextIsNotExplained(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, Options{}).Resolve(ctx, s.Ref("base:1"))
	var e *Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("error %v, want the context's own", err)
	}
}

// The engine's errors come as text, through gRPC.
func TestExplainText(t *testing.T) {
	c := newClient(t, Options{})
	tests := []struct {
		text string
		want Kind
	}{
		{"failed to push x: failed to do request: Head \"https://r/v2\": tls: failed to verify certificate: x509: certificate signed by unknown authority", TLS},
		{"failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://r/token?a=b: 401 Unauthorized", Unauthorized},
		{"server message: insufficient_scope: authorization failed", Unauthorized},
		{"failed to push x: denied: You may not push to this project", Unauthorized},
		{"failed to push x: unauthorized: authentication required", Unauthorized},
		{"failed to push x: name unknown: the repository does not exist", NotFound},
		{"dial tcp: connection refused", Unavailable},
		{"context deadline exceeded", Unavailable},
	}
	for _, tt := range tests {
		err := c.Explain("r.example/x:1", errors.New(tt.text))
		wantError(t, err, tt.want, "r.example/x:1")
		if strings.Contains(err.Error(), "a=b") {
			t.Errorf("the query is in %q", err)
		}
	}
}

// Whatever wraps a URL, its query and its user stay out of the text.
func TestErrorsShowNoQuery(t *testing.T) {
	const canary = "canary-signature"
	signed := "https://u:" + canary + "@r.example/v2/a?sig=" + canary
	for _, err := range []error{
		&url.Error{Op: "Get", URL: signed, Err: errors.New("reset")},
		&url.Error{Op: "Get", URL: "https://r.example/", Err: fmt.Errorf("redirect to %q: reset", signed)},
		fmt.Errorf("failed to do request: Get %q: reset", signed),
		fmt.Errorf("content at %s not found: reset", signed),
		fmt.Errorf("wrapped: %w", remoteserrors.ErrUnexpectedStatus{RequestMethod: "GET", RequestURL: signed,
			Status: "500 reset"}),
	} {
		text := newClient(t, Options{}).Explain("r.example/a:1", err).Error()
		if strings.Contains(text, canary) || !strings.Contains(text, "r.example/") || !strings.Contains(text, "reset") {
			t.Errorf("%v is shown as %q", err, text)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	const password = "canary-p4ss"
	tests := []struct {
		name string
		opts Options
		want string
	}{
		{"no environment", Options{}, "Getenv"},
		{"scheme of insecure registry", Options{InsecureRegistries: []string{"https://r"}, Getenv: environment()}, "without scheme"},
		{"path of insecure registry", Options{InsecureRegistries: []string{"r/x"}, Getenv: environment()}, "without scheme and path"},
		{"password in insecure registry", Options{InsecureRegistries: []string{"u:" + password + "@r"}, Getenv: environment()}, "not shown"},
		{"mirror", Options{Mirrors: map[string][]string{"r": {"https://m"}}, Getenv: environment()}, "mirror of r"},
		{"mirrored", Options{Mirrors: map[string][]string{"r/x": {"m"}}, Getenv: environment()}, `"r/x"`},
		{"absent CA", Options{CAFiles: []string{"/nonexistent/ca.pem"}, Getenv: environment()}, "/nonexistent/ca.pem"},
		{"CA without certificate", Options{CAFiles: []string{writeFile(t, "ca.pem", "none")}, Getenv: environment()}, "no PEM certificate"},
		{"proxy", Options{Getenv: environment("https_proxy", "ftp://u:"+password+"@proxy")}, "HTTPS_PROXY"},
		{"proxy that does not parse", Options{Getenv: environment("HTTP_PROXY", "http://u:"+password+"@[::1")}, "HTTP_PROXY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), password) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
