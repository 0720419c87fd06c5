// SPDX-License-Identifier: AGPL-3.0-or-later

package re2

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// marks are non-alphanumeric bytes that every match contains.
type marks string

func (m marks) in(s string) bool {
	for i := range len(m) {
		if strings.IndexByte(s, m[i]) < 0 {
			return false
		}
	}
	return true
}

func marksOf(expr string) marks {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	return marked(re)
}

func marked(re *syntax.Regexp) marks {
	switch re.Op {
	case syntax.OpLiteral:
		return marks("").and(marks(strings.Map(punctuation, string(re.Rune))))
	case syntax.OpCapture, syntax.OpPlus:
		return marked(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return marked(re.Sub[0])
		}
	case syntax.OpConcat:
		var all marks
		for _, sub := range re.Sub {
			all = all.and(marked(sub))
		}
		return all
	case syntax.OpAlternate:
		common := marked(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			common = common.only(marked(sub))
		}
		return common
	}
	return ""
}

// punctuation keeps ASCII characters without case, except digits.
func punctuation(c rune) rune {
	if c >= utf8.RuneSelf || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
		return -1
	}
	return c
}

// and returns the union of both marks.
func (m marks) and(other marks) marks {
	for i := range len(other) {
		if strings.IndexByte(string(m), other[i]) < 0 {
			m += other[i : i+1]
		}
	}
	return m
}

// only returns the intersection of both marks.
func (m marks) only(other marks) marks {
	return marks(strings.Map(func(c rune) rune {
		if !strings.ContainsRune(string(other), c) {
			return -1
		}
		return c
	}, string(m)))
}
