// SPDX-License-Identifier: Apache-2.0

// Package manual renders the documentation of a command as --help text that fits the width of a
// terminal, as a manual page of section 1, and as Markdown, all from one [Page].
package manual

import (
	"strings"
	"unicode/utf8"
)

// Page documents one command. Empty fields are omitted.
type Page struct {
	// Name is the full command, such as "builder build".
	Name string
	// Summary describes the command in one line, without a full stop.
	Summary string
	// Usage is the command line, such as "builder plan SOURCE [flags]".
	Usage string
	// Description consists of paragraphs that are separated by blank lines. Paragraphs that start
	// with two spaces are not wrapped.
	Description string
	// Examples holds shell commands and comments.
	Examples string
	Commands []Item
	Groups   []Group
	// ExitCodes, Environment and Files are sections of manual pages. The help only has the exit
	// codes.
	ExitCodes   []Item
	Environment []Item
	Files       []Item
	// SeeAlso lists other manual pages, without their section.
	SeeAlso []string
	// Footer is the last line of the help.
	Footer string
}

// Item is a term and its meaning.
type Item struct{ Term, Text string }

// Group is a heading and the flags below it.
type Group struct {
	Title string
	Flags []Flag
}

// Flag documents one flag.
type Flag struct {
	Name string
	// Short is the letter of the flag, or "".
	Short string
	// Value is the placeholder of the value, or "" for a boolean.
	Value string
	// Text describes the flag.
	Text string
	// Default is the default value, or "" if Text describes it.
	Default string
}

// formatTerm returns the flag with its placeholder.
func (f *Flag) formatTerm() string {
	return strings.TrimSpace("--" + f.Name + " " + f.Value)
}

// formatText returns the description of the flag with its default.
func (f *Flag) formatText() string {
	if f.Default == "" {
		return f.Text
	}
	return f.Text + " (default: " + f.Default + ")"
}

// splitParagraphs splits a text at blank lines.
func splitParagraphs(text string) []string {
	return strings.Split(strings.Trim(text, "\n"), "\n\n")
}

// isVerbatim reports whether a paragraph must not be wrapped.
func isVerbatim(paragraph string) bool { return strings.HasPrefix(paragraph, "  ") }

// wrapText breaks text at spaces into lines of at most width characters. A longer word is broken after
// commas, and overflows if it has none.
func wrapText(text string, width int) []string {
	var lines []string
	line := ""
	add := func(part, space string) {
		if line != "" && utf8.RuneCountInString(line+space+part) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += space
		}
		line += part
	}
	for word := range strings.FieldsSeq(text) {
		if utf8.RuneCountInString(word) <= width {
			add(word, " ")
			continue
		}
		space := " "
		for part := range strings.SplitAfterSeq(word, ",") {
			add(part, space)
			space = ""
		}
	}
	return append(lines, line)
}

// pageName returns the file name of the page, such as builder-build.
func pageName(name string) string { return strings.ReplaceAll(name, " ", "-") }
