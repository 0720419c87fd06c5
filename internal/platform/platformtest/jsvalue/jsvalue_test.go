// SPDX-License-Identifier: Apache-2.0

package jsvalue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// recorded is the result of js-yaml 4.1.0 for a document, written by testdata/record.js.
type recorded struct {
	Doc   string
	Value any
	Dump  string
}

func readRecorded(t testing.TB) []recorded {
	t.Helper()
	data, err := os.ReadFile("testdata/load.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// plain converts a value like record.js.
func plain(v *jsvalue.Value) any {
	if v.IsNull() {
		return nil
	}
	switch v.Kind {
	case jsvalue.Bool:
		return v.Bool
	case jsvalue.Number:
		return map[string]any{"number": jsvalue.FormatNumber(v.Number)}
	case jsvalue.Date:
		return map[string]any{"date": v.Time.Format("2006-01-02T15:04:05.000Z")}
	case jsvalue.Binary:
		return map[string]any{"binary": fmt.Sprintf("%x", v.Bytes)}
	case jsvalue.Sequence:
		items := []any{}
		for _, item := range v.Items {
			items = append(items, plain(item))
		}
		return items
	case jsvalue.Mapping:
		pairs := []any{}
		for _, p := range v.Pairs {
			pairs = append(pairs, []any{p.Key, plain(p.Value)})
		}
		sort.Slice(pairs, func(i, j int) bool { return pairs[i].([]any)[0].(string) < pairs[j].([]any)[0].(string) })
		return map[string]any{"pairs": pairs}
	}
	return v.Text
}

func TestAsTheLibraryDoes(t *testing.T) {
	for _, c := range readRecorded(t) {
		root, err := jsvalue.Load(c.Doc)
		if err != nil {
			t.Errorf("Load(%q): %v", c.Doc, err)
			continue
		}
		if diff := cmp.Diff(c.Value, plain(root)); diff != "" {
			t.Errorf("Load(%q): -want +got\n%s", c.Doc, diff)
		}
		if diff := cmp.Diff(c.Dump, jsvalue.Dump(root)); diff != "" {
			t.Errorf("Dump(Load(%q)): -want +got\n%s", c.Doc, diff)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for text, want := range map[string]*jsvalue.Error{
		"a: [":             {Line: 1, Column: 4},
		"a: 1\nb: 2\na: 3": {Reason: "duplicated mapping key", Line: 3, Column: 1},
		"a: 1\n---\nb: 2":  {Reason: "expected a single document in the stream, but found more"},
	} {
		_, err := jsvalue.Load(text)
		got, ok := errors.AsType[*jsvalue.Error](err)
		if !ok || got.Line != want.Line || got.Column != want.Column || want.Reason != "" && got.Reason != want.Reason {
			t.Errorf("Load(%q) = %v, want %v", text, err, want)
		}
	}
	if _, err := jsvalue.Load(strings.Repeat("[", 200)); err == nil {
		t.Error("200 levels are accepted")
	}
}

func TestMappings(t *testing.T) {
	m := jsvalue.NewMapping()
	for i := range 50 {
		m.Set(fmt.Sprint(i), jsvalue.NewText("x"))
	}
	m.Set("7", jsvalue.NewText("y"))
	m.Delete("0")
	if len(m.Pairs) != 49 || m.Has("0") || m.Get("7").Text != "y" || m.Get("49").Text != "x" || m.Get("50") != nil {
		t.Errorf("%d pairs, 0: %v, 7: %v", len(m.Pairs), m.Has("0"), m.Get("7"))
	}
	if jsvalue.NewText("x").Has("a") {
		t.Error("a text has a key")
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 1: "1", -1.5: "-1.5", 1e20: "100000000000000000000", 1e21: "1e+21",
		1e-6: "0.000001", 1e-7: "1e-7",
		123456789.25: "123456789.25"} {
		if got := jsvalue.FormatNumber(n); got != want {
			t.Errorf("FormatNumber(%g) = %s, want %s", n, got, want)
		}
	}
}

// The text of a list stays small, however often aliases repeat it.
func TestTextOfAliases(t *testing.T) {
	doc := "a: &a [x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		doc += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 8), ","))
	}
	doc += "self: &self [*self]\n"
	root, err := jsvalue.Load(doc)
	if err != nil {
		t.Fatal(err)
	}
	for key, bound := range map[string]int{"j": 1 << 17, "self": 10} {
		if n := len(root.Get(key).String()); n > bound {
			t.Errorf("%s is %d bytes as a text", key, n)
		}
	}
}

// Dumped values load as the same value.
func FuzzDump(f *testing.F) {
	for _, c := range readRecorded(f) {
		f.Add(c.Doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		root, err := jsvalue.Load(doc)
		if err != nil || hasAliases(root, map[*jsvalue.Value]bool{}) {
			return
		}
		outer := jsvalue.NewMapping() // js-yaml does not round-trip a block text at the root
		outer.Set("x", root)
		text := jsvalue.Dump(outer)
		again, err := jsvalue.Load(text)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", doc, text, err)
		}
		if diff := cmp.Diff(plain(outer), plain(again)); diff != "" {
			t.Fatalf("%q is written as %q\n%s", doc, text, diff)
		}
	})
}

func hasAliases(v *jsvalue.Value, seen map[*jsvalue.Value]bool) bool {
	if v == nil || len(v.Items)+len(v.Pairs) == 0 {
		return false
	}
	if seen[v] {
		return true
	}
	seen[v] = true
	for _, item := range v.Items {
		if hasAliases(item, seen) {
			return true
		}
	}
	for _, p := range v.Pairs {
		if hasAliases(p.Value, seen) {
			return true
		}
	}
	return false
}
