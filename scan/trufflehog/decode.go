// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"encoding/base64"
	"slices"
	"unicode"

	"github.com/trufflesecurity/trufflehog/v3/pkg/decoders"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detectorspb"
	"github.com/trufflesecurity/trufflehog/v3/pkg/sources"
)

// mayDecode returns false if a decoder of TruffleHog has nothing to decode. It is many times
// faster than the decoder. FuzzMayDecode compares it with the decoders.
func mayDecode(decoder detectorspb.DecoderType, data []byte) bool {
	switch decoder {
	case detectorspb.DecoderType_BASE64:
		return hasBase64(data)
	case detectorspb.DecoderType_UTF16:
		return bytes.IndexByte(data, 0) >= 0
	case detectorspb.DecoderType_ESCAPED_UNICODE:
		return hasEscape(data)
	case detectorspb.DecoderType_HTML:
		return mayBeHTML(data)
	default:
		return true
	}
}

// decodeWith runs a decoder, or the replacement for the HTML decoder. It returns nil if there
// is nothing to decode.
func decodeWith(decoder decoders.Decoder, data []byte) *decoders.DecodableChunk {
	if decoder.Type() != detectorspb.DecoderType_HTML {
		return decoder.FromChunk(&sources.Chunk{Data: data})
	}
	text, ok := decodePlainHTML(data)
	if !ok {
		text = decodeHTMLTree(data)
	}
	if len(text) == 0 || bytes.Equal(text, data) {
		return nil
	}
	return &decoders.DecodableChunk{Chunk: &sources.Chunk{Data: text}, DecoderType: decoder.Type()}
}

const (
	// base64Bytes are the characters of both alphabets and the padding.
	base64Bytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + base64Marks
	// base64Marks are trimmed from the start of a run.
	base64Marks = "+/-_="
	// minBase64 is the minimum length of a run that TruffleHog decodes.
	minBase64 = 21
)

var isBase64 = func() (set [256]bool) {
	for i := range len(base64Bytes) {
		set[base64Bytes[i]] = true
	}
	return set
}()

// hasBase64 reports whether the data contains a base64 run that decodes to ASCII. It tests
// every minBase64-th byte until one belongs to a run.
func hasBase64(data []byte) bool {
	for last := minBase64 - 1; last < len(data); {
		start := last
		for start >= 0 && start > last-minBase64 && isBase64[data[start]] {
			start--
		}
		if start > last-minBase64 {
			last = start + minBase64
			continue
		}
		for start >= 0 && isBase64[data[start]] {
			start--
		}
		for last < len(data) && isBase64[data[last]] {
			last++
		}
		if decodesToASCII(data[start+1 : last]) {
			return true
		}
		last += minBase64
	}
	return false
}

// decodesToASCII decodes a run like TruffleHog does: if it contains padding, only the text
// after it.
func decodesToASCII(run []byte) bool {
	run = bytes.TrimLeft(run, base64Marks)
	if i := bytes.IndexByte(bytes.TrimRight(run, base64Marks), '='); i >= 0 {
		run = run[i+1:]
	}
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(run))+2)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		n, err := encoding.Decode(plain, run)
		if err == nil && n > 0 && !slices.ContainsFunc(plain[:n], func(b byte) bool { return b > unicode.MaxASCII }) {
			return true
		}
	}
	return false
}

// hasEscape reports whether the data may contain one of eight escapes: \u0067, \u{67},
// \U00000067, \x{67}, \67, &#x67;, %u0067 and U+0067.
func hasEscape(data []byte) bool {
	for rest := data; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			break
		}
		if rest = rest[i+1:]; startsEscape(rest) {
			return true
		}
	}
	for _, start := range []string{"&#x", "%u", "U+"} {
		for rest := data; ; {
			i := bytes.Index(rest, []byte(start))
			if i < 0 {
				break
			}
			if rest = rest[i+len(start):]; len(rest) > 0 && isHex(rest[0]) {
				return true
			}
		}
	}
	return false
}

// startsEscape reports whether the text after a backslash completes an escape.
func startsEscape(rest []byte) bool {
	switch {
	case len(rest) < 2:
		return len(rest) == 1 && isHex(rest[0])
	case rest[0] == 'u' || rest[0] == 'U':
		return rest[1] == '{' || isHex(rest[1])
	case rest[0] == 'x':
		return rest[1] == '{'
	}
	n := 0
	for n < len(rest) && isHex(rest[n]) {
		n++
	}
	return n > 0 && (n == len(rest) || rest[n] == '\\' || rest[n] <= unicode.MaxASCII && unicode.IsSpace(rune(rest[n])))
}

func isHex(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' }
