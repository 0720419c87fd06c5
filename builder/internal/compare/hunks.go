// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// maxLine is the maximum length in bytes of a line that is shown in full. Prompts are long.
const maxLine = 2000

// diffLines compares two texts line by line, with three lines of context. It runs in the time of a
// sort, whatever the texts.
func diffLines(older, newer []byte) []Hunk {
	var hunks []Hunk
	for line := range strings.Lines(string(diff.Diff("old", older, "new", newer))) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "@@ "):
			hunks = append(hunks, Hunk{Header: line, Lines: []string{}})
		case len(hunks) > 0 && line != "": // file names precede the first hunk
			last := &hunks[len(hunks)-1]
			last.Lines = append(last.Lines, line)
		}
	}
	for i := range hunks {
		shortenLines(hunks[i].Lines)
	}
	return hunks
}

// shortenLines truncates long lines. For a changed line it shows the start of the change.
func shortenLines(lines []string) {
	for i := 0; i < len(lines); {
		removed := countPrefix(lines[i:], '-')
		added := countPrefix(lines[i+removed:], '+')
		if removed+added == 0 {
			lines[i] = shortenLine(lines[i], 0)
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
				lines[older] = shortenLine(lines[older], from)
			}
			if j < added {
				lines[newer] = shortenLine(lines[newer], from)
			}
		}
		i += removed + added
	}
}

// countPrefix returns the number of leading lines that start with a mark.
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

// shortenLine truncates a long line at character boundaries so that the text at offset, counted after
// the mark, stays visible.
func shortenLine(line string, offset int) string {
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
