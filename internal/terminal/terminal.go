// SPDX-License-Identifier: Apache-2.0

// Package terminal makes text safe to show: names and messages may come from
// whoever can write to a repository or to an image.
//
// Two things read what a program prints. A terminal acts on control characters. A CI
// system acts on commands in the log: GitHub on lines that start with :: and on ##[…]
// anywhere, Azure DevOps on ##vso[…], TeamCity on ##teamcity[…], GitLab on lines that
// start with section_start: or section_end:.
package terminal

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Safe returns one line of text that neither a terminal nor a CI system acts on.
// Characters that cannot be seen become U+FFFD, and a backslash breaks a command.
func Safe(s string) string {
	s = strings.ToValidUTF8(s, string(unicode.ReplacementChar))
	return Defuse(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s))
}

// Lines is Safe for text of several lines.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Safe(line)
	}
	return strings.Join(lines, "\n")
}

// Visible is Safe for text whose characters matter, such as a line of a comparison: those
// that cannot be seen are written as escapes. It keeps tabs.
func Visible(s string) string {
	if !strings.ContainsFunc(s, unseen) {
		return Defuse(s)
	}
	var out strings.Builder
	for _, r := range s {
		switch {
		case !unseen(r):
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	return Defuse(out.String())
}

func unseen(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }

var (
	// atStart are commands at the start of a line, after spaces.
	atStart = regexp.MustCompile(`^(\s*)(::|section_(?:start|end):)`)
	// anywhere are commands within a line.
	anywhere = regexp.MustCompile(`#(#[A-Za-z.-]*\[)`)
)

// Defuse breaks the commands of CI systems in one line of text.
func Defuse(s string) string {
	if strings.Contains(s, "##") {
		s = anywhere.ReplaceAllString(s, `#\$1`)
	}
	return atStart.ReplaceAllString(s, `$1\$2`)
}

// Plural returns a number with its noun: "1 file", "2 dependencies".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, isY := strings.CutSuffix(noun, "y"); isY {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
