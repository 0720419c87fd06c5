// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"html"
	"iter"
	"strings"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// scanText scans text without a known structure line by line.
func (s *fileScan) scanText(ctx context.Context, text string, at position) {
	s.findPrivateKeys(text, at)
	s.findMultilineForms(ctx, text, at)
	s.scanInserts(ctx, text, at)
	inFile := at.length == len(s.file.Data)
	offset := 0
	var t table
	for line := range strings.Lines(text) {
		if ctx.Err() != nil {
			return
		}
		here := at
		if inFile {
			here.extent = extent{offset: offset, length: len(line)}
		}
		offset += len(line)
		s.scanLine(ctx, line, here)
		s.scanTableRow(&t, line, here)
		if inFile {
			s.scanSpecialLine(line, here)
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

// scanPiece scans a line, or a part of a long line.
func (s *fileScan) scanPiece(ctx context.Context, text string, at position) {
	s.scanExpressions(text, at)
	masked := literal.MaskTemplates(text)
	s.findShapes(masked, at)
	s.findUnnamed(masked, at)
	s.findAssignments(ctx, text, at)
	s.findForms(ctx, text, at)
}

// scanLine scans one line of text.
func (s *fileScan) scanLine(ctx context.Context, line string, at position) {
	if len(line) < minNested {
		return
	}
	for start := 0; start == 0 || start < len(line); start += maxPiece {
		end := min(len(line), start+maxPiece+pieceOverlap)
		here := at
		if at.length == len(line) {
			here.extent = extent{offset: at.offset + start, length: end - start}
		}
		s.scanPiece(ctx, line[start:end], here)
		if ctx.Err() != nil || end == len(line) {
			break
		}
	}
	if at.nested >= maxNested {
		return
	}
	for run := range base64Runs(line) {
		s.scanEncoded(ctx, run, at)
	}
	if strings.Contains(line, "&#") {
		if plain := html.UnescapeString(line); plain != line {
			at.nested++
			s.scanLine(ctx, plain, at)
		}
	}
}

// minRun is the minimum length of base64 in a line. Shorter runs are words.
const minRun = 24

// base64Runs yields the parts of a line that may be base64. It omits the parts of signed tokens, which
// have a rule of their own.
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
				if !isClaims(line, start, end) && !yield(line[start:end]) {
					return
				}
			}
			start = end + 1
		}
	}
}

// isClaims reports the header or the payload of a signed token: JSON in base64 with a dot between the two.
func isClaims(line string, start, end int) bool {
	return strings.HasPrefix(line[start:], "eyJ") &&
		(start > 0 && line[start-1] == '.' || strings.HasPrefix(line[end:], ".eyJ"))
}

var isBase64Byte = func() (set [256]bool) {
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-") {
		set[b] = true
	}
	return set
}()
