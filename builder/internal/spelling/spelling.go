// SPDX-License-Identifier: AGPL-3.0-or-later

// Package spelling suggests corrections of misspelt words.
package spelling

import (
	"iter"
	"strings"
)

// Nearest returns the candidate with the smallest edit distance from word, ignoring case, or "" if
// none is near. Of equally near candidates it returns the first in sort order.
func Nearest(word string, candidates iter.Seq[string]) string {
	best := ""
	least := maxEdits(word) + 1
	for candidate := range candidates {
		n := countEdits(word, candidate, least)
		if n < least || n == least && best != "" && candidate < best {
			best = candidate
			least = n
		}
	}
	return best
}

// maxEdits returns the maximum edit distance: short words resemble each other by chance.
func maxEdits(word string) int {
	switch {
	case len(word) < 3:
		return 0
	case len(word) < 6:
		return 1
	}
	return 2
}

// countEdits returns the number of letters to insert, delete, replace or swap with their neighbour
// to turn a into b (optimal string alignment), ignoring case. It may return any number above limit
// for words that are further apart.
func countEdits(a, b string, limit int) int {
	if len(a) > len(b)+limit || len(b) > len(a)+limit {
		return limit + 1
	}
	a = strings.ToLower(a)
	b = strings.ToLower(b)
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
