// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestPairs(t *testing.T) {
	for _, c := range []struct{ doc, own, all string }{
		{"a: 1\nb: 2\n", "a=1 b=2", "a=1 b=2"},
		{"0x10: 1\n", "16=1", "16=1"},
		{"<<: {a: 1}\n", "", "a=1"},
		{"<<: {a: 1, b: 2}\na: 3\n", "a=3", "a=3 b=2"},
		{"<<: [{a: 1}, {a: 2, b: 3}]\nc: 4\n", "c=4", "c=4 a=1 b=3"},
		{"<<: {<<: {a: 1}, b: 2}\n", "", "b=2 a=1"},
		{"[a]\n", "", ""},
		{"", "", ""},
	} {
		doc, err := Parse([]byte(c.doc), testLimits)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatPairs(OwnPairs(doc.Root)); got != c.own {
			t.Errorf("own pairs of %q: %s, want %s", c.doc, got, c.own)
		}
		if got := formatPairs(Pairs(doc.Root)); got != c.all {
			t.Errorf("pairs of %q: %s, want %s", c.doc, got, c.all)
		}
		for k, v := range Pairs(doc.Root).All {
			if got := Lookup(doc.Root, KeyText(k)); got != v {
				t.Errorf("%s in %q: %v", KeyText(k), c.doc, got)
			}
		}
		if Lookup(doc.Root, "missing") != nil {
			t.Errorf("%q has a missing key", c.doc)
		}
	}
}

func formatPairs(l PairList) string {
	var parts []string
	for k, v := range l.All {
		parts = append(parts, KeyText(k)+"="+v.Value)
	}
	return strings.Join(parts, " ")
}

func TestCheckExpansion(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{"a: &a [1, 2]\nb: *a\n", ""},
		{"a: &a [1, 2]\nb: [*a, *a, *a, *a]\n", "more than 12 YAML nodes, aliases expanded"},
		{"a: &a " + strings.Repeat("x", 300) + "\nb: [*a, *a, *a]\n", "more than 1000 bytes, aliases expanded"},
		{"a: &a [*a]\n", "an alias within its own anchor"},
		{"a: " + strings.Repeat("x", 2000) + "\n", ""},
	} {
		doc, err := Parse([]byte(c.doc), testLimits)
		if err != nil {
			t.Fatal(err)
		}
		if got := errorText(doc.CheckExpansion(12, 1000)); got != c.want {
			t.Errorf("%.40q: %q, want %q", c.doc, got, c.want)
		}
	}
}

// TestReuse parses documents with a parser that has parsed others. The result must be the same.
func TestReuse(t *testing.T) {
	large := []byte("[" + strings.Repeat("&a {a: !!str b},", 20_000) + "]")
	var p Parser
	if _, err := p.Parse(large, testLimits); err != nil {
		t.Fatal(err)
	}
	for _, doc := range seeds(t) {
		want, wantErr := Parse([]byte(doc), testLimits)
		got, err := p.Parse([]byte(doc), testLimits)
		if errorText(err) != errorText(wantErr) {
			t.Errorf("%q: %v, want %v", doc, err, wantErr)
		}
		if err != nil || wantErr != nil {
			continue
		}
		if want, got := dump(want.Root), dump(got.Root); got != want {
			t.Errorf("%q: %s, want %s", doc, got, want)
		}
	}
}

// dump formats all fields of a tree that the parser sets.
func dump(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d %d %d %s %q &%s", n.Line, n.Column, n.Kind, n.Style, n.Tag, n.Value, n.Anchor)
	if n.Alias != nil {
		fmt.Fprintf(&b, " *%d:%d", n.Alias.Line, n.Alias.Column)
	}
	for _, child := range n.Content {
		b.WriteString(" [" + dump(child) + "]")
	}
	return b.String()
}
