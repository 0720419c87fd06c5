// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strings"
	"unicode"
)

// Limits of text from other systems, in bytes. /status has the complete text.
const (
	maxReason = 900 // an event of Kubernetes has 1024
	maxCause  = 400
	maxError  = 1024
	maxFact   = 1024
	maxName   = 128
)

// sanitize turns untrusted text into one line of at most n bytes. Control characters, and
// characters that reorder or hide other characters, become spaces. Unlike terminal.Safe it does not
// escape commands of CI systems, because browsers and Kubernetes show the text as it is.
func sanitize(s string, n int) string {
	tail := ""
	if len(s) > n {
		s = s[:n]
		tail = "…"
	}
	return strings.TrimSpace(strings.Map(replaceInvisible, strings.ToValidUTF8(s, " "))) + tail
}

func replaceInvisible(r rune) rune {
	if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
		return ' '
	}
	return r
}
