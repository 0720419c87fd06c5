// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds returns the documents of testdata/seeds.txt, which are separated by lines of =.
func seeds(tb testing.TB) []string {
	tb.Helper()
	data, err := os.ReadFile("testdata/seeds.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(string(data), "\n=====\n")
}

// verdict returns "error", or the value of a document.
func verdict(doc string) string {
	parsed, err := Parse([]byte(doc), testLimits)
	if err != nil {
		if strings.HasPrefix(err.Error(), "more than") {
			return "limit"
		}
		return "error"
	}
	for _, n := range parsed.Notes {
		switch n.Kind {
		case DuplicateKey:
			return "error"
		case PropertyBeforeKey:
			return "noted"
		}
	}
	return canonical(parsed.Root)
}

// TestPinned compares this package with js-yaml 4.1.0 on the seeds. testdata/verdicts.txt has one
// verdict per line.
func TestPinned(t *testing.T) {
	data, err := os.ReadFile("testdata/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	docs := seeds(t)
	if len(want) != len(docs) {
		t.Fatalf("%d verdicts on %d documents", len(want), len(docs))
	}
	for i, doc := range docs {
		if got := verdict(doc); got != want[i] && (got != "noted" || want[i] != "error") {
			t.Errorf("document %q\n js-yaml %s\n here    %s", doc, want[i], got)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		doc          string
		line, column int
		message      string
	}{
		{"a: 1\nb: !secret x\n", 2, 13, "the platform does not know the tag !secret: it refuses the file; quote text that starts with !"},
		{"a: !!int x\n", 1, 11, "the value does not fit its tag !!int: the platform refuses the file"},
		{"a: !!str [x]\n", 1, 13, "the tag !!str does not fit this value: the platform refuses the file"},
		{"a: \"it\\'s\"\n", 1, 8, "\\ and this character are not an escape sequence: write \\\\ for a backslash, or use single quotes"},
		{"a: |# c\n  x\n", 1, 5, "a line break is expected here"},
		{"a: [-]\n", 1, 5, "a comma or ] is expected here"},
		{"a: é\n<<: x\n", 2, 5, "a merge key (<<) needs a mapping or a list of mappings; quote \"<<\" if it is meant as text"},
		{"a: b: c\n", 1, 5, "the indentation of this line does not fit: text with a colon and a space needs quotes"},
		{"a: %x%\n", 1, 4, "the indentation of this line does not fit: text cannot start with %, put it in quotes"},
		{"é: {{x}} é: y\n", 1, 10, "the indentation of this line does not fit"},
		{"a: \x01\n", 1, 4, "the character U+0001 is not allowed here: write it as an escape in double quotes"},
		{"a:\n\tb: 1\n", 2, 1, "a tab cannot indent YAML: use spaces"},
		{"a: *hunter2\n", 1, 4, "an alias (*name) without an anchor (&name) before it; quote text that starts with *"},
		{"a: 'b\nc: d\n", 1, 4, "a text in single quotes has no end"},
		{"a: \x00\n", 1, 4, "a NUL character is not allowed"},
	} {
		_, err := Parse([]byte(c.doc), testLimits)
		syntax, ok := err.(*SyntaxError)
		if !ok || *syntax != (SyntaxError{c.line, c.column, c.message}) {
			t.Errorf("%q: %#v, want %d:%d %s", c.doc, err, c.line, c.column, c.message)
		}
	}
}

func TestNotes(t *testing.T) {
	for _, c := range []struct {
		doc  string
		want []Note
	}{
		{"a: 1\n'a': 2\n", []Note{{DuplicateKey, 2, 1, "a", 1}}},
		{"1: a\n0x1: b\n1.0: c\n", []Note{{DuplicateKey, 2, 1, "1", 1}, {DuplicateKey, 3, 1, "1", 1}}},
		{"~: a\nnull: b\n", []Note{{DuplicateKey, 2, 1, "null", 1}}},
		{"{a: 1, ? [a] : 2}\n", []Note{{SequenceKey, 1, 10, "a", 0}, {DuplicateKey, 1, 10, "a", 1}}},
		{"k: &x a\nm: {a: 1, *x : 2}\n", []Note{{DuplicateKey, 2, 11, "a", 2}}},
		{"a: {{x}}\n", []Note{{MappingKey, 1, 5, "[object Object]", 0}}},
		{"&x a: 1\n", []Note{{PropertyBeforeKey, 1, 1, "", 0}}},
		{"\ufeff\ufeffa: 1\n", []Note{{ByteOrderMark, 1, 1, "", 0}}},
		{"a:\n\u00a0b: 1\n", []Note{{InvisibleInKey, 2, 1, "\u00a0b", 0}}},
		{"\u200ba: 1\n", []Note{{InvisibleInKey, 1, 1, "\u200ba", 0}}},
		{"{a\u3000: 1}\n", []Note{{InvisibleInKey, 1, 2, "a\u3000", 0}}},
		{"-\u00a0a: 1\n", []Note{{InvisibleInKey, 1, 1, "-\u00a0a", 0}}},
		{"a:\u00a0{b: 1}\n", []Note{{InvisibleInKey, 1, 1, "a:\u00a0{b", 0}}},
		{"a\u00a0b: 1\n'\u00a0c': 2\n\"\\u200bd\": 3\n", nil},
		{"<<: {a: 1}\na: 2\n", nil},
	} {
		doc, err := Parse([]byte(c.doc), testLimits)
		if err != nil || !slices.Equal(doc.Notes, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.doc, doc, err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{strings.Repeat("[", 101), "more than 100 levels of YAML nesting"},
		{strings.Repeat("[", 100) + strings.Repeat("]", 100), "more than 100 levels of YAML nesting"},
		{strings.Repeat("[", 99) + strings.Repeat("]", 99), ""},
		{"- " + strings.Repeat("x", 5<<20), "more than 4194304 bytes in one YAML scalar"},
		{"[" + strings.Repeat("x,", 600_000) + "]", "more than 500000 YAML nodes"},
		{"!!omap [" + ordered(1001) + "]", "more than 1000 pairs of an !!omap"},
		{"x: &a {" + ordered(6000) + "}\ny: {<<: [*a, *a]}", "more than 10000 keys copied by merge keys (<<)"},
	} {
		_, err := Parse([]byte(c.doc), testLimits)
		if got := errorText(err); got != c.want {
			t.Errorf("%.20q: %q, want %q", c.doc, got, c.want)
		}
	}
}

func ordered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + "-" + strings.Repeat("y",
			i%97) + string(rune('0'+i%10)) + ": 1, ")
	}
	return b.String()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func FuzzParse(f *testing.F) {
	for _, doc := range seeds(f) {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		if !utf8.ValidString(doc) {
			return
		}
		parsed, err := Parse([]byte(doc), testLimits)
		if err == nil && parsed.Aliases == 0 && parsed.Root != nil {
			canonical(parsed.Root)
		}
	})
}
