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
			last.Lines = append(last.Lines, line)
		}
	}
	for i := range hunks {
		shortenLines(hunks[i].Lines)
	}
	return hunks
}

// shortenLines cuts long lines. Of a line that was changed it shows where the change begins.
func shortenLines(lines []string) {
	for i := 0; i < len(lines); {
		removed := countPrefix(lines[i:], '-')
		added := countPrefix(lines[i+removed:], '+')
		if removed+added == 0 {
			lines[i] = shorten(lines[i], 0)
			i++
			continue
		}
		for j := range max(removed, added) {
			older := i + min(j, removed-1)
			newer := i + removed + min(j, added-1)
			from := 0
			if j < removed && j < added {
				from = commonPrefix(lines[older][1:], lines[newer][1:])
			}
			if j < removed {
				lines[older] = shorten(lines[older], from)
			}
			if j < added {
				lines[newer] = shorten(lines[newer], from)
			}
		}
		i += removed + added
	}
}

// countPrefix returns how many lines begin with a mark.
func countPrefix(lines []string, mark byte) int {
	n := 0
	for n < len(lines) && lines[n][0] == mark {
		n++
	}
	return n
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// shorten cuts a long line between two characters, so that what stands at an offset behind its
// mark is shown.
func shorten(line string, offset int) string {
	if len(line) <= maxLine {
		return line
	}
	mark := line[:1]
	text := line[1:]
	start := 0
	if offset > maxLine/2 {
		start = min(offset-maxLine/4, len(text)-1)
	}
	for !utf8.RuneStart(text[start]) {
		start--
	}
	end := min(start+maxLine, len(text))
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	out := text[start:end]
	if start > 0 {
		out = "…" + out
	}
	if end < len(text) {
		out += "…"
	}
	return mark + out
}
