// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/prismeai/workspaces-release/builder/internal/egress"
)

const (
	// maxRedirects limits how many redirects a request follows.
	maxRedirects = 5
	// stallTimeout limits how long a server may be silent in the middle of a response.
	stallTimeout = 2 * time.Minute

	service  = "git-upload-pack"
	refsPath = "/info/refs"
)

// httpTransport accesses a repository over Git's smart HTTP protocol.
type httpTransport struct {
	client   *http.Client
	base     *url.URL
	cred     credential
	identity *egress.Identity
}

var _ transport = (*httpTransport)(nil)

func newHTTPTransport(remote Endpoint, auth Auth, cred credential) (*httpTransport, error) {
	var files []string
	if auth.CAFile != "" {
		files = append(files, auth.CAFile)
	}
	roots, err := egress.CertPool(files...)
	if err != nil {
		return nil, &FileError{Setting: "--git-ca", Err: err}
	}
	proxy, err := egress.Proxy(auth.Getenv)
	if err != nil {
		return nil, err
	}
	identity, err := egress.LoadIdentity(auth.ClientCertFile, auth.ClientKeyFile)
	if err != nil {
		return nil, &FileError{Setting: "--git-client-cert", Err: err}
	}
	config := &tls.Config{RootCAs: roots}
	identity.Apply(config)
	roundTripper := egress.NewTransport(proxy, config)
	roundTripper.DialContext = dialWithIdleTimeout
	base := *remote.URL
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = strings.TrimRight(base.RawPath, "/")
	client := &http.Client{Transport: roundTripper, CheckRedirect: allowSameServer}
	return &httpTransport{client: client, base: &base, cred: cred, identity: identity}, nil
}

// allowSameServer follows redirects only within a server, because the credential is for that server.
func allowSameServer(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if normalizeHost(req.URL) != normalizeHost(first) || req.URL.Scheme != first.Scheme {
		return &redirectError{to: req.URL.Scheme + "://" + req.URL.Host}
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	}
	return nil
}

// redirectError reports a redirect to another server, to which no credential was sent.
type redirectError struct{ to string }

func (e *redirectError) Error() string {
	return "the server redirects to " + e.to + ": use the URL of the repository there"
}

func (r *httpTransport) readReferences(ctx context.Context) (io.ReadCloser, error) {
	target := r.base.JoinPath(refsPath)
	target.RawQuery = "service=" + service
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := r.doRequest(req, "application/x-git-upload-pack-advertisement")
	if err != nil {
		return nil, err
	}
	// Forges redirect org/repo to org/repo.git: send the second request there directly.
	if final := res.Request.URL; strings.HasSuffix(final.EscapedPath(), refsPath) {
		r.base = final.JoinPath("../..")
		r.base.RawQuery = ""
	}
	return res.Body, nil
}

func (r *httpTransport) uploadRequest(ctx context.Context, request []byte) (io.ReadCloser, error) {
	return r.postRequest(ctx, request, http.Header{})
}

func (r *httpTransport) uploadRequestV2(ctx context.Context, request []byte) (io.ReadCloser, error) {
	return r.postRequest(ctx, request, http.Header{"Git-Protocol": {gitProtocol}})
}

func (r *httpTransport) postRequest(ctx context.Context, request []byte, header http.Header) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base.JoinPath(service).String(),
		bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	res, err := r.doRequest(req, "application/x-git-upload-pack-result")
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// doRequest sends a request with the credential and requires a response of the given content type.
func (r *httpTransport) doRequest(req *http.Request, contentType string) (*http.Response, error) {
	req.Header.Set("User-Agent", capability.DefaultAgent())
	req.Header.Set("Accept", contentType)
	if r.cred.origin != "" {
		req.SetBasicAuth(r.cred.username.Reveal(), r.cred.password.Reveal())
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, r.adviseClientCert(err, egress.IsAlert(err))
	}
	if err := checkResponse(res, contentType); err != nil {
		res.Body.Close()
		return nil, r.adviseClientCert(err, res.StatusCode == http.StatusBadRequest)
	}
	return res, nil
}

// adviseClientCert returns a remedy if the server requested a client certificate and then refused
// the request, with a TLS alert or, like nginx, with status 400. Otherwise it returns err.
func (r *httpTransport) adviseClientCert(err error, refused bool) error {
	switch {
	case refused && r.identity.IsMissing():
		return errors.New("the server asks for a client certificate: set --git-client-cert and --git-client-key")
	case refused && r.identity.IsUsed():
		return errors.New("the server does not accept the client certificate of --git-client-cert")
	}
	return err
}

// checkResponse checks the status and the content type. It does not read the body, which may be
// endless.
func checkResponse(res *http.Response, contentType string) error {
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return errDenied
	case http.StatusNotFound:
		return errNoSuch
	default:
		return fmt.Errorf("the server answers %s", res.Status)
	}
	if got, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || got != contentType {
		return errNotGit
	}
	return nil
}

// Close implements [io.Closer].
func (r *httpTransport) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// idleTimeoutConn is a connection whose reads fail if no data arrives within the timeout.
type idleTimeoutConn struct {
	net.Conn
	timeout time.Duration
}

func dialWithIdleTimeout(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: egress.DialTimeout}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return idleTimeoutConn{Conn: conn, timeout: stallTimeout}, nil
}

// Read implements [io.Reader].
func (c idleTimeoutConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
