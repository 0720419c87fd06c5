// SPDX-License-Identifier: AGPL-3.0-or-later

package strict

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type settings struct {
	Name   string                   `yaml:"name"`
	Count  int                      `yaml:"count"`
	On     bool                     `yaml:"on"`
	List   []Value[string]          `yaml:"list"`
	Levels map[string]Value[string] `yaml:"levels"`
	Items  []item                   `yaml:"items"`
	Free   []Any                    `yaml:"free"`
	hidden string
}

type item struct {
	Position
	ID string `yaml:"id"`
}

func TestDecode(t *testing.T) {
	var got settings
	err := Decode("f.yaml",
		[]byte("name: x\ncount: 3\non: true\nlist: [a, b]\nlevels:\n  r: high\nitems:\n  - id: one\nfree:\n  - {a: [1]}\n"),
		&got)
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		Name: "x", Count: 3, On: true,
		List:   []Value[string]{{Position{4, 8}, "a"}, {Position{4, 11}, "b"}},
		Levels: map[string]Value[string]{"r": {Position{6, 6}, "high"}},
		Items:  []item{{Position{8, 5}, "one"}},
		Free:   []Any{{Position{10, 5}, map[string]any{"a": []any{1}}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, empty := range []string{"", "# nothing\n", "name:\nlist:\n"} {
		var got settings
		if err := Decode("f.yaml", []byte(empty), &got); err != nil ||
			!cmp.Equal(got, settings{}, cmp.AllowUnexported(settings{})) {
			t.Errorf("%q: %+v, error %v", empty, got, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"name: x\nnmae: y\n":             `2:1: unknown key "nmae", want one of name, count, on, list, levels, items, free`,
		"hidden: x\n":                    `1:1: unknown key "hidden"`,
		"name: x\nname: y\n":             `2:1: key "name" is there twice`,
		"name: [x]\n":                    "1:7: want text",
		"count: many\n":                  "1:8: want a number",
		"on: maybe\n":                    "1:5: want true or false",
		"list: a\n":                      "1:7: want a list",
		"list: [[a]]\n":                  "1:8: want text",
		"levels: [a]\n":                  "1:9: want keys and values",
		"levels: {a: 1, a: 2}\n":         `1:16: key "a" is there twice`,
		"items:\n  - id: a\n    di: b\n": `3:5: unknown key "di"`,
		"? [a]\n: b\n":                   "1:3: a key is text",
		"name: &x a\n":                   "1:7: anchors and aliases",
		"list: [&x a, *x]\n":             "1:8: anchors and aliases",
		"free: [{a: &x 1, b: *x}]\n":     "1:8: anchors and aliases",
		"free: [{a: 1, a: 2}]\n":         `1:8: `,
		"name: a\n---\nname: b\n":        "more than one YAML document",
		"name: [\n":                      "f.yaml: line 1: ",
		"- a\n":                          "1:1: want keys and values",
		"name: " + strings.Repeat("x", MaxSize) + "": "larger than",
	} {
		err := Decode("f.yaml", []byte(text), new(settings))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\nlist: [a]\nitems:\n  - id: b\nfree: [{a: 1}]\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second settings
		one, two := Decode("f.yaml", data, &first), Decode("f.yaml", data, &second)
		if (one == nil) != (two == nil) || !cmp.Equal(first.Name+first.hidden, second.Name) {
			t.Errorf("%v, then %v", one, two)
		}
	})
}
