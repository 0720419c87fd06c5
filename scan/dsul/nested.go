// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// scanNested scans the content nested in a string. It does not decode a string that is a secret as
// a whole, so that one value gives one finding.
func (s *fileScan) scanNested(ctx context.Context, text string, at position, whole bool) {
	if len(text) < minNested {
		return
	}
	s.findAssignments(ctx, text, at)
	s.findForms(ctx, text, at)
	if at.nested >= maxNested || whole {
		return
	}
	s.scanUnescaped(ctx, text, at)
	if _, payload, ok := strings.Cut(text, ";base64,"); ok {
		s.scanEncoded(ctx, payload, at)
		return
	}
	s.scanEncoded(ctx, text, at)
}

// minNested is the minimum length of a string with nested content, in bytes.
const minNested = 8

// scanStructure scans a string that contains JSON, or YAML in flow style. It returns false for
// other strings, and for strings too large to parse, which are scanned as text.
func (s *fileScan) scanStructure(ctx context.Context, text string, at position) bool {
	trimmed := strings.TrimSpace(text)
	if at.nested >= maxNested || len(trimmed) < minNested || !strings.ContainsRune("{[", rune(trimmed[0])) ||
		strings.ContainsRune("{%[", rune(trimmed[1])) {
		return false
	}
	if trimmed[0] == '{' && !strings.Contains(trimmed, ":") {
		return false // a password in braces
	}
	return s.scanNestedYAML(ctx, trimmed, at)
}

// blockStart matches the start of YAML in a block scalar.
var blockStart = lazyregexp.New(`^\s*(?:#.*\n\s*|---\s*\n\s*)*(?:- )?["']?[\w./-]+["']?:(?:\s|$)`)

// scanDocument scans a multi-line string that contains YAML. The caller scans the string as text,
// too.
func (s *fileScan) scanDocument(ctx context.Context, text string, at position) {
	if at.nested < maxNested && strings.Count(text, "\n") > 0 && blockStart.MatchString(text) {
		s.scanNestedYAML(ctx, text, at)
	}
}

// settingLine matches a line of a configuration file: a name and a value, a comment, a section
// or a template instruction.
var settingLine = lazyregexp.New(
	`^\s*(?:[#;\[].*|\{\{.*\}\}|\{%.*%\}|---|(?:export\s+|- )?["']?[\w./-]+["']?\s*[:=].*)?\s*$`,
)

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

func (s *fileScan) scanNestedYAML(ctx context.Context, text string, at position) bool {
	if len(text) > maxYAML || mayHaveNodes([]byte(text)) > maxNodes {
		return false
	}
	docs, ok := parseYAML([]byte(text))
	if !ok || len(docs) == 0 {
		return false
	}
	for _, doc := range docs {
		if s.scanNode(ctx, doc, at.within(), 0) != nil {
			return false
		}
	}
	return true
}

// within returns the location of content nested in a string. Its position is that of the string.
func (at position) within() location {
	below := at.location
	below.nested++
	below.outer = &at.extent
	return below
}
