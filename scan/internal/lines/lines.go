// SPDX-License-Identifier: AGPL-3.0-or-later

// Package lines converts between offsets and the lines and columns that a YAML parser reports.
package lines

import (
	"slices"
	"unicode/utf8"
)

// Starts holds the offset of each line in a text, in bytes.
type Starts []int

// New returns the line starts of a text. There is at least one.
func New(data []byte) Starts {
	starts := Starts{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// Offset returns the offset of a line and column. Both are 1-based, and columns count
// characters, as in the parser. It returns false if the line does not exist.
func (s Starts) Offset(data []byte, line, column int) (int, bool) {
	if line < 1 || line > len(s) {
		return 0, false
	}
	at := s[line-1]
	for range column - 1 {
		_, size := utf8.DecodeRune(data[at:])
		at += size
	}
	return at, true
}

// Position returns the line and the column of an offset. Both are 1-based, and the column
// counts bytes.
func (s Starts) Position(offset int) (line, column int) {
	n, exact := slices.BinarySearch(s, offset)
	if !exact {
		n--
	}
	return n + 1, offset - s[n] + 1
}
