// SPDX-License-Identifier: AGPL-3.0-or-later

package ahocorasick

import "sync"

const (
	// laneCount is the number of parts searched in turn.
	laneCount = 4
	// maxLane and minLane limit the length of a part, in bytes.
	maxLane = 2048
	minLane = 128
)

// lanes holds the hits in each part, in the order of the text.
type lanes [laneCount][]hit

// hit is a state in which words end, and its offset in the text.
type hit struct {
	state uint32
	end   int
}

// pool recycles the memory of searches.
var pool = sync.Pool{New: func() any { return new(lanes) }}

// searchLanes searches the text from start and returns the offset where it stopped.
func (a *Automaton) searchLanes(text []byte, start int, found *lanes) (end int) {
	for i := range found {
		found[i] = found[i][:0]
	}
	// A word that ends in a part may start this many bytes before the part.
	warm := max(a.longest-1, 0)
	length := min((len(text)-start)/laneCount, maxLane)
	if start < warm || length < minLane {
		return a.searchOne(text, start, warm, found)
	}
	a.searchFour(text, start, warm, length, found)
	return start + laneCount*length
}

// searchOne searches a single part: the start of a text, or the rest of it.
func (a *Automaton) searchOne(text []byte, start, warm int, found *lanes) (end int) {
	end = len(text)
	if start < warm && end-start > laneCount*minLane {
		end = warm
	}
	state := uint32(0)
	for i := max(start-warm, 0); i < end; i++ {
		state = a.next[state+uint32(a.class[text[i]])]
		if state&ends == 0 {
			continue
		}
		state &^= ends
		if i >= start {
			found[0] = append(found[0], hit{state, i + 1})
		}
	}
	return end
}

// searchFour searches four parts of equal length in turn, step by step.
func (a *Automaton) searchFour(text []byte, start, warm, length int, found *lanes) {
	part := func(i int) []byte {
		from := start + i*length
		return text[from-warm : from+length]
	}
	first, second, third, fourth := part(0), part(1), part(2), part(3)
	second = second[:len(first)]
	third = third[:len(first)]
	fourth = fourth[:len(first)]
	var states [laneCount]uint32
	next := a.next
	s0, s1, s2, s3 := states[0], states[1], states[2], states[3]
	for i, b := range first {
		s0 = next[s0+uint32(a.class[b])]
		s1 = next[s1+uint32(a.class[second[i]])]
		s2 = next[s2+uint32(a.class[third[i]])]
		s3 = next[s3+uint32(a.class[fourth[i]])]
		if (s0|s1|s2|s3)&ends == 0 {
			continue
		}
		states = [laneCount]uint32{s0, s1, s2, s3}
		for lane, state := range states {
			if state&ends == 0 {
				continue
			}
			states[lane] = state &^ ends
			if i >= warm {
				found[lane] = append(found[lane], hit{state &^ ends, start + lane*length + i - warm + 1})
			}
		}
		s0, s1, s2, s3 = states[0], states[1], states[2], states[3]
	}
}
