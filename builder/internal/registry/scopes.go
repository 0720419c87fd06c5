// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// scopeFallback retries a token request with one scope if the token server refuses several.
// containerd requests scopes for two repositories before it mounts a blob from one into the other.
// With a token for one of them, the registry refuses the mount, and the blob is copied.
type scopeFallback struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t scopeFallback) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusBadRequest {
		return resp, err
	}
	narrow := withOneScope(req)
	if narrow == nil {
		return resp, nil
	}
	drainResponse(resp)
	return t.next.RoundTrip(narrow)
}

// withOneScope returns a token request with the most important of its scopes, or nil unless req is
// a token request with several scopes.
func withOneScope(req *http.Request) *http.Request {
	if req.Method == http.MethodGet {
		query := req.URL.Query()
		if len(query["scope"]) < 2 {
			return nil
		}
		query.Set("scope", mainScope(query["scope"]))
		narrow := req.Clone(req.Context())
		narrow.URL.RawQuery = query.Encode()
		return narrow
	}
	form := tokenForm(req)
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) < 2 {
		return nil
	}
	form.Set("scope", mainScope(scopes))
	body := form.Encode()
	narrow := req.Clone(req.Context())
	narrow.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	narrow.Body, _ = narrow.GetBody()
	narrow.ContentLength = int64(len(body))
	return narrow
}

// mainScope returns the scope that allows a push, else the first one.
func mainScope(scopes []string) string {
	for _, scope := range scopes {
		actions := scope[strings.LastIndex(scope, ":")+1:]
		if strings.Contains(actions, "push") {
			return scope
		}
	}
	return scopes[0]
}

// tokenForm returns the form of a POST for a token, or an empty one.
func tokenForm(req *http.Request) url.Values {
	if req.GetBody == nil || !strings.HasPrefix(req.Header.Get("Content-Type"), formType) {
		return url.Values{}
	}
	body, err := req.GetBody()
	if err != nil {
		return url.Values{}
	}
	defer body.Close()
	data, _ := io.ReadAll(io.LimitReader(body, maxRefusal))
	form, _ := url.ParseQuery(string(data))
	return form
}
