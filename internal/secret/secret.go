// SPDX-License-Identifier: Apache-2.0

// Package secret keeps credentials out of output.
//
// A [Value] can be passed, logged, formatted and marshalled without showing its content. Only
// [Value.Reveal] returns the plain text, so a search for Reveal finds every use of it.
package secret

import (
	"encoding"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// Mask replaces secrets in output.
const Mask = "***"

// maxFileSize limits what [ReadFile] reads, in bytes. Tokens and passwords are much smaller.
const maxFileSize = 64 << 10

// Value is a credential. The zero value is the empty secret. Compare values with [Value.Reveal],
// not with ==.
type Value struct {
	// plain is a pointer, because fmt does not call methods of unexported fields: it prints the
	// address instead of the text.
	plain *string
	_     [0]func() // not comparable
}

// New wraps plain.
func New(plain string) Value {
	if plain == "" {
		return Value{}
	}
	return Value{plain: &plain}
}

// ReadFile reads a secret from a file and trims white space. A file that is empty or larger than 64
// KiB is an error. Errors contain the path only.
func ReadFile(path string) (Value, error) {
	data, err := limit.ReadFile(path, maxFileSize)
	if err != nil {
		return Value{}, fmt.Errorf("read secret file: %w", err)
	}
	// Editors on Windows start files with a byte order mark.
	plain := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	if plain == "" {
		return Value{}, fmt.Errorf("read secret file %s: the file is empty", path)
	}
	return New(plain), nil
}

// Reveal returns the plain text.
func (v Value) Reveal() string {
	if v.plain == nil {
		return ""
	}
	return *v.plain
}

// Empty reports whether there is no secret.
func (v Value) Empty() bool { return v.plain == nil }

// String returns [Mask], or "" for the empty secret.
func (v Value) String() string {
	if v.Empty() {
		return ""
	}
	return Mask
}

// Format implements [fmt.Formatter] and masks the secret for all verbs.
func (v Value) Format(s fmt.State, _ rune) { io.WriteString(s, v.String()) }

// MarshalText implements [encoding.TextMarshaler], for JSON and YAML.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// LogValue implements [slog.LogValuer].
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

var (
	_ fmt.Formatter          = Value{}
	_ slog.LogValuer         = Value{}
	_ encoding.TextMarshaler = Value{}
)

// SplitURL returns u without user info, query and fragment, and the user info separately. Query and
// fragment are removed because they may contain tokens. The user name may itself be a token, as in
// https://TOKEN@host: do not print it either.
func SplitURL(u *url.URL) (clean *url.URL, username string, password Value) {
	c := *u
	if u.User != nil {
		username = u.User.Username()
		p, _ := u.User.Password()
		password = New(p)
	}
	// net/url finds no user info in https:user:token@host, but people write it.
	c.Opaque = u.Opaque[strings.LastIndexByte(u.Opaque, '@')+1:]
	c.User = nil
	c.RawQuery = ""
	c.ForceQuery = false
	c.Fragment = ""
	c.RawFragment = ""
	return &c, username, password
}
