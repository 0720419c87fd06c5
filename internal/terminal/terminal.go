// SPDX-License-Identifier: Apache-2.0

// Package terminal makes untrusted text safe to print: names and messages may come from anyone who
// can write to a repository or an image.
//
// Output has two kinds of interpreters. Terminals interpret control characters. CI systems
// interpret commands in the log: GitHub lines that start with :: and ##[…] anywhere, Azure DevOps
// ##vso[…], TeamCity ##teamcity[…], GitLab lines that start with section_start: or section_end:.
package terminal

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Safe returns text as one line that is inert on terminals and in CI systems. It replaces
// unprintable characters with U+FFFD and breaks commands with a backslash.
func Safe(s string) string {
	s = strings.ToValidUTF8(s, string(unicode.ReplacementChar))
	return Defuse(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s))
}

// Lines applies Safe to each line.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Safe(line)
	}
	return strings.Join(lines, "\n")
}

// Visible is like Safe, but writes unprintable characters as escapes, for example in lines of a
// diff. It keeps tabs.
func Visible(s string) string {
	if !strings.ContainsFunc(s, isUnprintable) {
		return Defuse(s)
	}
	var out strings.Builder
	for _, r := range s {
		switch {
		case !isUnprintable(r):
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	return Defuse(out.String())
}

func isUnprintable(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }

var (
	// lineStartCommand matches commands at the start of a line, after white space.
	lineStartCommand = regexp.MustCompile(`^(\s*)(::|section_(?:start|end):)`)
	// inlineCommand matches commands within a line.
	inlineCommand = regexp.MustCompile(`#(#[A-Za-z.-]*\[)`)
)

// Defuse breaks the commands of CI systems in one line of text.
func Defuse(s string) string {
	if strings.Contains(s, "##") {
		s = inlineCommand.ReplaceAllString(s, `#\$1`)
	}
	return lineStartCommand.ReplaceAllString(s, `$1\$2`)
}

// Shorten returns the first n bytes of a longer text, as valid UTF-8 with an ellipsis.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// JoinFirst joins up to most items of a list with commas, and counts the others: "a, b and 3 more".
func JoinFirst(list []string, most int) string {
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), more)
	}
	return strings.Join(list, ", ")
}

// Plural formats a number with its noun: "1 file", "2 dependencies".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, isY := strings.CutSuffix(noun, "y"); isY {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
