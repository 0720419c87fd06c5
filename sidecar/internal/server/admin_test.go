// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// TestAdminAccess covers all ways of access, and requests that only resemble them.
func TestAdminAccess(t *testing.T) {
	const pod, elsewhere = "127.0.0.1:40000", "10.0.0.9:40000"
	bearer := "Authorization: Bearer " + adminToken
	for name, c := range map[string]struct {
		from    string
		headers []string
		code    int
	}{
		"from inside the pod":                 {pod, nil, 202},
		"from inside the pod by IPv6":         {"[::1]:40000", nil, 202},
		"with the token":                      {elsewhere, []string{bearer}, 202},
		"from elsewhere":                      {elsewhere, nil, 401},
		"from elsewhere by IPv6":              {"[fd00::1]:40000", nil, 401},
		"with another token":                  {elsewhere, []string{bearer + "x"}, 401},
		"with a part of the token":            {elsewhere, []string{bearer[:len(bearer)-1]}, 401},
		"with an empty token":                 {elsewhere, []string{"Authorization: Bearer "}, 401},
		"with the token but no scheme":        {elsewhere, []string{"Authorization: " + adminToken}, 401},
		"with the token of another scheme":    {elsewhere, []string{"Authorization: Basic " + adminToken}, 401},
		"through Istio":                       {"127.0.0.6:40000", nil, 401},
		"through a proxy":                     {pod, []string{"X-Forwarded-For: 10.0.0.9"}, 401},
		"through a proxy of the standard":     {pod, []string{"Forwarded: for=10.0.0.9"}, 401},
		"through Envoy":                       {pod, []string{"X-Forwarded-Proto: http"}, 401},
		"through a proxy, with the token":     {pod, []string{"X-Forwarded-For: 10.0.0.9", bearer}, 202},
		"a socket without address":            {"@", nil, 401},
		"a form of another site":              {pod, []string{"Origin: https://evil.example"}, 403},
		"a form of another site, new browser": {pod, []string{"Sec-Fetch-Site: cross-site"}, 403},
		"a form of a sandbox":                 {pod, []string{"Origin: null"}, 403},
		"a name that points to us":            {pod, []string{"Origin: http://evil.example:9400", "Sec-Fetch-Site: same-origin"}, 403},
		"a browser with the token":            {elsewhere, []string{"Origin: https://evil.example", bearer}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			o := options()
			o.Import = func() { calls++ }
			r := httptest.NewRequest("POST", "/-/import", strings.NewReader("a=b"))
			r.RemoteAddr = c.from
			for _, h := range c.headers {
				key, value, _ := strings.Cut(h, ": ")
				r.Header.Set(key, value)
			}
			got := ask(t, New(storeOf(healthy()), o).Handler(), r)
			if got.Code != c.code || (calls == 1) != (c.code == 202) {
				t.Errorf("answer %d %q and %d calls, want %d", got.Code, got.Body, calls, c.code)
			}
			if (got.Header().Get("WWW-Authenticate") != "") != (c.code == 401) {
				t.Errorf("headers of %d: %v", got.Code, got.Header())
			}
			if strings.Contains(got.Body.String(), adminToken[:8]) {
				t.Errorf("the answer shows the token: %s", got.Body)
			}
		})
	}
}

// TestEmptyTokenGrantsNothing checks that no token is accepted if none is configured.
func TestEmptyTokenGrantsNothing(t *testing.T) {
	empty := func() secret.Value { return secret.Value{} }
	for name, token := range map[string]func() secret.Value{"nil": nil, "empty": empty} {
		for _, given := range []string{"Bearer ", "Bearer x", "Bearer ***"} {
			o := options()
			o.AdminToken = token
			r := httptest.NewRequest("POST", "/-/reload", nil)
			r.RemoteAddr = "10.0.0.9:1"
			r.Header.Set("Authorization", given)
			if got := ask(t, New(storeOf(healthy()), o).Handler(), r); got.Code != 401 {
				t.Errorf("%s: %q is answered with %d", name, given, got.Code)
			}
		}
	}
}

// TestTokenRotates checks that each request is compared with the current token.
func TestTokenRotates(t *testing.T) {
	current := "first"
	o := options()
	o.AdminToken = func() secret.Value { return secret.New(current) }
	h := New(storeOf(healthy()), o).Handler()
	for _, c := range []struct {
		current, given string
		code           int
	}{{"first", "first", 200}, {"second", "first", 401}, {"second", "second", 200}} {
		current = c.current
		r := httptest.NewRequest("POST", "/-/reload", nil)
		r.RemoteAddr = "10.0.0.9:1"
		r.Header.Set("Authorization", "Bearer "+c.given)
		if got := ask(t, h, r); got.Code != c.code {
			t.Errorf("%s while %s is right: %d, want %d", c.given, c.current, got.Code, c.code)
		}
	}
}

func TestReloadIsBounded(t *testing.T) {
	o := options()
	o.Reload = func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > reloadTimeout || reloadTimeout >= writeTimeout {
			t.Errorf("a reload may take until %s", end)
		}
		return nil
	}
	if got := ask(t, New(storeOf(healthy()), o).Handler(),
		httptest.NewRequest("POST", "/-/reload", nil)); got.Code != 200 {
		t.Error(got.Code)
	}
}
