// SPDX-License-Identifier: AGPL-3.0-or-later

package registrytest_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// A second implementation's client understands what the server says.
func TestServer(t *testing.T) {
	tests := []struct {
		name string
		opts registrytest.Options
		auth authn.Authenticator
		ok   bool
	}{
		{name: "open", ok: true},
		{name: "basic", opts: registrytest.Options{Username: "u", Password: "p"}, auth: &authn.Basic{Username: "u", Password: "p"}, ok: true},
		{name: "basic, wrong password", opts: registrytest.Options{Username: "u", Password: "p"}, auth: &authn.Basic{Username: "u", Password: "q"}},
		{name: "token", opts: registrytest.Options{Username: "u", Password: "p", Token: true}, auth: &authn.Basic{Username: "u", Password: "p"}, ok: true},
		{name: "token, wrong password", opts: registrytest.Options{Username: "u", Password: "p", Token: true}, auth: &authn.Basic{Username: "u", Password: "q"}},
		{name: "token for everyone", opts: registrytest.Options{Token: true}, ok: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t, tt.opts)
			pushed := s.PushBase(t, "team/base:1", registrytest.Base{Platforms: []string{"linux/amd64", "linux/arm64"}})
			if n := len(s.Requests()); n != 0 {
				t.Fatalf("pushing a base was recorded as %d requests", n)
			}
			auth := tt.auth
			if auth == nil {
				auth = authn.Anonymous
			}
			ref, err := name.ParseReference(pushed.Ref, name.Insecure)
			if err != nil {
				t.Fatal(err)
			}
			desc, err := remote.Get(ref, remote.WithAuth(auth))
			if (err == nil) != tt.ok {
				t.Fatalf("remote.Get: %v, want success: %v", err, tt.ok)
			}
			if tt.ok && desc.Digest != pushed.Digest {
				t.Errorf("digest %s, pushed %s", desc.Digest, pushed.Digest)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{Faults: []registrytest.Fault{
		{Kind: registrytest.Manifest, Times: 1, Status: http.StatusTooManyRequests, RetryAfter: 7},
		{Kind: registrytest.Manifest, Times: 1, Drop: true},
		{Kind: registrytest.Manifest, Times: 1, Body: []byte("other")},
		{Kind: registrytest.Manifest, Times: 1, Truncate: true},
	}})
	s.PushBase(t, "base:1", registrytest.Base{})
	// A kept connection would be tried again by the transport itself.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func() (*http.Response, string, error) {
		resp, err := client.Get(s.URL() + "/v2/base/manifests/1")
		if err != nil {
			return nil, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp, string(body), err
	}
	if resp, _, err := get(); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("first fault: %v, %v", resp, err)
	}
	if _, _, err := get(); err == nil {
		t.Error("second fault: the connection was not dropped")
	}
	if _, body, err := get(); err != nil || body != "other" {
		t.Errorf("third fault: body %q, %v", body, err)
	}
	if _, _, err := get(); err == nil {
		t.Error("fourth fault: the body was not truncated")
	}
	if _, body, err := get(); err != nil || body != string(s.Descriptor(t, "base:1").Manifest) {
		t.Errorf("after the faults: body %q, %v", body, err)
	}
	if got := s.Count(http.MethodGet, registrytest.Manifest); got < 5 {
		t.Errorf("%d manifest requests recorded, want at least 5", got)
	}
}

func TestTags(t *testing.T) {
	s := registrytest.New(t, registrytest.Options{Username: "u", Password: "p",
		Faults: []registrytest.Fault{{Status: http.StatusTeapot}}})
	s.PushBase(t, "team/base:2", registrytest.Base{Platforms: []string{"linux/amd64"}})
	s.PushBase(t, "team/base:1", registrytest.Base{})
	if got := s.Tags(t, "team/base"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("tags %v", got)
	}
	if got := s.Tags(t, "team/none"); len(got) != 0 {
		t.Errorf("tags %v of a repository that is not there", got)
	}
}
