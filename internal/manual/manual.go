// SPDX-License-Identifier: Apache-2.0

// Package manual renders the documentation of a command: as the text of --help, which fits
// the width of a terminal, as a manual page of section 1, and as Markdown. One [Page] is the
// source of all three.
package manual

import (
	"strings"
	"unicode/utf8"
)

// Page documents one command. Empty fields have no section.
type Page struct {
	// Name is the full command, such as "builder build".
	Name string
	// Summary says in one line what the command does, without a full stop.
	Summary string
	// Usage is the command line, such as "builder plan SOURCE [flags]".
	Usage string
	// Description is text in paragraphs, which blank lines separate. A line that starts with
	// two spaces keeps its place.
	Description string
	// Examples are lines for a shell, and comments.
	Examples string
	Commands []Item
	Groups   []Group
	// ExitCodes, Environment and Files are sections of manual pages. The help has exit codes.
	ExitCodes   []Item
	Environment []Item
	Files       []Item
	// SeeAlso names other manual pages, without their section.
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
	// Value is the name of the value, or "" for a switch.
	Value string
	// Text says what the flag does.
	Text string
	// Default is the value without the flag, or "" where the text says enough.
	Default string
}

// term is the flag with its value.
func (f *Flag) term() string {
	return strings.TrimSpace("--" + f.Name + " " + f.Value)
}

// text is what the flag does, and its default.
func (f *Flag) text() string {
	if f.Default == "" {
		return f.Text
	}
	return f.Text + " (default: " + f.Default + ")"
}

// paragraphs splits a text at blank lines.
func paragraphs(text string) []string {
	return strings.Split(strings.Trim(text, "\n"), "\n\n")
}

// isVerbatim reports whether the lines of a paragraph keep their place.
func isVerbatim(paragraph string) bool { return strings.HasPrefix(paragraph, "  ") }

// wrap breaks a text at spaces, so that no line is longer than width. A longer word is broken
// after commas, and stays longer if it has none.
func wrap(text string, width int) []string {
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

// slug is the name of the page: builder-build.
func slug(name string) string { return strings.ReplaceAll(name, " ", "-") }
