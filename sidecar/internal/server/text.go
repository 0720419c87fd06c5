// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strings"
	"unicode"
)

// Bounds of texts that come from elsewhere, in bytes. All of a text is in /status.
const (
	maxReason = 900 // of the 1024 that an event of Kubernetes has
	maxCause  = 400
	maxError  = 1024
	maxFact   = 1024
	maxName   = 128
)

// printable makes a text from elsewhere one line of at most n bytes that shows as
// it is: control characters, which break lines and terminals, and characters that
// reorder or hide others become spaces.
func printable(s string, n int) string {
	tail := ""
	if len(s) > n {
		s, tail = s[:n], "…"
	}
	return strings.TrimSpace(strings.Map(visible, strings.ToValidUTF8(s, " "))) + tail
}

func visible(r rune) rune {
	if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
		return ' '
	}
	return r
}
