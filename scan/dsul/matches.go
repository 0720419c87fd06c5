// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// extent is the part of the file that contains a text, in bytes. Because of escapes and
// indentation it may be longer than the text.
type extent struct {
	// line and column of the text. If line is 0, offset is set instead.
	line, column int
	offset       int
	length       int
}

// position is a location together with the extent of its text.
type position struct {
	location
	extent
}

// positionOf returns the position of a node's text.
func (s *fileScan) positionOf(n *yaml.Node, at location) position {
	if at.outer != nil {
		return position{at, *at.outer}
	}
	return position{at, extent{line: n.Line, column: n.Column, length: 6*len(n.Value) + 200}}
}

// findingKey identifies a secret at a position in the file.
type findingKey struct {
	secret       string
	line, column int
}

// report records a secret. If several rules match the same text at the same position, the rule
// with the highest precedence wins.
func (s *fileScan) report(rule, text string, at position) {
	text = strings.TrimSpace(text)
	if text == "" || s.isDemo(rule, text) {
		return
	}
	line, column := s.findPosition(text, at)
	m := scan.Match{
		Rule: rule, Secret: secret.New(text), Line: line, Column: column, Verification: scan.NotChecked,
		Where: strings.ReplaceAll(at.path(), text, "…"), Reason: reasonOf(rule), Help: at.help(rule, text),
	}
	key := findingKey{text, line, column}
	if before, known := s.found[key]; known && !better(m, before) {
		return
	}
	s.found[key] = m
}

// isDemo reports passwords that protect nothing, in files where they are expected.
func (s *fileScan) isDemo(rule, text string) bool {
	if rule == ruleURL {
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
	}
	switch {
	case s.kind.document && (literal.IsFamousPassword(text) || isWeak(rule, text)):
		return true
	case !s.kind.demo:
		return false
	case rule == ruleCredential: // a connection string
		m := driverAddress.FindStringSubmatch(text)
		return m != nil && literal.IsDemoPassword(m[1])
	default:
		return (rule == rulePassword || rule == ruleURL) && literal.IsDemoPassword(text)
	}
}

// isWeak reports the password of an example, also as the value of a name such as secret.
func isWeak(rule, text string) bool {
	return literal.HasDemoWord(text) &&
		(rule == rulePassword || rule == ruleURL || rule == ruleCredential && literal.IsDemoWord(text))
}

// driverAddress matches the start of a connection string for the drivers of Go.
var driverAddress = lazyregexp.New(`^[\w.-]+:([^\s"'\x60]{1,256})@(?:tcp|unix)\(`)

// better reports whether m replaces before: it prefers the rule with the higher precedence,
// then the path that does not go through an alias.
func better(m, before scan.Match) bool {
	if a, b := precedence(m.Rule), precedence(before.Rule); a != b {
		return a < b
	}
	if len(m.Where) != len(before.Where) {
		return len(m.Where) < len(before.Where)
	}
	return m.Where < before.Where
}

func precedence(rule string) int { return slices.Index(Rules(), rule) }

func reasonOf(rule string) string { return reasons[precedence(rule)].reason }

// findPosition finds the first line of a text in the file. If the text is encoded or escaped,
// findPosition returns the position of the enclosing value.
func (s *fileScan) findPosition(text string, at position) (line, column int) {
	first, _, _ := strings.Cut(text, "\n")
	first = strings.TrimSpace(first)
	offset := at.offset
	if at.line > 0 {
		offset, _ = s.lines.Offset(s.file.Data, at.line, at.column)
	}
	end := min(len(s.file.Data), offset+at.length)
	i := -1
	if offset < end {
		i = bytes.Index(s.file.Data[offset:end], []byte(first))
	}
	if i >= 0 {
		offset += i
	}
	if line, column = s.lines.Position(offset); i < 0 {
		column = 0
	}
	return line, column
}

// sortedMatches returns the matches in file order. It omits matches that are contained in another
// match at the same position.
func (s *fileScan) sortedMatches() []scan.Match {
	all := slices.SortedFunc(maps.Values(s.found), func(a, b scan.Match) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line), cmp.Compare(precedence(a.Rule), precedence(b.Rule)), cmp.Compare(a.Column, b.Column),
			-cmp.Compare(len(a.Secret.Reveal()), len(b.Secret.Reveal())), cmp.Compare(a.Secret.Reveal(), b.Secret.Reveal()))
	})
	var list []scan.Match
	first := 0 // of the same line
	for _, m := range all {
		if first < len(list) && list[first].Line != m.Line {
			first = len(list)
		}
		if !slices.ContainsFunc(list[first:], func(kept scan.Match) bool { return overlap(kept, m) }) {
			list = append(list, m)
		}
	}
	return list
}

// overlap reports whether two matches in a line share text.
func overlap(a, b scan.Match) bool {
	if a.Column == 0 || b.Column == 0 {
		return strings.Contains(a.Secret.Reveal(), b.Secret.Reveal()) ||
			strings.Contains(b.Secret.Reveal(), a.Secret.Reveal())
	}
	return a.Column < b.Column+len(b.Secret.Reveal()) && b.Column < a.Column+len(a.Secret.Reveal())
}
