// SPDX-License-Identifier: AGPL-3.0-or-later

package gitleaks

import (
	"context"
	"math"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

const (
	// before and after are how much of a text a rule sees around its keyword, in bytes.
	before = 128
	after  = 256
	// stretch is how much further a part may reach, so that it ends between two words.
	stretch = 1024
	// maxPart is the longest text that a rule looks at in one go, in bytes. Between two
	// parts, the scan asks whether it shall go on.
	maxPart = 64 << 10
	// contextEvery is how many keywords are looked at between two looks at the context.
	contextEvery = 1024
)

// fileScan is the scan of one file.
type fileScan struct {
	*Detector
	*set
	file    scan.File
	lines   lines.Starts
	matches []scan.Match
	// word is the part of the file without spaces in which the last keyword was.
	word part
}

// part is a part of the file, in bytes.
type part struct{ start, end int }

func (s *fileScan) run(ctx context.Context) error {
	parts, order := s.parts(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, number := range order {
		r := s.Rules[number]
		r.compile()
		if s.unwanted[r.name] || r.path != nil && !r.path.MatchString(s.file.Path) {
			continue
		}
		for _, p := range parts[number] {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			s.look(r, p)
		}
	}
	return nil
}

// parts returns the parts of the file that each rule wants to see because of its
// keywords, and the rules in the order in which they want the first one.
func (s *fileScan) parts(ctx context.Context) (parts map[int][]part, order []int) {
	parts = map[int][]part{}
	count := 0
	for word, at := range s.keywords.All(s.file.Data) {
		if count++; count%contextEvery == 0 && ctx.Err() != nil {
			break
		}
		p := part{at, at}
		for _, number := range s.wanted[word] {
			known := parts[number]
			if len(known) == 0 {
				order = append(order, number)
			}
			if p.start == p.end {
				p = s.around(at)
			}
			last := len(known) - 1
			if last >= 0 && p.start <= known[last].end && p.end-known[last].start <= maxPart {
				known[last].end = max(known[last].end, p.end)
				continue
			}
			parts[number] = append(known, p)
		}
	}
	return parts, order
}

// around is the text around a keyword. It does not cut a word in two, unless that is
// longer than a secret may be.
func (s *fileScan) around(keyword int) part {
	data := s.file.Data
	p := part{max(0, keyword-before), min(len(data), keyword+after)}
	for n := 0; n < before && p.start > 0 && !isSpace(data[p.start-1]); n++ {
		p.start--
	}
	p.end = s.wordEnd(p.end)
	return p
}

// wordEnd returns where a word ends, or goes on for too long. It looks at each byte once,
// however many keywords are in a word.
func (s *fileScan) wordEnd(at int) int {
	if at < s.word.start || at > s.word.end {
		s.word = part{at, at}
	}
	limit := min(len(s.file.Data), at+stretch)
	for s.word.end < limit && !isSpace(s.file.Data[s.word.end]) {
		s.word.end++
	}
	return min(s.word.end, limit)
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// look looks for the secrets of a rule in a part of the file.
func (s *fileScan) look(r *rule, p part) {
	text := string(s.file.Data[p.start:p.end])
	if !r.secret.MatchString(text) { // it has a quick look of its own
		return
	}
	for _, m := range r.secret.FindAllStringSubmatchIndex(text, -1) {
		start, end := r.group(m)
		value := text[start:end]
		trimmed := strings.TrimSpace(value)
		if trimmed == "" || r.Entropy > 0 && entropy(value) <= r.Entropy || s.isAllowed(r, value) {
			continue
		}
		s.report(r, trimmed, p.start+start+strings.Index(value, trimmed))
	}
}

// group returns where the secret is in a match.
func (r *rule) group(m []int) (start, end int) {
	if r.Group > 0 && m[2*r.Group] >= 0 {
		return m[2*r.Group], m[2*r.Group+1]
	}
	for i := 2; i < len(m); i += 2 {
		if m[i] < m[i+1] {
			return m[i], m[i+1]
		}
	}
	return m[0], m[1]
}

func (s *fileScan) report(r *rule, value string, offset int) {
	if s.lines == nil {
		s.lines = lines.New(s.file.Data)
	}
	line, column := s.lines.Position(offset)
	s.matches = append(s.matches, scan.Match{
		Rule: r.name, Secret: secret.New(value), Line: line, Column: column, Verification: scan.NotChecked,
	})
}

// entropy is Shannon's, in bits for each character, as gitleaks computes it.
func entropy(text string) float64 {
	counts := map[rune]int{}
	for _, r := range text {
		counts[r]++
	}
	bits := 0.0
	for _, n := range counts {
		p := float64(n) / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits
}
