// SPDX-License-Identifier: AGPL-3.0-or-later

package re2

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestNeeds(t *testing.T) {
	for expr, want := range map[string]struct {
		min     int
		in, out string
	}{
		`(?i:wit)(?:.|[\n\r]){0,40}?\b([A-Z0-9]{32})\b`:                      {32, "AZ09", "az_-"},
		`\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b`: {36, "09af-", "gAF_"},
		`\b((?:ghp|gho)_[a-zA-Z0-9]{36,255}\b)`:                              {40, "azAZ09_", "-+"},
		`key-[a-z]{16}|tok-[0-9]{20}`:                                        {20, "az09key-", "AZ_"},
		`(?i)[a-f0-9]{32}`:                                                   {32, "afAF09", "g-"},
		`(?i)token[a-z]{12}`:                                                 {17, "tokenTOKEN\u212a", "0-"},
		`[^a]{12}`:                                                           {12, "b \x80\xff", "a"},
		`(ab){5}x?`:                                                          {10, "ab", "cd"},
		`[a-z]{3}`:                                                           {0, "", ""},
		`.{40}`:                                                              {0, "", ""},
		`([a-z]{20})?`:                                                       {0, "", ""},
		`[a-z]{20}|x`:                                                        {0, "", ""},
		`(?:[a-z]{20}){0,3}`:                                                 {0, "", ""},
	} {
		got := needs(expr)
		if got.min != want.min {
			t.Errorf("%s needs %d, want %d", expr, got.min, want.min)
		}
		for _, c := range []byte(want.in) {
			if !got.set[c] {
				t.Errorf("%s: %q is not in the set", expr, c)
			}
		}
		for _, c := range []byte(want.out) {
			if got.set[c] {
				t.Errorf("%s: %q is in the set", expr, c)
			}
		}
	}
}

func TestMarks(t *testing.T) {
	for expr, want := range map[string]marks{
		`\b(?:https?:)?\/\/[\S]{0,50}:([\S]{3,50})@[-.%\w\/:]+\b`: "/:@",
		`a-b|c_d|-`:                  "",
		`a-_b|c_d|_`:                 "_",
		`(-x)?_(\.){2}(,)*(;+){0,3}`: "_.",
		`é\u00e9`:                    "",
		`[-]{9}`:                     "-",
	} {
		if got := marksOf(strings.ReplaceAll(expr, `\u00e9`, "é")); got != want {
			t.Errorf("%s has %q, want %q", expr, got, want)
		}
	}
}

func TestIn(t *testing.T) {
	r := needs(`[0-9]{8}`)
	for _, text := range []string{"12345678", "x12345678", "1234567 12345678", strings.Repeat("1234567 ", 9) + "12345678x",
		strings.Repeat("9", 99)} {
		if !r.in(text) {
			t.Errorf("not in %q", text)
		}
	}
	for _, text := range []string{"", "1234567", "1234567x1234567", strings.Repeat("1234567 ", 9)} {
		if r.in(text) {
			t.Errorf("in %q", text)
		}
	}
	if none := (run{}); !none.in("") || !none.in("x") {
		t.Error("a run of nothing is in everything")
	}
}

func TestErrorsAreThoseOfRegexp(t *testing.T) {
	_, want := regexp.Compile(`(`)
	if _, err := Compile(`(`); err == nil || err.Error() != want.Error() {
		t.Errorf("%v, want %v", err, want)
	}
}

// TestMustCompileOfWhatDoesNotParse: a delayed panic still contains the expression.
func TestMustCompileOfWhatDoesNotParse(t *testing.T) {
	re := MustCompile(`[z-a]`)
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "[z-a]") {
			t.Errorf("panic %q", text)
		}
	}()
	t.Error(re.MatchString("z"))
}

// FuzzSameAsRegexp compares with package regexp for any expression and text.
func FuzzSameAsRegexp(f *testing.F) {
	for _, seed := range [][2]string{
		{`(?i:wit)(?:.|[\n\r]){0,40}?\b([A-Z0-9]{32})\b`, "within wit ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 x"},
		{`(?i)k{8}`, "\u212a\u212a\u212a\u212a\u212a\u212a\u212a\u212a"},
		{`[^a-z]{8}`, "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"},
		{`\b([0-9a-f]{8}-[0-9a-f]{4})\b`, "id: 0123abcd-4567"},
		{`(?:a|bc){6,}(?:$|x)`, "abcabcabcabc"},
		{`((?i:s){4}){2}`, "SsſsSSſs"},
		{`(?s:.){9}|[a-z]{10}`, "some text\n"},
		{`[a-z]{2000}`, "short"},
		{`(?i)//\S{0,9}:(\S{3,50})@[-.%\w]+\b`, "see https://user:word@example.com"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		want, err := regexp.Compile(expr)
		if err != nil {
			return
		}
		got := MustCompile(expr)
		if !reflect.DeepEqual(got.FindAllStringSubmatch(text, -1), want.FindAllStringSubmatch(text, -1)) {
			t.Errorf("FindAllStringSubmatch of %q in %q", expr, text)
		}
		if !reflect.DeepEqual(got.FindAllString(text, 2), want.FindAllString(text, 2)) {
			t.Errorf("FindAllString of %q in %q", expr, text)
		}
		if !reflect.DeepEqual(got.FindStringSubmatch(text), want.FindStringSubmatch(text)) {
			t.Errorf("FindStringSubmatch of %q in %q", expr, text)
		}
		if got.MatchString(text) != want.MatchString(text) {
			t.Errorf("MatchString of %q in %q", expr, text)
		}
	})
}
