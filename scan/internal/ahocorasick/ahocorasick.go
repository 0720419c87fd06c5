// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ahocorasick finds many words in a text in one pass, ignoring the case of ASCII
// letters. It implements the automaton of Aho and Corasick (1975) as a table. The library that
// TruffleHog uses is many times slower (see BenchmarkKeywords in scan/trufflehog).
//
// Each step depends on the memory lookup of the previous one. To keep the processor busy during
// the lookup, the search interleaves several parts of the text.
package ahocorasick

import (
	"iter"
	"slices"
	"strings"
)

// Automaton finds words in texts. It is safe for concurrent use.
type Automaton struct {
	words []string
	// longest is the length of the longest word.
	longest int
	// class maps each byte to its class. Bytes that are in no word have class 0; upper-case
	// letters share the class of the lower-case ones.
	class   [256]uint8
	classes int
	// next is the state transition table, indexed by state plus class. A state is an index into
	// next and a multiple of classes. The bit ends marks states in which words end.
	next []uint32
	// ended lists the words that end in a state, longest first.
	ended map[uint32][]int
}

// ends marks a state in which a word ends.
const ends = 1 << 31

// New returns an automaton for words, which must not be empty. It ignores the case of ASCII
// letters.
func New(words ...string) *Automaton {
	a := &Automaton{classes: 1, ended: map[uint32][]int{}}
	for _, word := range words {
		a.words = append(a.words, lowerWord(word))
		a.longest = max(a.longest, len(word))
	}
	for _, word := range a.words {
		a.classifyBytes(word)
	}
	for b := byte('a'); b <= 'z'; b++ {
		a.class[upperByte(b)] = a.class[b]
	}
	a.next = make([]uint32, a.classes, a.classes*a.countStates())
	for i, word := range a.words {
		a.insertWord(i, word)
	}
	a.linkStates()
	return a
}

func upperByte(b byte) byte { return b - 'a' + 'A' }

func lowerWord(word string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, word)
}

func (a *Automaton) classifyBytes(word string) {
	for i := range len(word) {
		if b := word[i]; a.class[b] == 0 {
			a.class[b] = uint8(a.classes)
			a.classes++
		}
	}
}

// countStates returns the number of states of the trie: one for each prefix of a word.
func (a *Automaton) countStates() int {
	count := 1
	before := ""
	for _, word := range slices.Sorted(slices.Values(a.words)) {
		shared := 0
		for shared < min(len(before), len(word)) && before[shared] == word[shared] {
			shared++
		}
		count += len(word) - shared
		before = word
	}
	return count
}

// insertWord adds a word to the trie.
func (a *Automaton) insertWord(number int, word string) {
	state := uint32(0)
	for i := range len(word) {
		at := state + uint32(a.class[word[i]])
		if a.next[at] == 0 {
			a.next[at] = uint32(len(a.next))
			a.next = a.next[:len(a.next)+a.classes]
		}
		state = a.next[at]
	}
	a.ended[state] = append(a.ended[state], number)
}

// linkStates sets the transition of each state for bytes that do not continue a word. It visits
// states breadth first, so that the fallback state, which is nearer to the root, is already
// complete.
func (a *Automaton) linkStates() {
	classes := uint32(a.classes)
	// back has the fallback of each state, and ended is set for states in which words end.
	back := make([]uint32, len(a.next)/a.classes)
	ended := make([]bool, len(back))
	for queue := []uint32{0}; len(queue) > 0; queue = queue[1:] {
		state := queue[0]
		before := back[state/classes]
		if list := append(a.ended[state], a.ended[before]...); state != 0 && len(list) > 0 {
			a.ended[state] = list
			ended[state/classes] = true
		}
		for c := range classes {
			child := a.next[state+c]
			fallback := uint32(0)
			if state != 0 {
				fallback = a.next[before+c]
			}
			if child == 0 {
				a.next[state+c] = fallback
				continue
			}
			back[child/classes] = fallback
			queue = append(queue, child)
		}
	}
	for at, state := range a.next {
		if ended[state/classes] {
			a.next[at] |= ends
		}
	}
}

// All yields the number and the start of each word in the text, ordered by where the words end.
// Words with the same end are ordered longest first.
func (a *Automaton) All(text []byte) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		found := pool.Get().(*lanes)
		defer pool.Put(found)
		for start := 0; start < len(text); {
			end := a.searchLanes(text, start, found)
			for i := range found {
				for _, hit := range found[i] {
					for _, word := range a.ended[hit.state] {
						if !yield(word, hit.end-len(a.words[word])) {
							return
						}
					}
				}
			}
			start = end
		}
	}
}

// Any reports whether the text contains one of the words.
func (a *Automaton) Any(text []byte) bool {
	for range a.All(text) {
		return true
	}
	return false
}
