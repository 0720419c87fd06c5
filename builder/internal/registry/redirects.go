// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"fmt"
	"io"
	"net/http"
)

// maxRedirects is how many hops a read follows.
const maxRedirects = 5

// redirects follows the redirects of reads itself. net/http would hand the
// Authorization header to another port of the same host, and would put the URL
// of the last hop, whose query is often a signature, into its errors.
//
// A write is never redirected by a status that net/http answers with a GET: the
// response would be a page, such as that of a login, and not the outcome of the write.
type redirects struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	hop := withoutForeignCredentials(req)
	resp, err := t.next.RoundTrip(hop)
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return refuseLostWrite(req, resp, err)
	}
	for hops := 0; err == nil && isRedirect(resp); hops++ {
		discard(resp)
		if hops == maxRedirects {
			return nil, fmt.Errorf("%s: more than %d redirects", req.URL.Host, maxRedirects)
		}
		if hop, err = redirected(hop, resp); err != nil {
			return nil, err
		}
		resp, err = t.next.RoundTrip(hop)
	}
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// refuseLostWrite turns a redirect that would replace the write by a GET into an error.
func refuseLostWrite(req *http.Request, resp *http.Response, err error) (*http.Response, error) {
	if err != nil || !isRedirect(resp) {
		return resp, err
	}
	if resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect {
		return resp, nil // net/http repeats the write, with its body
	}
	discard(resp)
	target, err := redirected(req, resp)
	if err != nil {
		return nil, err
	}
	return nil, &redirectError{host: req.URL.Host, target: target.URL.Host, method: req.Method, status: resp.StatusCode}
}

// redirectError reports a write that a server answered with a redirect to a page.
type redirectError struct {
	host, target, method string
	status               int
}

// Error implements error.
func (e *redirectError) Error() string {
	return fmt.Sprintf("%s redirects a %s to %s (%d %s): a login page or another proxy is in front of the registry",
		e.host, e.method, e.target, e.status, http.StatusText(e.status))
}

// isRedirect leaves a redirect without an address to the caller, as an odd status.
func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// redirected returns the request for the next hop. Another port is another host, and
// from TLS to plain HTTP is another host too.
func redirected(req *http.Request, resp *http.Response) (*http.Request, error) {
	target, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return nil, fmt.Errorf("%s: redirect to an invalid address", req.URL.Host)
	}
	next := req.Clone(req.Context())
	next.URL, next.Host = target, ""
	if target.Host != req.URL.Host || target.Scheme != req.URL.Scheme {
		dropCredentials(next)
	}
	return next, nil
}

// withoutForeignCredentials returns req without credentials if it is a redirect,
// made by net/http, from another host[:port] than its own.
func withoutForeignCredentials(req *http.Request) *http.Request {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if first.URL.Host == req.URL.Host {
		return req
	}
	clean := req.Clone(req.Context())
	dropCredentials(clean)
	return clean
}

// dropCredentials removes what identifies us. Registries set no cookies for us, but
// a proxy before them may.
func dropCredentials(req *http.Request) {
	req.Header.Del("Authorization")
	req.Header.Del("Cookie")
}

// discard ends a response that nobody reads, so that its connection can be used again.
func discard(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}
