// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// within scans the content nested in a string. It does not decode a string that is a secret as
// a whole, so that one value gives one finding.
func (s *fileScan) within(text string, at where, whole bool) {
	if len(text) < minNested {
		return
	}
	s.assignments(text, at)
	s.forms(text, at)
	if at.nested >= maxNested || whole {
		return
	}
	s.unescaped(text, at)
	if _, payload, ok := strings.Cut(text, ";base64,"); ok {
		s.encoded(payload, at)
		return
	}
	s.encoded(text, at)
}

// minNested is the minimum length of a string with nested content, in bytes.
const minNested = 8

// structure scans a string that contains JSON, or YAML in flow style. It returns false for
// other strings, and for strings too large to parse, which are scanned as text.
func (s *fileScan) structure(text string, at where) bool {
	trimmed := strings.TrimSpace(text)
	if at.nested >= maxNested || len(trimmed) < minNested || !strings.ContainsRune("{[", rune(trimmed[0])) || strings.ContainsRune("{%[", rune(trimmed[1])) {
		return false
	}
	if trimmed[0] == '{' && !strings.Contains(trimmed, ":") {
		return false // a password in braces
	}
	return s.nestedYAML(trimmed, at)
}

// blockStart matches the start of YAML in a block scalar.
var blockStart = lazyregexp.New(`^\s*(?:#.*\n\s*|---\s*\n\s*)*(?:- )?["']?[\w./-]+["']?:(?:\s|$)`)

// document scans a multi-line string that contains YAML. The caller scans the string as text,
// too.
func (s *fileScan) document(text string, at where) {
	if at.nested < maxNested && strings.Count(text, "\n") > 0 && blockStart.MatchString(text) {
		s.nestedYAML(text, at)
	}
}

// settingLine matches a line of a configuration file: a name and a value, a comment, a section
// or a template instruction.
var settingLine = lazyregexp.New(`^\s*(?:[#;\[].*|\{\{.*\}\}|\{%.*%\}|---|(?:export\s+|- )?["']?[\w./-]+["']?\s*[:=].*)?\s*$`)

// maxSettings is the maximum length of a string to treat as a configuration file, in bytes.
const maxSettings = 16 << 10

// isSettings reports a multi-line string in which every line is a setting.
func isSettings(text string) bool {
	if len(text) > maxSettings || strings.Count(strings.TrimSpace(text), "\n") == 0 {
		return false
	}
	for line := range strings.Lines(text) {
		if !settingLine.MatchString(line) {
			return false
		}
	}
	return true
}

func (s *fileScan) nestedYAML(text string, at where) bool {
	if len(text) > maxYAML || mayHaveNodes([]byte(text)) > maxNodes {
		return false
	}
	docs, ok := parseYAML([]byte(text))
	if !ok || len(docs) == 0 {
		return false
	}
	for _, doc := range docs {
		if s.visit(doc, at.within(), 0) != nil {
			return false
		}
	}
	return true
}

// within returns the spot of content nested in a string. Its position is that of the string.
func (at where) within() spot {
	below := at.spot
	below.nested++
	below.outer = &at.extent
	return below
}
