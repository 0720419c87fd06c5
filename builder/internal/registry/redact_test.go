// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A registry that quotes the credentials in its refusals is not repeated.
func TestRefusalsDoNotQuoteCredentials(t *testing.T) {
	const password = `canary/"p4ss+word" of 1`
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+password))
	form := url.Values{"username": {"u"}, "password": {password}}.Encode()
	tests := []struct {
		name, authorization, form, quoted string
		want                              string
	}{
		{name: "basic header", authorization: basic, quoted: basic, want: "Basic ***"},
		{name: "password", authorization: basic, quoted: "u:" + password, want: "u:***"},
		{name: "password in JSON", authorization: basic, quoted: `canary/\"p4ss+word\" of 1`, want: "***"},
		{name: "password in a query", authorization: basic, quoted: "p=" + url.QueryEscape(password), want: "p=***"},
		{name: "password in a path", authorization: basic, quoted: "p/" + url.PathEscape(password), want: "p/***"},
		{name: "password in base64", authorization: basic, quoted: base64.StdEncoding.EncodeToString([]byte(password)), want: "***"},
		{name: "bearer token", authorization: "Bearer t0ken", quoted: "t0ken is old", want: "*** is old"},
		{name: "form", form: form, quoted: password, want: "***"},
		{name: "refresh token", form: "refresh_token=t0ken", quoted: "t0ken", want: "***"},
		{name: "no credentials", quoted: "log in", want: "log in"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://r.example/token",
				strings.NewReader(tt.form))
			if err != nil {
				t.Fatal(err)
			}
			if tt.authorization != "" {
				req.Header.Set("Authorization", tt.authorization)
			}
			if tt.form != "" {
				req.Header.Set("Content-Type", formType)
			}
			refuse := roundTrip(func(*http.Request) (*http.Response, error) { return refusal(tt.quoted), nil })
			resp, err := redactingTransport{refuse}.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			for what, got := range map[string]string{"body": string(body), "status": resp.Status,
				"header": resp.Header.Get("X-Reason")} {
				if got != tt.want {
					t.Errorf("%s is %q instead of %q", what, got, tt.want)
				}
			}
			if resp.ContentLength != int64(len(body)) {
				t.Errorf("content length %d, body of %d bytes", resp.ContentLength, len(body))
			}
		})
	}
}

// An error contains the status of a proxy's page, but not the page.
func TestPagesAreLeftOut(t *testing.T) {
	for contentType, want := range map[string]string{
		"text/html": "", "text/html; charset=utf-8": "", "application/json": "<html>", "": "<html>",
	} {
		page := refusal("<html>")
		answer := roundTrip(func(*http.Request) (*http.Response, error) { return page, nil })
		page.Header.Set("Content-Type", contentType)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://r.example/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := redactingTransport{answer}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != want || resp.ContentLength != int64(len(want)) {
			t.Errorf("%q: body %q of %d bytes, want %q (%v)", contentType, body, resp.ContentLength, want, err)
		}
	}
}

// refusal is an answer that says the same text everywhere.
func refusal(text string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusForbidden, Status: text, Header: http.Header{"X-Reason": {text}},
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}
}

// The body of a successful response is content and must not be changed.
func TestContentIsNotMasked(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://r.example/v2/a/blobs/sha256:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("u", "e")
	ok := refusal("the letter e")
	ok.StatusCode = http.StatusOK
	accept := roundTrip(func(*http.Request) (*http.Response, error) { return ok, nil })
	resp, err := redactingTransport{accept}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "the letter e" {
		t.Errorf("content %q, %v", body, err)
	}
}
