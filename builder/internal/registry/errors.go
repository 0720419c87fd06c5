// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
)

// Kind says what is wrong, as far as somebody would act differently.
type Kind string

// The kinds of errors.
const (
	// Reference is a reference that cannot be parsed.
	Reference Kind = "invalid reference"
	// Credentials is a credential source that is broken.
	Credentials Kind = "unusable credentials"
	// Unauthorized is a registry that refuses the credentials or the lack of them.
	Unauthorized Kind = "not authorized"
	// NotFound is an image that is not there.
	NotFound Kind = "not found"
	// TLS is a connection that cannot be trusted.
	TLS Kind = "no trusted connection"
	// Invalid is content that is not what it should be: too large, of another
	// digest, or no image.
	Invalid Kind = "invalid content"
	// Unavailable is everything else, such as a registry that is down.
	Unavailable Kind = "registry unavailable"
)

// Error is what goes wrong with a registry or an image.
type Error struct {
	Kind Kind
	// Ref is the reference as the user knows it; Host is set where there is none.
	Ref, Host string
	// Help says what to do.
	Help string
	Err  error
}

// Error implements error: what, why, and what to do, in one line.
func (e *Error) Error() string {
	var parts []string
	for _, s := range []string{e.Ref, e.Host, string(e.Kind)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Err != nil {
		parts = append(parts, describe(e.Err))
	}
	msg := strings.Join(parts, ": ")
	if e.Help != "" {
		msg += "; " + e.Help
	}
	return msg
}

// Unwrap gives the cause. Its own text may hold URLs with queries: do not print it.
func (e *Error) Unwrap() error { return e.Err }

// LimitError says that something is larger than the builder reads.
type LimitError struct {
	What  string
	Limit int64
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.What, e.Limit)
}

// DigestError says that content is not what its digest promised.
type DigestError struct {
	Want, Got digest.Digest
}

// Error implements error.
func (e *DigestError) Error() string {
	return fmt.Sprintf("content has digest %s, want %s", e.Got, e.Want)
}

// Explain turns an error of a resolver or of the build engine about ref into an
// [*Error]. Errors of a cancelled context and nil are returned as they are; a time-out
// is one of the registry.
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
	host := hostOf(ref)
	switch e.Kind {
	case Unauthorized:
		e.Help = "log in, or check that the login may do this: " + c.explainCredentials(host)
	case NotFound:
		e.Help = "check name and tag, and that these credentials may see it: " + c.explainCredentials(host)
	case TLS:
		e.Help = fmt.Sprintf("give the registry's CA with --registry-ca FILE, or allow a connection that is not verified with --insecure-registry %s", host)
	}
	return e
}

// explainCredentials tells which source spoke for host, by name.
func (c *Client) explainCredentials(host string) string {
	for _, s := range c.sources {
		if s.knows(host) {
			return "credentials for " + host + " come from " + s.name
		}
	}
	return "no credentials for " + host + " in " + strings.Join(c.searched, ", ")
}

// knows reports whether the source has, or has a helper for, credentials of host.
func (s source) knows(host string) bool {
	host = credentialHost(host)
	return s.helpers[host] != "" || s.store != "" || !s.auths[host].password.Empty()
}

// classify finds the kind. Content and TLS come first: their errors may carry a status too.
func classify(err error) Kind {
	var limit *LimitError
	var mismatch *DigestError
	switch {
	case errors.As(err, &limit), errors.As(err, &mismatch), errdefs.IsFailedPrecondition(err):
		// The last is containerd's word for more bytes than the descriptor says.
		return Invalid
	case isTLS(err):
		return TLS
	case isUnauthorized(err):
		return Unauthorized
	case errdefs.IsNotFound(err), statusOf(err) == http.StatusNotFound, containsAny(err, ": name unknown: ", ": manifest unknown: "):
		return NotFound
	}
	return Unavailable
}

// isTLS also looks at the text: an error that came through the engine's gRPC
// connection has lost its type.
func isTLS(err error) bool {
	var plain *plainHTTPError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	if errors.As(err, &plain) || errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &record) {
		return true
	}
	return containsAny(err, "x509: ", "tls: ", "by plain HTTP")
}

// isUnauthorized counts 403 in: what helps is the same, other credentials.
func isUnauthorized(err error) bool {
	switch statusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	}
	return errors.Is(err, docker.ErrInvalidAuthorization) ||
		containsAny(err, "authorization failed", "insufficient_scope", "no basic auth credentials", ": 401 Unauthorized", ": 403 Forbidden",
			": unauthorized: ", ": denied: ") // codes of the distribution specification, as containerd writes them
}

// containsAny looks at the text of an error that has lost its type.
func containsAny(err error, texts ...string) bool {
	msg := err.Error()
	for _, text := range texts {
		if strings.Contains(msg, text) {
			return true
		}
	}
	return false
}

// statusOf returns the status of an unexpected answer, or 0.
func statusOf(err error) int {
	var status remoteserrors.ErrUnexpectedStatus
	if errors.As(err, &status) {
		return status.StatusCode
	}
	return 0
}

// describe gives an error's text without what URLs carry besides host and path.
func describe(err error) string {
	var status remoteserrors.ErrUnexpectedStatus
	if errors.As(err, &status) {
		return fmt.Sprintf("%s %s: %s", status.RequestMethod, cleanURL(status.RequestURL), status.Status)
	}
	var request *url.Error
	if errors.As(err, &request) {
		return fmt.Sprintf("%s %s: %s", strings.ToUpper(request.Op), cleanURL(request.URL), cutQueries(request.Err.Error()))
	}
	return cutQueries(err.Error())
}

// cleanURL keeps scheme, host and path.
func cleanURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(invalid URL)"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// cutQueries cleans the URLs in a text that has no structure left.
func cutQueries(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		start := strings.Index(word, "http")
		if start < 0 || !strings.Contains(word[start:], "://") {
			continue
		}
		raw := strings.TrimRight(word[start:], `":,;)]`)
		words[i] = word[:start] + cleanURL(raw) + word[start+len(raw):]
	}
	return strings.Join(words, " ")
}
