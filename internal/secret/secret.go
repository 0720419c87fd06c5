// SPDX-License-Identifier: Apache-2.0

// Package secret keeps credentials out of whatever is printed.
//
// A [Value] can be handed around, logged, formatted and marshalled without
// showing what it holds; only [Value.Reveal] gives the plain text, so that a
// search for Reveal finds every place that sees it.
package secret

import (
	"encoding"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
)

// Mask replaces a secret wherever one is printed.
const Mask = "***"

// maxFileSize bounds what [ReadFile] reads: tokens and passwords are far smaller.
const maxFileSize = 64 << 10

// Value is a credential. Its zero value is the empty secret. Values are compared
// by what [Value.Reveal] returns, not with ==.
type Value struct {
	// plain is a pointer because fmt calls no method of a value in an unexported
	// field of another type: there it prints an address, and not the text.
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

// ReadFile reads a secret from a file, without the white space around it.
// A file over 64 KiB or an empty one is an error, which names the path only.
func ReadFile(path string) (Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return Value{}, fmt.Errorf("open secret file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return Value{}, fmt.Errorf("read secret file: %w", err)
	}
	if len(data) > maxFileSize {
		return Value{}, fmt.Errorf("read secret file %s: larger than %d bytes", path, maxFileSize)
	}
	// Editors on Windows begin a file with a byte order mark.
	plain := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	if plain == "" {
		return Value{}, fmt.Errorf("read secret file %s: it is empty", path)
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

// String returns [Mask], or nothing for the empty secret.
func (v Value) String() string {
	if v.Empty() {
		return ""
	}
	return Mask
}

// Format implements [fmt.Formatter], so that no verb shows the plain text.
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

// SplitURL returns u without user-info, query and fragment, and the user-info apart.
// Query and fragment are cut because people put tokens there too. A user name may
// itself be a token, as in https://TOKEN@host: show it no more than the password.
func SplitURL(u *url.URL) (clean *url.URL, username string, password Value) {
	c := *u
	if u.User != nil {
		username = u.User.Username()
		p, _ := u.User.Password()
		password = New(p)
	}
	// https:user:token@host has no user-info for net/url, but it has for people.
	c.Opaque = u.Opaque[strings.LastIndexByte(u.Opaque, '@')+1:]
	c.User, c.RawQuery, c.ForceQuery, c.Fragment, c.RawFragment = nil, "", false, "", ""
	return &c, username, password
}
