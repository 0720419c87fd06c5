// SPDX-License-Identifier: AGPL-3.0-or-later

package ahocorasick

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func FuzzMatch(f *testing.F) {
	f.Add("he she his hers", "ushers of his")
	f.Add("a aa aaa", "aaaa")
	f.Add("abcd bc", "abce")
	f.Add("é \xff", "caf\u00e9 \xff")
	f.Fuzz(func(t *testing.T, words, text string) {
		list := slices.Compact(slices.Sorted(slices.Values(strings.Fields(words))))
		trie := NewTrieBuilder().AddStrings(list).Build()
		found := []string{}
		for _, m := range trie.Match([]byte(text)) {
			found = append(found, fmt.Sprint(m.Pos(), m.MatchString()))
		}
		want := []string{}
		for start := range len(text) {
			for _, w := range list {
				if strings.HasPrefix(text[start:], w) {
					want = append(want, fmt.Sprint(start, w))
				}
			}
		}
		slices.Sort(found)
		slices.Sort(want)
		if !slices.Equal(found, want) {
			t.Errorf("found %q, want %q", found, want)
		}
		if first := trie.MatchFirstString(text); (first == nil) != (len(want) == 0) ||
			first != nil && !slices.Contains(want, fmt.Sprint(first.Pos(), first.MatchString())) {
			t.Errorf("the first is %v of %q", first, want)
		}
	})
}

func TestNoWords(t *testing.T) {
	trie := NewTrieBuilder().Build()
	if m := trie.MatchFirstString("text"); m != nil {
		t.Errorf("found %q", m.MatchString())
	}
}
