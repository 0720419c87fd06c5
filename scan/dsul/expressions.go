// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// scanExpressions scans string literals inside the expressions of a text: the fallback in
// {{secret.apiKey || '…'}} ships like any other literal. The identifiers in an expression
// provide the name for its strings.
func (s *fileScan) scanExpressions(text string, at position) {
	if !strings.ContainsAny(text, "'\"`") || !strings.Contains(text, "{") {
		return
	}
	for _, l := range literal.Literals(text) {
		here := at
		for _, name := range l.Names {
			root, _, _ := strings.Cut(name, ".")
			last := name[strings.LastIndexByte(name, '.')+1:]
			found := s.strengthOf(last)
			if root == "secret" && name != root {
				found = max(found, credential)
			}
			if found > here.strength {
				here.name = last
				here.strength = found
			}
		}
		s.scanLiteral(l, here)
	}
}

// scanLiteral scans one string literal of an expression. It accepts words as a secret only if the
// string is a fallback for one.
func (s *fileScan) scanLiteral(l literal.Literal, at position) {
	text := strings.TrimSpace(l.Text)
	if len(text) < minPassword || strings.ContainsAny(text, "\n") {
		return
	}
	if s.findShapes(text, at) || !l.Fallback && literal.IsWordy(text) {
		return
	}
	if at.strength == unnamed {
		if s.isOpaque(text, at) {
			s.report(ruleOpaque, text, at)
		}
		return
	}
	s.reportNamed(text, text, at)
}
