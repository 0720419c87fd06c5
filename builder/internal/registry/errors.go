// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Kind is the kind of an error, as far as it affects the remedy.
type Kind string

// The kinds of errors.
const (
	// Reference means that the reference is invalid.
	Reference Kind = "invalid reference"
	// Credentials means that a credential source is broken.
	Credentials Kind = "unusable credentials"
	// Unauthorized means that the registry refused the credentials, or requires some.
	Unauthorized Kind = "not authorized"
	// NotFound means that the image does not exist.
	NotFound Kind = "not found"
	// TLS means that the connection cannot be trusted.
	TLS Kind = "no trusted connection"
	// Invalid means that the content is too large, has another digest, or is not an image.
	Invalid Kind = "invalid content"
	// Refused means that a reachable registry, or a proxy in front of it, does not allow the
	// request.
	Refused Kind = "refused"
	// Unavailable covers everything else, such as a registry that is down.
	Unavailable Kind = "registry unavailable"
)

// Error is a failure of a registry or image.
type Error struct {
	Kind Kind
	// Ref is the reference as the user wrote it; Host is set if there is none.
	Ref, Host string
	// Help is the remedy.
	Help string
	Err  error
}

// Error implements error: what, why, and the remedy, in one line.
func (e *Error) Error() string {
	var parts []string
	for _, s := range []string{e.Ref, e.Host, string(e.Kind)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if cause := e.describeCause(); cause != "" {
		parts = append(parts, cause)
	}
	msg := strings.Join(parts, ": ")
	if e.Help != "" {
		msg += "; " + e.Help
	}
	return msg
}

// describeCause returns the text of the cause, without the reference and the kind.
func (e *Error) describeCause() string {
	if e.Err == nil {
		return ""
	}
	text := describeError(e.Err)
	if e.Ref != "" {
		text = strings.TrimPrefix(text, e.Ref+": ")
	}
	if text == string(e.Kind) {
		return ""
	}
	return text
}

// Unwrap returns the cause. Its text may contain URLs with queries: do not print it.
func (e *Error) Unwrap() error { return e.Err }

// DigestError reports content that does not match its digest.
type DigestError struct {
	Want, Got digest.Digest
}

// Error implements error.
func (e *DigestError) Error() string {
	return fmt.Sprintf("content has digest %s, want %s", e.Got, e.Want)
}
