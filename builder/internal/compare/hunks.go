// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// maxLine is the length in bytes of the longest line that is shown whole. Prompts are long.
const maxLine = 2000

// unified compares two texts line by line, with three lines around what differs. Its
// time is that of sorting, whatever the texts are.
func unified(older, newer []byte) []Hunk {
	var hunks []Hunk
	for line := range strings.Lines(string(diff.Diff("old", older, "new", newer))) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "@@ "):
			hunks = append(hunks, Hunk{Header: line, Lines: []string{}})
		case len(hunks) > 0 && line != "": // what comes before the first hunk are names
			last := &hunks[len(hunks)-1]
			last.Lines = append(last.Lines, shorten(line))
		}
	}
	return hunks
}

// shorten cuts a long line between two characters.
func shorten(line string) string {
	if len(line) <= maxLine {
		return line
	}
	end := maxLine
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + "…"
}
