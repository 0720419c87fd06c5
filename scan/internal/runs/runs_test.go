// SPDX-License-Identifier: AGPL-3.0-or-later

package runs

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func in(text string, length int) [][]int {
	var list [][]int
	for start, end := range In([]byte(text), length) {
		list = append(list, []int{start, end})
	}
	return list
}

func TestIn(t *testing.T) {
	for text, want := range map[string][][]int{
		"": nil, "abc": nil, "abcd": {{0, 4}}, "ab cd": nil, "ab cdef": {{3, 7}}, "abcd efgh": {{0, 4}, {5, 9}}, "x=abcd=": {{2, 6}}, "a-_+/ b": {{0, 5}},
	} {
		if diff := cmp.Diff(want, in(text, 4)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", text, diff)
		}
	}
}

// FuzzIn compares with a regular expression.
func FuzzIn(f *testing.F) {
	f.Add("abc defghi=jkl")
	f.Fuzz(func(t *testing.T, text string) {
		want := regexp.MustCompile(`[A-Za-z0-9+/_-]{5,}`).FindAllStringIndex(text, -1)
		if diff := cmp.Diff(want, in(text, 5)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
