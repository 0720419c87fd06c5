// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"fmt"
	"strings"

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
	// Refused is a request that a reachable registry, or a proxy in front of it, does not allow.
	Refused Kind = "refused"
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
	if cause := e.cause(); cause != "" {
		parts = append(parts, cause)
	}
	msg := strings.Join(parts, ": ")
	if e.Help != "" {
		msg += "; " + e.Help
	}
	return msg
}

// cause returns the text of the cause without what the reference and the kind say already.
func (e *Error) cause() string {
	if e.Err == nil {
		return ""
	}
	text := describe(e.Err)
	if e.Ref != "" {
		text = strings.TrimPrefix(text, e.Ref+": ")
	}
	if text == string(e.Kind) {
		return ""
	}
	return text
}

// Unwrap gives the cause. Its own text may hold URLs with queries: do not print it.
func (e *Error) Unwrap() error { return e.Err }

// DigestError says that content is not what its digest promised.
type DigestError struct {
	Want, Got digest.Digest
}

// Error implements error.
func (e *DigestError) Error() string {
	return fmt.Sprintf("content has digest %s, want %s", e.Got, e.Want)
}
