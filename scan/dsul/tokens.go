// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"iter"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// rawToken is a run of characters that occur in keys, including the punctuation around them.
type rawToken struct {
	in         string
	start, end int
}

func (t rawToken) text() string { return t.in[t.start:t.end] }

// tokensIn yields the tokens of a text. It skips escapes.
func tokensIn(text string) iter.Seq[rawToken] {
	return func(yield func(rawToken) bool) {
		for start := 0; start < len(text); {
			end := start
			for end < len(text) && isTokenByte[text[end]] {
				end++
			}
			switch {
			case end > start:
				if !yield(rawToken{text, start, end}) {
					return
				}
				start = end
			case text[start] == '\\':
				start += 2
			default:
				start++
			}
		}
	}
}

var isTokenByte = func() (set [256]bool) {
	for _, b := range []byte(letters + digits + "_-.~+/=:@%!#$&?|>") {
		set[b] = true
	}
	return set
}()

// isGiven reports a token that is quoted, or the value of a name. Lines of encoded files and columns
// of identifiers are neither.
func (t rawToken) isGiven() bool {
	if t.start > 0 && t.end < len(t.in) && strings.IndexByte("\"'`", t.in[t.start-1]) >= 0 &&
		t.in[t.end] == t.in[t.start-1] {
		return true
	}
	bare := strings.Trim(t.text(), tokenEnds)
	if len(unnamedValue(bare)) < len(bare) {
		return true
	}
	before := strings.TrimRight(t.in[:t.start], " \t*\"'`")
	for _, mark := range []string{":", "=", " is", " to", " est", " ist"} {
		if strings.HasSuffix(before, mark) {
			return true
		}
	}
	return false
}

// isEncoded reports a token in base64 data: after its mark, or as a complete line of an encoded file
// such as a certificate.
func (t rawToken) isEncoded() bool {
	if strings.HasSuffix(t.in[:t.start], "base64,") {
		return true
	}
	if !wrapped[t.end-t.start] || t.end == len(t.in) || strings.IndexByte("\r\n", t.in[t.end]) < 0 {
		return false
	}
	before := strings.TrimRight(t.in[:t.start], " \t")
	return before == "" || before[len(before)-1] == '\n'
}

// digestCommand matches the program or the algorithm of a digest.
var digestCommand = lazyregexp.New(`(?i)\b(?:sha(?:1|256|384|512)|md5|b2|blake)(?:sum)?\b`)

// maxCommand is the maximum distance of a digest from the program that compares it, in bytes.
const maxCommand = 64

// isChecked reports hexadecimal digits in the command line of a program for digests.
func (t rawToken) isChecked() bool {
	return strings.Trim(unnamedValue(t.text()), digits+"abcdefABCDEF") == "" &&
		digestCommand.MatchString(t.in[max(0, t.start-maxCommand):min(len(t.in), t.end+maxCommand)])
}

// isCalled reports the name of a function.
func (t rawToken) isCalled() bool { return strings.HasPrefix(t.in[t.end:], "(") }

// wrapped are the lengths of lines in PEM and MIME.
var wrapped = map[int]bool{64: true, 76: true}
