// SPDX-License-Identifier: AGPL-3.0-or-later

package ahocorasick

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// place is an occurrence of a word.
type place struct{ word, start int }

// naive searches every word at every offset.
func naive(words []string, text []byte) []place {
	var all []place
	for i, word := range words {
		for start := range text {
			if bytes.HasPrefix([]byte(lowerWord(string(text[start:]))), []byte(lowerWord(word))) {
				all = append(all, place{i, start})
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		endA, endB := a.start+len(words[a.word]), b.start+len(words[b.word])
		return cmp.Or(cmp.Compare(endA, endB), cmp.Compare(a.start, b.start), cmp.Compare(a.word, b.word))
	})
	return all
}

// FuzzAll compares with the naive search.
func FuzzAll(f *testing.F) {
	f.Add("he she his hers", "ushers said: HERS, not his")
	f.Add("a aa aaa", "aaaa")
	f.Add("key apikey ke y", "API_KEY apiKey kekey")
	f.Add("é -----begin eyj ab", "É é -----BEGIN eyJab")
	f.Add("same same", "the same")
	f.Add("x", "")
	f.Fuzz(func(t *testing.T, list, text string) {
		words := strings.Fields(list)
		if len(words) > 50 || len(list) > 500 || len(text) > 500 || strings.ToValidUTF8(list, "") != list ||
			strings.ToValidUTF8(text, "") != text {
			return
		}
		a := New(words...)
		var got []place
		for word, start := range a.All([]byte(text)) {
			got = append(got, place{word, start})
		}
		want := naive(words, []byte(text))
		if !slices.Equal(got, want) || a.Any([]byte(text)) != (len(want) > 0) {
			t.Errorf("%q in %q: %v, want %v", words, text, got, want)
		}
	})
}

// TestTableIsAllocatedOnce: the number of states is known before the table is made.
func TestTableIsAllocatedOnce(t *testing.T) {
	for _, list := range []string{"", "a", "he she his hers", "a aa aaa", "same same", "ab abc b", "Key apikey KEY é è"} {
		a := New(strings.Fields(list)...)
		if len(a.next) != a.countStates()*a.classes {
			t.Errorf("%q: %d states counted, %d made", list, a.countStates(), len(a.next)/a.classes)
		}
	}
}

// TestEarlyEnd: the iteration stops when the caller breaks out.
func TestEarlyEnd(t *testing.T) {
	n := 0
	for range New("a").All([]byte("aaa")) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d words", n)
	}
}

// TestLongTexts compares with the naive search for all lengths of texts that are searched in
// parts.
func TestLongTexts(t *testing.T) {
	words := []string{"ab", "abcab", "b", "cabcabca", "KEY"}
	random := rand.New(rand.NewPCG(1, 2))
	a := New(words...)
	for length := 0; length < 6000; length += 1 + length/2 {
		text := make([]byte, length)
		for i := range text {
			text[i] = "abcxkeyK"[random.IntN(8)]
		}
		var got []place
		for word, start := range a.All(text) {
			got = append(got, place{word, start})
		}
		if want := naive(words, text); !slices.Equal(got, want) {
			t.Errorf("%d words in a text of %d bytes, want %d", len(got), length, len(want))
		}
	}
}
