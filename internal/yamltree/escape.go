// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// simpleEscape returns the character for a letter after a backslash.
func simpleEscape(c byte) (string, bool) {
	switch c {
	case '0':
		return "\x00", true
	case 'a':
		return "\a", true
	case 'b':
		return "\b", true
	case 't', '\t':
		return "\t", true
	case 'n':
		return "\n", true
	case 'v':
		return "\v", true
	case 'f':
		return "\f", true
	case 'r':
		return "\r", true
	case 'e':
		return "\x1b", true
	case ' ', '"', '/', '\\':
		return string(c), true
	case 'N':
		return "\u0085", true
	case '_':
		return "\u00a0", true
	case 'L':
		return "\u2028", true
	case 'P':
		return "\u2029", true
	}
	return "", false
}

// readEscape reads an escape sequence.
func (p *parser) readEscape(t *text) {
	p.pos++
	c := p.in[p.pos]
	if isBreak(c) {
		p.skipSpace(false)
		return
	}
	if s, ok := simpleEscape(c); ok {
		t.addString(s)
		p.pos++
		return
	}
	switch c {
	case 'x':
		t.addString(string(p.readHexEscape(2)))
	case 'u':
		t.addString(string(p.readUTF16Escape()))
	case 'U':
		t.addString(string(p.readHexEscape(8)))
	default:
		p.failSyntax("\\ and this character are not an escape sequence: write \\\\ for a backslash, or use single quotes")
	}
}

// readHexEscape reads the digits of an escape. Invalid code points become U+FFFD.
func (p *parser) readHexEscape(digits int) rune {
	p.pos++
	for i := range digits {
		if c := p.peekByte(i); c < '0' || c > '9' && c < 'A' || c > 'F' && c < 'a' || c > 'f' {
			p.pos += i
			p.failSyntax("a hexadecimal digit is expected here")
		}
	}
	number, err := strconv.ParseUint(p.in[p.pos:p.pos+digits], 16, 32)
	p.pos += digits
	if err != nil || number > utf8.MaxRune {
		return utf8.RuneError
	}
	return rune(number)
}

// readUTF16Escape reads \uXXXX. A surrogate pair is one character. A lone surrogate, which the platform
// writes when it truncates text within an emoji, becomes U+FFFD.
func (p *parser) readUTF16Escape() rune {
	first := p.readHexEscape(4)
	if !utf16.IsSurrogate(first) || p.peekByte(0) != '\\' || p.peekByte(1) != 'u' {
		return first
	}
	before := p.pos
	p.pos++
	if pair := utf16.DecodeRune(first, p.readHexEscape(4)); pair != utf8.RuneError {
		return pair
	}
	p.pos = before
	return first
}
