// SPDX-License-Identifier: AGPL-3.0-or-later

package gitleaks

import (
	"context"
	"math"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

const (
	// before and after are the number of bytes that a rule sees around its keyword.
	before = 128
	after  = 256
	// stretch is the maximum extension of a part so that it ends at a word boundary.
	stretch = 1024
	// maxPart is the maximum length of text to match in one go, in bytes. The scan checks the
	// context between two parts.
	maxPart = 64 << 10
	// contextEvery is the number of keywords between two checks of the context.
	contextEvery = 1024
)

// fileScan holds the state of scanning one file.
type fileScan struct {
	*Detector
	*set
	file    scan.File
	lines   lines.Starts
	matches []scan.Match
	// public are keys that the vendor of the service published.
	public []scan.Match
	// word is the part of the file without white space that contained the last keyword.
	word part
}

// part is a range of the file, in bytes.
type part struct{ start, end int }

func (s *fileScan) scanRules(ctx context.Context) error {
	parts, order := s.findParts(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, number := range order {
		r := s.Rules[number]
		r.compileOnce()
		if s.unwanted[r.name] || r.path != nil && !r.path.MatchString(s.file.Path) {
			continue
		}
		for _, p := range parts[number] {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			s.searchPart(r, p)
		}
	}
	return nil
}

// findParts returns the parts of the file that each rule has to match because of its keywords, and
// the rules in the order of their first parts.
func (s *fileScan) findParts(ctx context.Context) (parts map[int][]part, order []int) {
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
				p = s.partAround(at)
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

// partAround returns the text around a keyword. It extends the text to word boundaries, unless the
// word is longer than any secret.
func (s *fileScan) partAround(keyword int) part {
	data := s.file.Data
	p := part{max(0, keyword-before), min(len(data), keyword+after)}
	for n := 0; n < before && p.start > 0 && !isSpace(data[p.start-1]); n++ {
		p.start--
	}
	p.end = s.findWordEnd(p.end)
	return p
}

// findWordEnd returns the end of a word, up to a limit. It remembers the word and reads each byte
// only once, even if the word contains many keywords.
func (s *fileScan) findWordEnd(at int) int {
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

// searchPart finds the secrets of a rule in a part of the file.
func (s *fileScan) searchPart(r *rule, p part) {
	text := string(s.file.Data[p.start:p.end])
	if !r.secret.MatchString(text) { // MatchString has a fast rejection test
		return
	}
	for _, m := range r.secret.FindAllStringSubmatchIndex(text, -1) {
		start, end := r.secretGroup(m)
		value := text[start:end]
		trimmed := strings.TrimSpace(value)
		if trimmed != "" && r.isPublished(value) {
			s.public = append(s.public, s.newMatch(r, trimmed, p.start+start))
			continue
		}
		if trimmed == "" || r.Entropy > 0 && shannonEntropy(value) <= r.Entropy || s.isAllowed(r, value) ||
			literal.IsMadeUp(value) || isCommit(text[:start], value) {
			continue
		}
		s.matches = append(s.matches, s.newMatch(r, trimmed, p.start+start+strings.Index(value, trimmed)))
	}
}

var (
	digestText = lazyregexp.New(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	// digestName matches the name of a digest before it.
	digestName = lazyregexp.New(`(?i)(?:commit|sha\d*|digest|rev|revision|checksum|hash|ref|tree)["']?\s*[:=@/]\s*["']?$`)
)

// isCommit reports the digest of a commit or of content, by the name before it.
func isCommit(before, value string) bool {
	return digestText.MatchString(value) && digestName.MatchString(before[max(0, len(before)-maxDigestName):])
}

// maxDigestName is the maximum length of the name of a digest, in bytes.
const maxDigestName = 32

// secretGroup returns the position of the secret within a match.
func (r *rule) secretGroup(m []int) (start, end int) {
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

// newMatch returns the match of a value at an offset.
func (s *fileScan) newMatch(r *rule, value string, offset int) scan.Match {
	if s.lines == nil {
		s.lines = lines.New(s.file.Data)
	}
	line, column := s.lines.Position(offset)
	return scan.Match{
		Rule: r.name, Secret: secret.New(value), Line: line, Column: column, Verification: scan.NotChecked,
	}
}

// shannonEntropy returns the Shannon entropy in bits per character, computed like gitleaks does.
func shannonEntropy(text string) float64 {
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
