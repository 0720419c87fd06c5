// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSkim(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		want bool
	}{
		{"a mapping", "a: 1\nb: c d\n", true},
		{"a mapping without a last line feed", "a: 1", true},
		{"a mapping in a mapping", "a:\n  b:\n    c: d\n  e: f\ng: h\n", true},
		{"a sequence", "- a\n- b\n", true},
		{"a sequence below its key", "a:\n  - b\n  - c\nd: e\n", true},
		{"a sequence at its key", "a:\n- b\n- c\nd: e\n", true},
		{"mappings in a sequence", "- a: b\n  c: d\n- a: b\n", true},
		{"sequences in a sequence", "- - a\n  - b\n- - c\n", true},
		{"keys without values", "a:\nb:\n  c:\nd:\n", true},
		{"empty collections", "a: {}\nb: []\n", true},
		{"comments and blank lines", "# a\na: 1\n\n  # b\nb: 2\n", true},
		{"quotes", "a: 'b: c # d'\n'e f': 'it''s'\n", true},
		{"blocks", "a: |\n  b: c: d\n\n    e\nf: >-\n  g\n", true},
		{"a block in a sequence", "- |\n  a\n- b: |+\n    c\n\n", true},
		{"an empty block", "a: |\nb: c\n", true},
		{"accents", "a: été\nb: |\n  Zürich\n", true},
		{"keys with signs", "ui:widget: a\n$or: b\nx-y.z/w: c\n", true},

		{"nothing", "", false},
		{"a comment only", "# a\n", false},
		{"a scalar", "a\n", false},
		{"a duplicate key", "a: 1\nb: 2\na: 3\n", false},
		{"a duplicate key in quotes", "a: 1\n'a': 3\n", false},
		{"an anchor", "a: &b c\n", false},
		{"an alias", "a: *b\n", false},
		{"a tag", "a: !b c\n", false},
		{"a merge key", "<<: a\n", false},
		{"a flow mapping", "a: {b: c}\n", false},
		{"a flow sequence", "a: [b]\n", false},
		{"double quotes", "a: \"b\"\n", false},
		{"an open quote", "a: 'b\n", false},
		{"text after a quote", "a: 'b' c\n", false},
		{"a quote that is one", "a: '\n", false},
		{"a scalar of two lines", "a: b\n  c\n", false},
		{"a mapping for a scalar", "a: b\n  c: d\n", false},
		{"a sequence for a scalar", "a: b\n  - c\n", false},
		{"a mapping in a scalar", "a: b: c\n", false},
		{"a comment after a scalar", "a: b # c\n", false},
		{"a colon at the end", "a: b:\n", false},
		{"an indentation of none", "a:\n    b: c\n  d: e\n", false},
		{"an indented root", "  a: b\n", false},
		{"a sequence after a mapping", "a: b\n- c\n", false},
		{"a mapping after a sequence", "- a\nb: c\n", false},
		{"a block with an indicator", "a: |2\n  b\n", false},
		{"a block with a comment", "a: | # b\n  c\n", false},
		{"a block that loses its indentation", "a: |\n    b\n  c\n", false},
		{"a block that begins with spaces", "a: |\n    \n  b\n", false},
		{"two documents", "a: b\n---\nc: d\n", false},
		{"a directive", "%YAML 1.2\n---\na: b\n", false},
		{"an explicit key", "? a\n: b\n", false},
		{"a tab", "a:\tb\n", false},
		{"a carriage return", "a: b\r\n", false},
		{"a byte order mark", "\ufeffa: b\n", false},
		{"a line separator", "a: b\u2028c\n", false},
		{"a next line", "a: b\u0085c\n", false},
		{"bytes that are not UTF-8", "a: \xff\n", false},
		{"a lone dash", "-\n  a: b\n", false},
		{"a number for a slug", "slug: 12\n", false},
		{"a boolean for a slug", "slug: True\n", false},
		{"nothing for a slug", "slug:\n", false},
		{"a mapping for a slug", "slug: {}\n", false},
		{"too deep", strings.Repeat("- ", skimDepth+1) + "a\n", false},
		{"too many keys", manyKeys(skimKeys + 1), false},
		{"as many keys as can be", manyKeys(skimKeys), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := skim([]byte(c.text), Limits{}.withDefaults()); got != c.want {
				t.Errorf("skim is %v, want %v", got, c.want)
			}
			root, errs := parseYAML([]byte(c.text), Limits{}.withDefaults())
			if c.want && (root == nil || len(errs) > 0) {
				t.Errorf("the parser refuses it: %v", errs)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key" + strings.Repeat("x", i) + ": 1\n")
	}
	return b.String()
}

func TestSkimFacts(t *testing.T) {
	got, ok := skim([]byte("# import\nappSlug: Custom Code\nconfig:\n  slug: inner\nslug:   outer one\n"), Limits{}.withDefaults())
	want := fileFacts{
		slug:    Text{Value: "outer one", At: Position{Line: 5, Column: 9}},
		appSlug: Text{Value: "Custom Code", At: Position{Line: 2, Column: 10}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(fileFacts{})); diff != "" || !ok {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// TestSkimObeysLimits leaves to the parser, which names the limit, what may exceed one.
func TestSkimObeysLimits(t *testing.T) {
	text := []byte("a:\n  b:\n    - c: ddddddddddddddddddddddddddddddd\n")
	for name, limits := range map[string]Limits{
		"size":   {FileSize: len(text) - 1},
		"scalar": {ScalarSize: 20},
		"nodes":  {Nodes: 3},
		"depth":  {Depth: 3},
	} {
		if _, ok := skim(text, limits.withDefaults()); ok {
			t.Errorf("%s: a file beyond the limit is accepted", name)
		}
	}
	if _, ok := skim(text, Limits{}.withDefaults()); !ok {
		t.Error("a file within all limits is left to the parser")
	}
}
