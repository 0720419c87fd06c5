// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// diffHeader is the number of lines before the first hunk of a diff.
const diffHeader = 3

// markConflicts returns a text with conflict markers of the given length around the lines that
// differ, as Git writes them. It returns equal texts unchanged.
func markConflicts(ours, theirs []byte, length int) []byte {
	if bytes.Equal(ours, theirs) {
		return ours
	}
	c := conflictWriter{length: length}
	rest := slices.Collect(strings.Lines(string(endLine(ours))))
	lines := string(diff.Diff("ours", endLine(ours), "theirs", endLine(theirs)))
	for i, line := range slices.Collect(strings.Lines(lines)) {
		switch {
		case i < diffHeader:
		case line[0] == '@':
			first := 0
			_, _ = fmt.Sscanf(line, "@@ -%d", &first) // without a number, no line is skipped
			for len(rest) > 0 && c.read < first-1 {
				c.addLine(' ', rest[0])
				rest = rest[1:]
			}
		default:
			c.addLine(line[0], line[1:])
			if line[0] != '+' {
				rest = rest[1:]
			}
		}
	}
	for _, line := range rest {
		c.addLine(' ', line)
	}
	c.flushConflict()
	return []byte(c.out.String())
}

// endLine terminates the last line of a non-empty text.
func endLine(text []byte) []byte {
	if len(text) == 0 || bytes.HasSuffix(text, []byte("\n")) {
		return text
	}
	return append(slices.Clone(text), '\n')
}

// conflictWriter buffers the lines of a conflict until the next common line.
type conflictWriter struct {
	out          strings.Builder
	length       int
	ours, theirs strings.Builder
	// read counts the lines of ours that were added.
	read int
}

// addLine adds a line with its diff sign.
func (c *conflictWriter) addLine(sign byte, line string) {
	switch sign {
	case '-':
		c.ours.WriteString(line)
	case '+':
		c.theirs.WriteString(line)
		return
	default:
		c.flushConflict()
		c.out.WriteString(line)
	}
	c.read++
}

func (c *conflictWriter) flushConflict() {
	if c.ours.Len()+c.theirs.Len() == 0 {
		return
	}
	mark := func(sign string) string { return strings.Repeat(sign, c.length) }
	fmt.Fprintf(&c.out, "%s ours\n%s%s\n%s%s theirs\n", mark("<"), c.ours.String(), mark("="), c.theirs.String(),
		mark(">"))
	c.ours.Reset()
	c.theirs.Reset()
}
