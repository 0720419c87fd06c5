// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// Explain converts an error of a resolver or of the build engine about ref into an [*Error]. It
// returns nil and cancellation unchanged; a time-out is an error of the registry.
func (c *Client) Explain(ref string, err error) error {
	var known *Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &known):
		if known.Ref == "" {
			return &Error{Kind: known.Kind, Ref: ref, Host: known.Host, Help: known.Help, Err: known.Err}
		}
		return known
	}
	e := &Error{Kind: classify(err), Ref: ref, Err: err}
	e.Help = c.adviseUser(e)
	return e
}

// adviseUser returns the remedy for an error, or "".
func (c *Client) adviseUser(e *Error) string {
	host := hostOf(e.Ref)
	switch e.Kind {
	case Credentials:
		return "check that the credential helper runs, and does not ask for input"
	case Unauthorized:
		return "log in, or check that the login may do this: " + c.explainCredentials(host)
	case NotFound:
		return "check name and tag, and that these credentials may see it: " + c.explainCredentials(host)
	case TLS:
		return c.adviseTLS(host, e.Err)
	case Refused:
		if statusOf(e.Err) == http.StatusBadRequest {
			if help := c.adviseClientCert(host); help != "" {
				return help
			}
		}
		return adviseRefused(e.Err)
	}
	return ""
}

// adviseTLS distinguishes an untrusted registry from one that directs uploads to plain HTTP.
func (c *Client) adviseTLS(host string, err error) string {
	if phrases.Says(err, plainUpload) {
		return fmt.Sprintf("let the proxy set X-Forwarded-Proto to https, or send uploads unencrypted with "+
			"--insecure-registry %s", host)
	}
	if phrases.Says(err, tlsAlert) {
		if help := c.adviseClientCert(host); help != "" {
			return help
		}
	}
	return fmt.Sprintf("give the registry's CA with --registry-ca FILE, "+
		"or allow a connection that is not verified with --insecure-registry %s", host)
}

// adviseClientCert returns the remedy if the host asked for a client certificate, or "". Servers
// refuse with a TLS alert or, like nginx, with status 400.
func (c *Client) adviseClientCert(host string) string {
	identity := c.schemes.identityOf(host)
	if identity.IsMissing() {
		return fmt.Sprintf("%s asks for a client certificate: --registry-client-cert %s=CERT,KEY", host, host)
	}
	if identity.IsUsed() {
		return fmt.Sprintf("%s may not accept the client certificate of --registry-client-cert", host)
	}
	return ""
}

// adviseRefused explains a refusal by its status.
func adviseRefused(err error) string {
	status := statusOf(err)
	switch {
	case phrases.Says(err, immutableTag) || status == http.StatusPreconditionFailed:
		return "the tag exists and may not be overwritten: release under a new tag"
	case status == http.StatusRequestEntityTooLarge:
		return "a proxy in front of the registry limits the size of uploads (nginx: client_max_body_size)"
	case status == http.StatusMethodNotAllowed || phrases.Says(err, readOnly):
		return "the registry is read-only, or it is a pull-through cache: push to another one"
	}
	return ""
}

// explainCredentials names the source with credentials for the host, or the searched sources.
func (c *Client) explainCredentials(host string) string {
	var known []string
	for _, s := range c.sources {
		if s.hasCredentials(host) {
			known = append(known, s.name)
		}
	}
	if len(known) == 0 {
		return "no credentials for " + host + " in " + strings.Join(c.searched, ", ") + c.explainPathKeys(host)
	}
	text := "credentials for " + host + " come from " + known[0]
	if len(known) > 1 {
		text += "; there are others, which are not used, in " + strings.Join(known[1:], ", ")
	}
	return text
}

// explainPathKeys names a key with a repository path on the host, which [Client.Credentials]
// ignores.
func (c *Client) explainPathKeys(host string) string {
	for _, s := range c.sources {
		if key := s.ignored[host]; key != "" {
			return fmt.Sprintf("; %s has credentials for %s, but keys with a path are not used", s.name, key)
		}
	}
	return ""
}

// hasCredentials reports whether the source has credentials, or a helper, for the host.
func (s source) hasCredentials(host string) bool {
	host = credentialHost(host)
	return s.helpers[host] != "" || s.store != "" || !s.auths[host].password.Empty()
}

// classify returns the kind of an error. Content and TLS come first, because their errors may also
// carry a status.
func classify(err error) Kind {
	var tooLarge *limit.Error
	var mismatch *DigestError
	switch {
	case errors.As(err, &tooLarge), errors.As(err, &mismatch), errdefs.IsFailedPrecondition(err):
		// containerd returns FailedPrecondition if there are more bytes than the descriptor
		// declares.
		return Invalid
	case phrases.Says(err, proxyRefusal):
		return Unavailable
	case isTLSError(err):
		return TLS
	case phrases.Says(err, helperFailure):
		return Credentials
	case phrases.Says(err, immutableTag):
		return Refused
	case isUnauthorized(err):
		return Unauthorized
	case isNotFound(err):
		return NotFound
	case isRefused(err):
		return Refused
	}
	return Unavailable
}

// isTLSError also checks the text, because errors from the engine's gRPC connection have lost their
// type.
func isTLSError(err error) bool {
	var plain *plainHTTPError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	if errors.As(err, &plain) || errors.As(err, &verification) || errors.As(err, &authority) ||
		errors.As(err, &record) {
		return true
	}
	return phrases.Says(err, untrusted)
}

// isUnauthorized includes 403, which also requires other credentials.
func isUnauthorized(err error) bool {
	switch statusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	}
	return errors.Is(err, docker.ErrInvalidAuthorization) || phrases.Says(err, noAccess)
}

func isNotFound(err error) bool {
	return errdefs.IsNotFound(err) || statusOf(err) == http.StatusNotFound || phrases.Says(err, notThere)
}

// isRefused reports whether a server understood the request but does not allow it.
func isRefused(err error) bool {
	var redirect *redirectError
	if errors.As(err, &redirect) || phrases.Says(err, notAllowed) {
		return true
	}
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusPreconditionFailed,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

// statusText matches the status in the texts of containerd's remotes (v2.4.2): ErrUnexpectedStatus
// ("unexpected status from PUT request to https://…: 412 Precondition Failed") and the wrappers that
// end with the status of a response. A test compares it with the library.
var statusText = regexp.MustCompile(`: ([45][0-9]{2}) [A-Z]`)

// statusOf returns the status of an unexpected response, or 0. It also checks the text, because
// errors of the build engine have lost their type.
func statusOf(err error) int {
	var status remoteserrors.ErrUnexpectedStatus
	if errors.As(err, &status) {
		return status.StatusCode
	}
	if found := statusText.FindStringSubmatch(err.Error()); found != nil {
		code, _ := strconv.Atoi(found[1])
		return code
	}
	return 0
}
