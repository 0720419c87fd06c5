// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// expressions looks at the strings in the expressions of a text: the fallback in
// {{secret.apiKey || '…'}} ships like any other literal. What an expression refers to
// says what a string in it stands for.
func (s *fileScan) expressions(text string, at where) {
	if !strings.ContainsAny(text, "'\"`") || !strings.Contains(text, "{") {
		return
	}
	for _, l := range literal.Literals(text) {
		here := at
		for _, name := range l.Names {
			root, _, _ := strings.Cut(name, ".")
			last := name[strings.LastIndexByte(name, '.')+1:]
			found := s.strength(last)
			if root == "secret" && name != root {
				found = max(found, credential)
			}
			if found > here.strength {
				here.name, here.strength = last, found
			}
		}
		s.expressed(l, here)
	}
}

// expressed looks at one string of an expression. Words are a secret only where they
// take the place of one.
func (s *fileScan) expressed(l literal.Literal, at where) {
	text := strings.TrimSpace(l.Text)
	if len(text) < minPassword || strings.ContainsAny(text, "\n") {
		return
	}
	if s.shapes(text, at) || !l.Fallback && literal.IsWordy(text) {
		return
	}
	if at.strength == unnamed {
		if s.isOpaque(text, at) {
			s.report(ruleOpaque, text, at)
		}
		return
	}
	s.named(text, text, at)
}
