// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"mail/index.yml":                       "mail/index.yml",
		"a::b":                                 "a::b",
		"::set-output name=x::y":               `\::set-output name=x::y`,
		"  ::stop-commands::tok":               `  \::stop-commands::tok`,
		"x/##vso[task.setvariable variable=X]": `x/#\#vso[task.setvariable variable=X]`,
		"##[error]no":                          `#\#[error]no`,
		"a ##teamcity[buildStop]":              `a #\#teamcity[buildStop]`,
		"section_start:1:x":                    `\section_start:1:x`,
		"## heading":                           "## heading",
		"\x1b[31mred\nline\u202e\u200b":        "\ufffd[31mred\ufffdline\ufffd\ufffd",
		"\xff":                                 "\ufffd",
		"###[x]":                               `##\#[x]`,
	} {
		if got := Safe(in); got != want {
			t.Errorf("Safe(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestVisibleAndLines(t *testing.T) {
	if got, want := Visible("::a\t\u202e\U000e0001"), `\::a`+"\t"+`\u202e\U000e0001`; got != want {
		t.Errorf("Visible is %q, want %q", got, want)
	}
	if got, want := Lines("a\n::b\n\x07"), "a\n\\::b\n\ufffd"; got != want {
		t.Errorf("Lines is %q, want %q", got, want)
	}
}

func TestJoinFirst(t *testing.T) {
	for want, list := range map[string][]string{
		"":                nil,
		"a, b":            {"a", "b"},
		"a, b and 1 more": {"a", "b", "c"},
	} {
		if got := JoinFirst(list, 2); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for want, got := range map[string]string{
		"1 file": Plural(1, "file"), "0 files": Plural(0, "file"), "2 dependencies": Plural(2, "dependency"), "1 dependency": Plural(1, "dependency"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzSafe looks for text that a CI runner would interpret.
func FuzzSafe(f *testing.F) {
	for _, s := range []string{"::x", "##[a]", "###vso[", " section_end:1", "\u2028::x", "#\\#["} {
		f.Add(s)
	}
	command := regexp.MustCompile(`##[A-Za-z.-]*\[|^\s*(::|section_(start|end):)`)
	f.Fuzz(func(t *testing.T, s string) {
		got := Safe(s)
		if !utf8.ValidString(got) || command.MatchString(got) || strings.ContainsAny(got, "\n\r\x1b") {
			t.Errorf("Safe(%q) is %q", s, got)
		}
	})
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"ab€", 3, "ab…"}, {"ab€", 4, "ab…"}, {"ab€", 5, "ab€"},
	} {
		if got := Shorten(c.text, c.n); got != c.want {
			t.Errorf("%q to %d bytes: %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
