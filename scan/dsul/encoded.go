// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// minBase64 is the shortest base64 that is decoded, in characters.
const minBase64 = 16

// encoded looks at texts that are base64, or the hexadecimal digits of text, as a whole.
func (s *fileScan) encoded(text string, at where) {
	if !startsAsBase64(text) {
		return
	}
	compact := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	plain, ok := decodeBase64(compact)
	if !ok {
		plain, ok = decodeHex(compact)
	}
	if ok {
		at.nested++
		s.value(plain, at)
		s.text(plain, at)
	}
}

// startsAsBase64 reports whether the first characters of a text, which may stand on
// several lines, are of one of the alphabets.
func startsAsBase64(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < minBase64 {
		return false
	}
	for _, b := range []byte(text[:minBase64]) {
		if !isNameByte(b) && strings.IndexByte("+/=\n ", b) < 0 || b == '.' || b == '$' || b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decodeBase64 decodes text in any of the usual alphabets if text comes out of it, which
// may be compressed.
func decodeBase64(text string) (string, bool) {
	if len(text) < minBase64 || len(text) > maxYAML {
		return "", false
	}
	if !startsAsBase64(text) {
		return "", false
	}
	bare := standardAlphabet.Replace(strings.TrimRight(text, "="))
	data, err := base64.RawStdEncoding.DecodeString(bare)
	if err != nil {
		return "", false
	}
	if plain, ok := gunzip(string(data)); ok {
		return plain, isPrintable(plain)
	}
	return string(data), isPrintable(string(data))
}

// standardAlphabet turns the alphabet for URLs into the standard one.
var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")

// maxUnzipped is how much of compressed text in a string is looked at, in bytes.
const maxUnzipped = 1 << 20

func gunzip(data string) (string, bool) {
	if !strings.HasPrefix(data, "\x1f\x8b") {
		return "", false
	}
	r, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		return "", false
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnzipped))
	return string(plain), err == nil
}

var hexRun = lazyregexp.New(`^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$`)

// decodeHex decodes hexadecimal digits if text comes out of them.
func decodeHex(text string) (string, bool) {
	if len(text) > maxYAML || !hexRun.MatchString(text) {
		return "", false
	}
	data, err := hex.DecodeString(text)
	return string(data), err == nil && isPrintable(string(data))
}

func isPrintable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) < 0
}
