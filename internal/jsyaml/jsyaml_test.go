// SPDX-License-Identifier: Apache-2.0

package jsyaml_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/jsyaml"
)

// recorded is what js-yaml 4.1.0 makes of a document; testdata/record.js writes it.
type recorded struct {
	Doc          string
	Value        any
	Dump         string
	Reason       string
	Line, Column int
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

// plain writes a value as record.js does.
func plain(v *jsyaml.Value) any {
	if v.IsNull() {
		return nil
	}
	switch v.Kind {
	case jsyaml.Bool:
		return v.Bool
	case jsyaml.Number:
		return map[string]any{"number": jsyaml.FormatNumber(v.Number)}
	case jsyaml.Date:
		return map[string]any{"date": v.Time.Format("2006-01-02T15:04:05.000Z")}
	case jsyaml.Binary:
		return map[string]any{"binary": fmt.Sprintf("%x", v.Bytes)}
	case jsyaml.Sequence:
		items := []any{}
		for _, item := range v.Items {
			items = append(items, plain(item))
		}
		return items
	case jsyaml.Mapping:
		pairs := []any{}
		for _, p := range v.Pairs {
			pairs = append(pairs, []any{p.Key, plain(p.Value)})
		}
		sort.Slice(pairs, func(i, j int) bool { return pairs[i].([]any)[0].(string) < pairs[j].([]any)[0].(string) })
		return map[string]any{"pairs": pairs}
	}
	return v.Text
}

func TestLoadAsTheLibraryDoes(t *testing.T) {
	for _, c := range readRecorded(t) {
		root, err := jsyaml.Load([]byte(c.Doc), jsyaml.Limits{})
		if c.Reason != "" {
			got, ok := errors.AsType[*jsyaml.Error](err)
			if !ok || got.Reason != c.Reason || got.Line != c.Line || got.Column != c.Column {
				t.Errorf("Load(%q) = %v, want %s (%d:%d)", c.Doc, err, c.Reason, c.Line, c.Column)
			}
			continue
		}
		if err != nil {
			t.Errorf("Load(%q): %v", c.Doc, err)
			continue
		}
		if diff := cmp.Diff(c.Value, plain(root)); diff != "" {
			t.Errorf("Load(%q): -want +got\n%s", c.Doc, diff)
		}
		if half := strings.Contains(c.Dump, `\uD83D"`); half {
			continue // a Go string cannot hold half of a surrogate pair
		}
		if diff := cmp.Diff(c.Dump, jsyaml.Dump(root)); diff != "" {
			t.Errorf("Dump(Load(%q)): -want +got\n%s", c.Doc, diff)
		}
	}
}

func TestPlaces(t *testing.T) {
	root, err := jsyaml.Load([]byte("é: &x {b: 1}\nlist:\n  - *x\n  - <<: *x\n    c: \n"), jsyaml.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(v *jsyaml.Value)
	walk = func(v *jsyaml.Value) {
		for _, p := range v.Pairs {
			got = append(got, fmt.Sprintf("%s %d:%d value %d:%d", p.Key, p.Line, p.Column, p.Value.Line, p.Value.Column))
			walk(p.Value)
		}
		for _, item := range v.Items {
			got = append(got, fmt.Sprintf("- %d:%d", item.Line, item.Column))
			walk(item)
		}
	}
	walk(root)
	want := []string{"é 1:1 value 1:7", "b 1:8 value 1:11", "list 2:1 value 3:3", "- 1:7", "b 1:8 value 1:11", "- 4:5",
		"b 1:8 value 1:11", "c 5:5 value 6:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("- ", n) + "a") }
	for _, c := range []struct {
		name   string
		data   []byte
		limits jsyaml.Limits
		want   *jsyaml.LimitError
	}{
		{"default depth", nested(98), jsyaml.Limits{}, nil},
		{"too deep", nested(200), jsyaml.Limits{}, &jsyaml.LimitError{What: "levels of nesting", Max: 100, Line: 1, Column: 201}},
		{"a million levels", nested(1e6), jsyaml.Limits{Depth: 1000}, &jsyaml.LimitError{What: "levels of nesting", Max: 1000, Line: 1, Column: 2001}},
		{"few nodes", []byte("[a, b, c]"), jsyaml.Limits{Nodes: 10}, nil},
		{"many nodes", []byte("[a, b, c, d, e]"), jsyaml.Limits{Nodes: 4}, &jsyaml.LimitError{What: "values", Max: 4, Line: 1, Column: 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := jsyaml.Load(c.data, c.limits)
			got, _ := errors.AsType[*jsyaml.LimitError](err)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestMappings(t *testing.T) {
	m := jsyaml.NewMapping()
	for i := range 50 {
		m.Set(fmt.Sprint(i), jsyaml.NewText("x"))
	}
	m.Set("7", jsyaml.NewText("y"))
	m.Delete("0")
	if len(m.Pairs) != 49 || m.Has("0") || m.Get("7").Text != "y" || m.Get("49").Text != "x" || m.Get("50") != nil {
		t.Errorf("%d pairs, 0: %v, 7: %v", len(m.Pairs), m.Has("0"), m.Get("7"))
	}
	if jsyaml.NewText("x").Has("a") {
		t.Error("a text has a key")
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 1: "1", -1.5: "-1.5", 1e20: "100000000000000000000", 1e21: "1e+21", 1e-6: "0.000001", 1e-7: "1e-7",
		123456789.25: "123456789.25"} {
		if got := jsyaml.FormatNumber(n); got != want {
			t.Errorf("FormatNumber(%g) = %s, want %s", n, got, want)
		}
	}
}

// What a list is as a text stays small, however often its aliases repeat it.
func TestTextOfAliases(t *testing.T) {
	doc := "a: &a [x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		doc += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 8), ","))
	}
	doc += "self: &self [*self]\n"
	root, err := jsyaml.Load([]byte(doc), jsyaml.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for key, bound := range map[string]int{"j": 1 << 17, "self": 10} {
		if n := len(root.Get(key).String()); n > bound {
			t.Errorf("%s is %d bytes as a text", key, n)
		}
	}
}

// What is written is read as the same value, and nothing makes the reader panic.
func FuzzLoad(f *testing.F) {
	for _, c := range readRecorded(f) {
		f.Add([]byte(c.Doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := jsyaml.Load(data, jsyaml.Limits{Nodes: 10_000})
		if err != nil {
			return
		}
		if hasAliases(root, map[*jsyaml.Value]bool{}) {
			return
		}
		outer := jsyaml.NewMapping() // js-yaml reads a block text at the root otherwise than it writes it
		outer.Set("x", root)
		root = outer
		text := jsyaml.Dump(root)
		again, err := jsyaml.Load([]byte(text), jsyaml.Limits{})
		if err != nil {
			t.Fatalf("%q is written as %q: %v", data, text, err)
		}
		if diff := cmp.Diff(plain(root), plain(again)); diff != "" {
			t.Fatalf("%q is written as %q\n%s", data, text, diff)
		}
	})
}

func hasAliases(v *jsyaml.Value, seen map[*jsyaml.Value]bool) bool {
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
