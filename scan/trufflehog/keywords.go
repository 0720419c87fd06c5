// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"

	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
)

// keywords determines which detectors to run on a text, and on which parts of it. It gives the
// same result as TruffleHog's core, with which a test compares it, but needs much less time and
// memory: the core took a third of the scan time.
type keywords struct {
	detectors []candidate
	automaton *ahocorasick.Automaton
	// wanted lists the detectors for each keyword.
	wanted [][]int
	// tables recycles the table of [keywords.find]: the number of each detector in the result, from 1.
	tables sync.Pool
}

// candidate is a detector, and the number of bytes that it needs before and after the start of
// a keyword.
type candidate struct {
	detectors.Detector
	before, after int
}

// radius is the default for detectors that do not specify the size.
const radius = 512

func newCandidate(d detectors.Detector) candidate {
	c := candidate{d, radius, radius}
	if p, ok := d.(detectors.MultiPartCredentialProvider); ok {
		c.before = int(p.MaxCredentialSpan())
		c.after = int(p.MaxCredentialSpan())
	}
	if p, ok := d.(detectors.MaxSecretSizeProvider); ok {
		c.after = int(p.MaxSecretSize())
	}
	if p, ok := d.(detectors.StartOffsetProvider); ok {
		c.before = int(p.StartOffset())
	}
	return c
}

func newKeywords(selected []detectors.Detector) *keywords {
	k := new(keywords)
	numbers := map[string]int{"": -1}
	words := []string(nil)
	for i, d := range selected {
		k.detectors = append(k.detectors, newCandidate(d))
		for _, word := range d.Keywords() {
			word = strings.ToLower(word)
			if _, known := numbers[word]; !known {
				numbers[word] = len(words)
				words = append(words, word)
				k.wanted = append(k.wanted, nil)
			}
			if n := numbers[word]; n >= 0 {
				k.wanted[n] = append(k.wanted[n], i)
			}
		}
	}
	k.automaton = ahocorasick.New(words...)
	k.tables.New = func() any {
		table := make([]int32, len(k.detectors))
		return &table
	}
	return k
}

// match is a detector with the parts of a text to run it on.
type match struct {
	detectors.Detector
	parts []span
}

// span is a range of a text, in bytes.
type span struct{ start, end int }

// find returns the detectors with a keyword in the text, ordered by the first keyword.
func (k *keywords) find(text []byte) []match {
	length := len(text)
	if !sameCase(text) {
		text = bytes.ToLower(text)
	}
	var found []match
	table := k.tables.Get().(*[]int32)
	number := *table
	for word, start := range k.automaton.All(text) {
		for _, d := range k.wanted[word] {
			if number[d] == 0 {
				found = append(found, match{Detector: k.detectors[d].Detector})
				number[d] = int32(len(found))
			}
			found[number[d]-1].add(k.detectors[d].around(start, length))
		}
	}
	clear(number)
	k.tables.Put(table)
	return found
}

// sameCase reports whether the text is valid UTF-8 without the two characters outside ASCII
// whose lower case is an ASCII letter: the Kelvin sign and the capital I with a dot.
func sameCase(text []byte) bool {
	return utf8.Valid(text) && !bytes.Contains(text, []byte("\u212a")) && !bytes.Contains(text, []byte("\u0130"))
}

// around returns the part of a text that the detector needs for a keyword.
func (c candidate) around(keyword, length int) span {
	s := span{max(keyword-c.before, 0), min(keyword+c.after, length)}
	if s.start >= s.end {
		s.start = 0
	}
	return s
}

// add appends a part, or merges it with the last one if they touch.
func (m *match) add(s span) {
	if n := len(m.parts); n > 0 && s.start <= m.parts[n-1].end {
		m.parts[n-1].end = max(m.parts[n-1].end, s.end)
		return
	}
	m.parts = append(m.parts, s)
}
