// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// minBase64 is the minimum length of base64 to decode, in characters.
const minBase64 = 16

// scanEncoded scans a text that consists entirely of base64, or of hexadecimal digits.
func (s *fileScan) scanEncoded(ctx context.Context, text string, at position) {
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
		s.scanValue(ctx, plain, at)
		s.scanText(ctx, plain, at)
	}
}

// scanUnescaped scans a text with escapes of URLs in it: password%3Dsunrise.
func (s *fileScan) scanUnescaped(ctx context.Context, text string, at position) {
	if len(text) > maxUnescaped ||
		!strings.Contains(text, "%3A") && !strings.Contains(text, "%3D") && !strings.Contains(text, "%3a") &&
			!strings.Contains(text, "%3d") {
		return
	}
	if plain, err := url.QueryUnescape(text); err == nil && plain != text && utf8.ValidString(plain) {
		at.nested++
		s.scanLine(ctx, plain, at)
	}
}

// maxUnescaped is the maximum length of a text with escapes of URLs, in bytes.
const maxUnescaped = 16 << 10

// startsAsBase64 reports whether the first characters of a text, which may span several lines,
// belong to one of the base64 alphabets.
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

// decodeBase64 decodes text in any common base64 alphabet, and decompresses the result if
// necessary. It returns false if the result is not text.
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

// standardAlphabet replaces the characters of the URL alphabet with the standard ones.
var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")

// maxUnzipped limits the decompressed text to scan, in bytes.
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

// decodeHex decodes hexadecimal digits. It returns false if the result is not text.
func decodeHex(text string) (string, bool) {
	if len(text) > maxYAML || !hexRun.MatchString(text) {
		return "", false
	}
	data, err := hex.DecodeString(text)
	return string(data), err == nil && isPrintable(string(data))
}

func isPrintable(text string) bool {
	return utf8.ValidString(text) &&
		strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) < 0
}
