// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// maxRefusal is the maximum size of an error response in bytes.
const maxRefusal = 64 << 10

// redactingTransport removes HTML pages and the request's credentials from error responses. Some
// registries and proxies quote the credentials, and containerd and BuildKit copy the response into
// their errors and progress. A page adds nothing to its status.
type redactingTransport struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t redactingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	mask := newMasker(requestSecrets(req))
	resp.Status = mask.Replace(resp.Status)
	for _, values := range resp.Header {
		for i := range values {
			values[i] = mask.Replace(values[i])
		}
	}
	// Ignore read errors: a truncated error body is better than none.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	resp.Body.Close()
	if isPage(resp) {
		body = nil
	}
	body = []byte(mask.Replace(string(body)))
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// isPage reports whether a response is meant for a browser.
func isPage(resp *http.Response) bool {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return mediaType == "text/html" || mediaType == "application/xhtml+xml"
}

// requestSecrets returns the secrets in the Authorization header of a request, and in
// the form of a token request.
func requestSecrets(req *http.Request) []string {
	var secrets []string
	if _, token, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		secrets = append(secrets, token)
	}
	if _, password, ok := req.BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	form := tokenForm(req)
	return append(secrets, form.Get("password"), form.Get("refresh_token"))
}

// newMasker returns a replacer that masks secrets in all encodings in which a server may quote
// them.
func newMasker(secrets []string) *strings.Replacer {
	var pairs []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		quoted, _ := json.Marshal(s)
		for _, form := range []string{
			s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`),
			base64.StdEncoding.EncodeToString([]byte(s)),
		} {
			pairs = append(pairs, form, secret.Mask)
		}
	}
	return strings.NewReplacer(pairs...)
}
