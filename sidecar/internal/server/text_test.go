// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"plain":                        "plain",
		"two\r\nlines\ttab":            "two  lines tab",
		"\x1b[31mred\x00\x7f\u0085":    "[31mred",
		"a\u202eb\u2066c\ufeffd\u200b": "a b c d",
		"line\u2028paragraph\u2029":    "line paragraph",
		"bad\xff\xferune":              "bad rune",
		"ünï – 漢字":                     "ünï – 漢字",
		strings.Repeat("a", 20):        strings.Repeat("a", 20),
		strings.Repeat("a", 21):        strings.Repeat("a", 20) + "…",
		strings.Repeat("é", 10) + "x":  strings.Repeat("é", 10) + "…",
		"x" + strings.Repeat("é", 10):  "x" + strings.Repeat("é", 9) + "…",
	} {
		if got := sanitize(in, 20); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// FuzzPrintable checks that the result is one bounded line of visible characters, and that
// sanitizing is idempotent.
func FuzzPrintable(f *testing.F) {
	f.Add(nasty, 64)
	f.Add(strings.Repeat("漢", 100), 100)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 {
			return
		}
		got := sanitize(s, n)
		if !utf8.ValidString(got) || len(got) > n+len("…") {
			t.Errorf("%q becomes %q: %d bytes, want %d", s, got, len(got), n)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("%q has %U", got, r)
			}
		}
		if len(got) <= n && sanitize(got, n) != got {
			t.Errorf("%q changes again to %q", got, sanitize(got, n))
		}
	})
}
