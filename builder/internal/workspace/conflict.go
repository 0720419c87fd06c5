// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// diffHead is the number of lines before the first hunk of a comparison.
const diffHead = 3

// markConflicts returns a text in which the lines that differ stand between conflict markers
// of a length, as Git writes them. Two equal texts are returned as they are.
func markConflicts(ours, theirs []byte, length int) []byte {
	if bytes.Equal(ours, theirs) {
		return ours
	}
	c := conflictWriter{length: length}
	rest := slices.Collect(strings.Lines(string(endLine(ours))))
	for i, line := range slices.Collect(strings.Lines(string(diff.Diff("ours", endLine(ours), "theirs",
		endLine(theirs))))) {
		switch {
		case i < diffHead:
		case line[0] == '@':
			first := 0
			_, _ = fmt.Sscanf(line, "@@ -%d", &first) // without a number, no line is skipped
			for len(rest) > 0 && c.read < first-1 {
				c.add(' ', rest[0])
				rest = rest[1:]
			}
		default:
			c.add(line[0], line[1:])
			if line[0] != '+' {
				rest = rest[1:]
			}
		}
	}
	for _, line := range rest {
		c.add(' ', line)
	}
	c.flush()
	return []byte(c.out.String())
}

// endLine ends the last line of a text that has one.
func endLine(text []byte) []byte {
	if len(text) == 0 || bytes.HasSuffix(text, []byte("\n")) {
		return text
	}
	return append(slices.Clone(text), '\n')
}

// conflictWriter collects the lines of a conflict until a common line comes.
type conflictWriter struct {
	out          strings.Builder
	length       int
	ours, theirs strings.Builder
	// read counts the lines of ours that have come.
	read int
}

// add takes a line with the sign that it has in a comparison.
func (c *conflictWriter) add(sign byte, line string) {
	switch sign {
	case '-':
		c.ours.WriteString(line)
	case '+':
		c.theirs.WriteString(line)
		return
	default:
		c.flush()
		c.out.WriteString(line)
	}
	c.read++
}

func (c *conflictWriter) flush() {
	if c.ours.Len()+c.theirs.Len() == 0 {
		return
	}
	mark := func(sign string) string { return strings.Repeat(sign, c.length) }
	fmt.Fprintf(&c.out, "%s ours\n%s%s\n%s%s theirs\n", mark("<"), c.ours.String(), mark("="), c.theirs.String(),
		mark(">"))
	c.ours.Reset()
	c.theirs.Reset()
}
