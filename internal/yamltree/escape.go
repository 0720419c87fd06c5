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

// escape reads an escape sequence.
func (p *parser) escape(t *text) {
	p.pos++
	c := p.in[p.pos]
	if isBreak(c) {
		p.skipSpace(false)
		return
	}
	if s, ok := simpleEscape(c); ok {
		t.add(s)
		p.pos++
		return
	}
	switch c {
	case 'x':
		t.add(string(p.hex(2)))
	case 'u':
		t.add(string(p.utf16()))
	case 'U':
		t.add(string(p.hex(8)))
	default:
		p.syntax("\\ and this character are no escape: write \\\\ for a backslash, or use single quotes")
	}
}

// hex reads the digits of an escape. Invalid code points become U+FFFD.
func (p *parser) hex(digits int) rune {
	p.pos++
	for i := range digits {
		if c := p.peek(i); c < '0' || c > '9' && c < 'A' || c > 'F' && c < 'a' || c > 'f' {
			p.pos += i
			p.syntax("a hexadecimal digit is expected here")
		}
	}
	number, err := strconv.ParseUint(p.in[p.pos:p.pos+digits], 16, 32)
	p.pos += digits
	if err != nil || number > utf8.MaxRune {
		return utf8.RuneError
	}
	return rune(number)
}

// utf16 reads \uXXXX. A surrogate pair is one character. A lone surrogate, which the platform
// writes when it truncates text within an emoji, becomes U+FFFD.
func (p *parser) utf16() rune {
	first := p.hex(4)
	if !utf16.IsSurrogate(first) || p.peek(0) != '\\' || p.peek(1) != 'u' {
		return first
	}
	before := p.pos
	p.pos++
	if pair := utf16.DecodeRune(first, p.hex(4)); pair != utf8.RuneError {
		return pair
	}
	p.pos = before
	return first
}
