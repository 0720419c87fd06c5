// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ahocorasick replaces the parts of github.com/BobuSumisu/aho-corasick that TruffleHog
// uses. It builds an automaton on the first search. At program start TruffleHog creates one for
// all words of its false-positive filter, which takes 44 MB, but few commands of the builder
// scan anything. See ADR 17.
package ahocorasick

import (
	"slices"
	"sync"

	automaton "github.com/petar-dambovaliev/aho-corasick"
)

// TrieBuilder collects the words of a [Trie].
type TrieBuilder struct{ words []string }

// NewTrieBuilder returns a builder without words.
func NewTrieBuilder() *TrieBuilder { return &TrieBuilder{} }

// AddStrings adds words to search for.
func (b *TrieBuilder) AddStrings(words []string) *TrieBuilder {
	b.words = append(b.words, words...)
	return b
}

// Build returns a trie of the words added so far.
func (b *TrieBuilder) Build() *Trie {
	words := slices.Clone(b.words)
	return &Trie{sync.OnceValue(func() automaton.AhoCorasick {
		builder := automaton.NewAhoCorasickBuilder(automaton.Opts{MatchKind: automaton.StandardMatch, DFA: true})
		return builder.Build(words)
	})}
}

// Trie finds words in text. It may be copied, and is safe for concurrent use.
type Trie struct{ automaton func() automaton.AhoCorasick }

// Match is an occurrence of a word.
type Match struct {
	start int
	text  string
}

// Pos returns the offset of the word, in bytes.
func (m *Match) Pos() int64 { return int64(m.start) }

// MatchString returns the word.
func (m *Match) MatchString() string { return m.text }

// Match returns all occurrences of all words, including overlapping ones.
func (t *Trie) Match(text []byte) []*Match {
	all := []*Match{}
	found := t.automaton().IterOverlappingByte(text)
	for m := found.Next(); m != nil; m = found.Next() {
		all = append(all, &Match{m.Start(), string(text[m.Start():m.End()])})
	}
	return all
}

// MatchFirstString returns the occurrence that ends first, or nil if there is none.
func (t *Trie) MatchFirstString(text string) *Match {
	m := t.automaton().Iter(text).Next()
	if m == nil {
		return nil
	}
	return &Match{m.Start(), text[m.Start():m.End()]}
}
