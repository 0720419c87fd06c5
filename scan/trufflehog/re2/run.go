// SPDX-License-Identifier: AGPL-3.0-or-later

package re2

import (
	"math"
	"regexp/syntax"
	"unicode/utf8"
)

// run is a minimum number of consecutive bytes from a set. The zero value matches any text.
type run struct {
	set [256]bool
	min int
}

const (
	// minRun is the minimum length of a useful run.
	minRun = 8
	// maxRepeat limits the expansion of repetitions, in bytes.
	maxRepeat = 1 << 10
	// maxWindow is the maximum number of adjacent parts of a sequence to combine.
	maxWindow = 32
)

// needs returns a run that every match of expr contains. It selects the run that is rarest in
// other texts.
func needs(expr string) run {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return run{}
	}
	if r := needed(re); r.min >= minRun {
		return r
	}
	return run{}
}

// in reports whether s contains the run. It tests every min-th byte until one belongs to the
// set.
func (r *run) in(s string) bool {
	for end := r.min - 1; end < len(s); {
		at := end
		for at > end-r.min && r.set[s[at]] {
			at--
		}
		if at == end-r.min {
			return true
		}
		end = at + r.min
	}
	return r.min == 0
}

// needed returns a run that every match contains.
func needed(re *syntax.Regexp) run {
	best, ok := whole(re)
	if !ok {
		best = run{}
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		best = rarer(best, needed(re.Sub[0]))
	case syntax.OpRepeat:
		if re.Min > 0 {
			best = rarer(best, needed(re.Sub[0]))
		}
	case syntax.OpConcat:
		best = rarer(best, neededBy(re.Sub))
	case syntax.OpAlternate:
		any := needed(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			any = either(any, needed(sub))
		}
		best = rarer(best, any)
	}
	return best
}

// neededBy examines the parts of a sequence, and combinations of adjacent parts: a UUID is a
// run of 36 hexadecimal digits and hyphens.
func neededBy(parts []*syntax.Regexp) run {
	var best run
	for i, part := range parts {
		best = rarer(best, needed(part))
		var together run
		for _, next := range parts[i:min(i+maxWindow, len(parts))] {
			w, ok := whole(next)
			if !ok {
				break
			}
			together = joined(together, w)
			best = rarer(best, together)
		}
	}
	return best
}

// whole returns the run that consists of a complete match of re: the set of all its bytes and
// its minimum length. It returns false if there is none.
func whole(re *syntax.Regexp) (run, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return run{}, true
	case syntax.OpLiteral:
		return literal(re), true
	case syntax.OpCharClass:
		return class(re.Rune), true
	case syntax.OpCapture:
		return whole(re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		return repeated(re.Sub[0], 0)
	case syntax.OpPlus:
		return repeated(re.Sub[0], 1)
	case syntax.OpRepeat:
		return repeated(re.Sub[0], re.Min)
	case syntax.OpConcat:
		return wholeOf(re.Sub, joined)
	case syntax.OpAlternate:
		return wholeOf(re.Sub, either)
	}
	return run{}, false
}

func wholeOf(subs []*syntax.Regexp, combine func(a, b run) run) (run, bool) {
	all, ok := whole(subs[0])
	for _, sub := range subs[1:] {
		next, known := whole(sub)
		all, ok = combine(all, next), ok && known
	}
	return all, ok
}

func repeated(re *syntax.Regexp, n int) (run, bool) {
	r, ok := whole(re)
	r.min = min(r.min*n, maxRepeat)
	return r, ok
}

// literal returns the run for a literal, in both cases if the literal ignores case.
func literal(re *syntax.Regexp) run {
	r := run{min: len(re.Rune)}
	for _, c := range re.Rune {
		r.add(c, c)
		if re.Flags&syntax.FoldCase != 0 {
			r.add(c&^0x20, c&^0x20)
			r.add(c|0x20, c|0x20)
			r.add(utf8.RuneSelf, utf8.MaxRune) // such as the Kelvin sign
		}
	}
	return r
}

// class returns the run for one character of a class. Ranges are pairs of first and last
// character.
func class(ranges []rune) run {
	r := run{min: 1}
	for i := 0; i < len(ranges); i += 2 {
		r.add(ranges[i], ranges[i+1])
	}
	return r
}

// add adds characters to the set. For characters outside ASCII it adds all bytes from 0x80,
// which also represent invalid UTF-8.
func (r *run) add(first, last rune) {
	for c := first; c <= min(last, utf8.RuneSelf-1); c++ {
		r.set[c] = true
	}
	if last >= utf8.RuneSelf {
		for b := utf8.RuneSelf; b < len(r.set); b++ {
			r.set[b] = true
		}
	}
}

// joined returns the run for a followed by b.
func joined(a, b run) run {
	return run{union(a, b), min(a.min+b.min, maxRepeat)}
}

// either returns the run for a or b.
func either(a, b run) run {
	return run{union(a, b), min(a.min, b.min)}
}

func union(a, b run) (set [256]bool) {
	for i := range set {
		set[i] = a.set[i] || b.set[i]
	}
	return set
}

// rarer returns the run that is less likely to occur in text.
func rarer(a, b run) run {
	if b.rarity() > a.rarity() {
		return b
	}
	return a
}

// rarity returns the information content of the run in bits, assuming uniformly distributed
// ASCII.
func (r *run) rarity() float64 {
	size := 0
	for _, in := range r.set[:utf8.RuneSelf] {
		if in {
			size++
		}
	}
	return float64(r.min) * math.Log2(utf8.RuneSelf/float64(max(size, 1)))
}
