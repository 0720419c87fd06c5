// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"fmt"
	"io"
	"net/http"
)

// maxRedirects is the maximum number of redirects of a read.
const maxRedirects = 5

// redirects follows redirects of reads. net/http would send the Authorization header to another
// port of the same host, and would put the URL of the last hop, whose query is often a signature,
// into its errors.
//
// A write is never redirected with a status for which net/http sends a GET: the response would be a
// page, such as a login, instead of the result of the write.
type redirects struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	hop := withoutForeignCredentials(req)
	resp, err := t.next.RoundTrip(hop)
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return refuseLostWrite(req, resp, err)
	}
	for hops := 0; err == nil && isRedirect(resp); hops++ {
		drainResponse(resp)
		if hops == maxRedirects {
			return nil, fmt.Errorf("%s: more than %d redirects", req.URL.Host, maxRedirects)
		}
		if hop, err = nextHop(hop, resp); err != nil {
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

// refuseLostWrite returns an error for a redirect that would replace the write with a GET.
func refuseLostWrite(req *http.Request, resp *http.Response, err error) (*http.Response, error) {
	if err != nil || !isRedirect(resp) {
		return resp, err
	}
	if resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect {
		return resp, nil // net/http repeats the write with its body
	}
	drainResponse(resp)
	target, err := nextHop(req, resp)
	if err != nil {
		return nil, err
	}
	return nil, &redirectError{host: req.URL.Host, target: target.URL.Host, method: req.Method, status: resp.StatusCode}
}

// redirectError reports a write that a server redirected to a page.
type redirectError struct {
	host, target, method string
	status               int
}

// Error implements error.
func (e *redirectError) Error() string {
	return fmt.Sprintf("%s redirects a %s to %s (%d %s): a login page or another proxy is in front of the registry",
		e.host, e.method, e.target, e.status, http.StatusText(e.status))
}

// isRedirect reports whether the response is a redirect with an address.
func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// nextHop returns the request for the next hop. Credentials are dropped if host, port or scheme
// change.
func nextHop(req *http.Request, resp *http.Response) (*http.Request, error) {
	target, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return nil, fmt.Errorf("%s: redirect to an invalid address", req.URL.Host)
	}
	next := req.Clone(req.Context())
	next.URL = target
	next.Host = ""
	if target.Host != req.URL.Host || target.Scheme != req.URL.Scheme {
		dropCredentials(next)
	}
	return next, nil
}

// withoutForeignCredentials removes the credentials if net/http redirected the request from another
// host[:port].
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

// dropCredentials removes the credentials. Registries set no cookies, but a proxy may.
func dropCredentials(req *http.Request) {
	req.Header.Del("Authorization")
	req.Header.Del("Cookie")
}

// drainResponse drains and closes a response so that its connection can be reused.
func drainResponse(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}
