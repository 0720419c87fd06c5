// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"html"
	"iter"
	"strings"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// text scans text without a known structure line by line.
func (s *fileScan) text(text string, at where) {
	s.privateKeys(text, at)
	s.spans(text, at)
	s.inserted(text, at)
	inFile := at.length == len(s.file.Data)
	offset := 0
	var t table
	for line := range strings.Lines(text) {
		if s.ctx.Err() != nil {
			return
		}
		here := at
		if inFile {
			here.extent = extent{offset: offset, length: len(line)}
		}
		offset += len(line)
		s.line(line, here)
		s.row(&t, line, here)
		if inFile {
			s.special(line, here)
		}
	}
}

const (
	// maxPiece is the maximum part of a line to scan in one go, in bytes. The scan checks the
	// context between two pieces.
	maxPiece = 256 << 10
	// pieceOverlap is the overlap of two pieces. It is larger than a secret, so that no secret
	// is cut.
	pieceOverlap = 8 << 10
)

// piece scans a line, or a part of a long line.
func (s *fileScan) piece(text string, at where) {
	s.expressions(text, at)
	punched := literal.Punch(text)
	s.shapes(punched, at)
	s.unnamed(punched, at)
	s.assignments(text, at)
	s.forms(text, at)
}

// line scans one line of text.
func (s *fileScan) line(line string, at where) {
	if len(line) < minNested {
		return
	}
	for start := 0; start == 0 || start < len(line); start += maxPiece {
		end := min(len(line), start+maxPiece+pieceOverlap)
		here := at
		if at.length == len(line) {
			here.extent = extent{offset: at.offset + start, length: end - start}
		}
		s.piece(line[start:end], here)
		if s.ctx.Err() != nil || end == len(line) {
			break
		}
	}
	if at.nested >= maxNested {
		return
	}
	for run := range base64Runs(line) {
		s.encoded(run, at)
	}
	if strings.Contains(line, "&#") {
		if plain := html.UnescapeString(line); plain != line {
			at.nested++
			s.line(plain, at)
		}
	}
}

// minRun is the minimum length of base64 in a line. Shorter runs are words.
const minRun = 24

// base64Runs yields the parts of a line that may be base64.
func base64Runs(line string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for start := 0; start < len(line); {
			end := start
			for end < len(line) && isBase64Byte[line[end]] {
				end++
			}
			if end-start >= minRun {
				for n := 0; n < 2 && end < len(line) && line[end] == '='; n++ {
					end++
				}
				if !yield(line[start:end]) {
					return
				}
			}
			start = end + 1
		}
	}
}

var isBase64Byte = func() (set [256]bool) {
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-") {
		set[b] = true
	}
	return set
}()
