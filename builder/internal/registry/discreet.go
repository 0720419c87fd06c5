// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// maxRefusal is how much of a refusal is kept, in bytes: it is for a message.
const maxRefusal = 64 << 10

// discreet takes what the request was authorized by out of the answer, if the answer
// is a refusal. Some registries, and proxies before them, quote it, and the layers
// above put the words of a registry into their errors.
type discreet struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t discreet) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	mask := masker(presented(req))
	resp.Status = mask.Replace(resp.Status)
	for _, values := range resp.Header {
		for i := range values {
			values[i] = mask.Replace(values[i])
		}
	}
	// What is lost of a refusal in a bad connection is no reason to hide the refusal.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	resp.Body.Close()
	body = []byte(mask.Replace(string(body)))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// presented returns the secrets of a request: those of its Authorization header, and
// those of a form that asks for a token.
func presented(req *http.Request) []string {
	var secrets []string
	if _, token, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		secrets = append(secrets, token)
	}
	if _, password, ok := req.BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	if req.GetBody == nil || !strings.HasPrefix(req.Header.Get("Content-Type"), formType) {
		return secrets
	}
	body, err := req.GetBody()
	if err != nil {
		return secrets
	}
	defer body.Close()
	data, _ := io.ReadAll(io.LimitReader(body, maxRefusal))
	form, _ := url.ParseQuery(string(data))
	return append(secrets, form.Get("password"), form.Get("refresh_token"))
}

// masker replaces secrets, however a server would write them.
func masker(secrets []string) *strings.Replacer {
	var pairs []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		quoted, _ := json.Marshal(s)
		for _, form := range []string{
			s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(s)),
		} {
			pairs = append(pairs, form, secret.Mask)
		}
	}
	return strings.NewReplacer(pairs...)
}
