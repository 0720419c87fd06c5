// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeveralScopesBecomeOne(t *testing.T) {
	const pull = "repository:base:pull"
	const push = "repository:acme/app:pull,push"
	for _, test := range []struct {
		name, method string
		scopes       []string
		status       int
		want         []string
	}{
		{name: "several", method: http.MethodGet, scopes: []string{pull, push}, status: 403, want: []string{pull + " " + push, push}},
		{name: "form", method: http.MethodPost, scopes: []string{pull, push}, status: 403, want: []string{pull + " " + push, push}},
		{name: "bad request", method: http.MethodPost, scopes: []string{push, pull}, status: 400, want: []string{push + " " + pull, push}},
		{name: "only pulls", method: http.MethodGet, scopes: []string{pull, "repository:b:pull"}, status: 403, want: []string{pull + " repository:b:pull", pull}},
		{name: "one", method: http.MethodGet, scopes: []string{push}, status: 403, want: []string{push}},
		{name: "one in a form", method: http.MethodPost, scopes: []string{push}, status: 403, want: []string{push}},
		{name: "wrong password", method: http.MethodPost, scopes: []string{pull, push}, status: 401, want: []string{pull + " " + push}},
		{name: "allowed", method: http.MethodGet, scopes: []string{pull, push}, status: 200, want: []string{pull + " " + push}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked []string
			server := roundTrip(func(req *http.Request) (*http.Response, error) {
				scopes := req.URL.Query()["scope"]
				if req.Body != nil {
					body, err := io.ReadAll(req.Body)
					if err != nil || req.ContentLength != int64(len(body)) {
						t.Errorf("body of %d bytes instead of %d (%v)", len(body), req.ContentLength, err)
					}
					form, _ := url.ParseQuery(string(body))
					scopes = form["scope"]
				}
				asked = append(asked, strings.Join(scopes, " "))
				return &http.Response{StatusCode: test.status, Body: http.NoBody}, nil
			})
			resp, err := scopeFallback{server}.RoundTrip(tokenRequest(t, test.method, test.scopes))
			if err != nil || resp.StatusCode != test.status {
				t.Errorf("response %+v, %v", resp, err)
			}
			if diff := cmp.Diff(test.want, asked); diff != "" {
				t.Errorf("scopes that were asked for (-want +got):\n%s", diff)
			}
		})
	}
}

func tokenRequest(t *testing.T, method string, scopes []string) *http.Request {
	t.Helper()
	target := "https://auth.example.com/token"
	var body io.Reader
	if method == http.MethodGet {
		target += "?" + url.Values{"service": {"registry"}, "scope": scopes}.Encode()
	} else {
		body = strings.NewReader(url.Values{"scope": {strings.Join(scopes, " ")}}.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", formType)
	return req
}
