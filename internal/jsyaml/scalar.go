// SPDX-License-Identifier: Apache-2.0

package jsyaml

import (
	"bytes"
	"unicode/utf8"
)

// setScalar makes a text the result.
func (p *parser) setScalar(begin mark, text []byte) {
	p.kind = scalarKind
	p.result = p.newValue(String, begin)
	p.result.Text = joinSurrogates(text)
}

// foldLines appends what line breaks within a text stand for.
func foldLines(out []byte, breaks int) []byte {
	if breaks == 1 {
		return append(out, ' ')
	}
	return append(out, repeated(breaks-1)...)
}

// startsPlain reports whether a plain scalar may begin here.
func (p *parser) startsPlain(inFlow bool) bool {
	c := p.current()
	if isBlankOrBreak(c) || isFlowIndicator(c) || c == 0 || bytes.IndexByte([]byte("#&*!|>'\"%@`"), c) >= 0 {
		return false
	}
	if c == '?' || c == '-' {
		next := p.at(p.pos + 1)
		return !isBlankOrBreak(next) && (!inFlow || !isFlowIndicator(next))
	}
	return true
}

func (p *parser) readPlain(indent int, inFlow bool) bool {
	if !p.startsPlain(inFlow) {
		return false
	}
	begin := p.mark()
	var out []byte
	start, stop := p.pos, p.pos
	for c := p.current(); c != 0; c = p.current() {
		if p.endsPlain(c, inFlow) {
			break
		}
		if isBreak(c) {
			before, lineIndent := p.mark(), p.lineIndent
			p.skipSpace(false)
			if p.lineIndent < indent {
				p.line = before.line
				p.lineStart = before.lineStart
				p.pos = stop
				p.lineIndent = lineIndent
				break
			}
			if next := p.current(); next == 0 || p.endsPlain(next, inFlow) {
				break
			}
			out = p.capture(out, start, stop, false)
			out = foldLines(out, p.line-before.line)
			start = p.pos
			stop = p.pos
			continue
		}
		p.pos++
		if !isBlank(c) {
			stop = p.pos
		}
	}
	out = p.capture(out, start, stop, false)
	if len(out) == 0 {
		return false
	}
	p.setScalar(begin, out)
	return true
}

// endsPlain reports whether a plain scalar ends before the next byte.
func (p *parser) endsPlain(c byte, inFlow bool) bool {
	switch c {
	case ':':
		next := p.at(p.pos + 1)
		return isBlankOrBreak(next) || inFlow && isFlowIndicator(next)
	case '#':
		return isBlankOrBreak(p.at(p.pos - 1))
	case '-', '.':
		return p.atSeparator()
	}
	return inFlow && isFlowIndicator(c)
}

func (p *parser) readSingleQuoted() bool {
	if p.current() != '\'' {
		return false
	}
	begin := p.mark()
	p.pos++
	var out []byte
	start, stop := p.pos, p.pos
	for c := p.current(); c != 0; c = p.current() {
		switch {
		case c == '\'':
			out = p.capture(out, start, p.pos, true)
			if p.advance() != '\'' {
				p.setScalar(begin, out)
				return true
			}
			start = p.pos
			p.pos++
			stop = p.pos
		case isBreak(c):
			out = p.capture(out, start, stop, true)
			out = foldLines(out, p.skipSpace(false))
			start, stop = p.pos, p.pos
		case p.atSeparator():
			p.fail("unexpected end of the document within a single quoted scalar")
		default:
			p.pos++
			stop = p.pos
		}
	}
	p.fail("unexpected end of the stream within a single quoted scalar")
	return false
}

func (p *parser) readDoubleQuoted() bool {
	if p.current() != '"' {
		return false
	}
	begin := p.mark()
	p.pos++
	var out []byte
	start, stop := p.pos, p.pos
	for c := p.current(); c != 0; c = p.current() {
		switch {
		case c == '"':
			out = p.capture(out, start, p.pos, true)
			p.pos++
			p.setScalar(begin, out)
			return true
		case c == '\\':
			out = p.capture(out, start, p.pos, true)
			out = p.readEscape(out)
			start, stop = p.pos, p.pos
		case isBreak(c):
			out = p.capture(out, start, stop, true)
			out = foldLines(out, p.skipSpace(false))
			start, stop = p.pos, p.pos
		case p.atSeparator():
			p.fail("unexpected end of the document within a double quoted scalar")
		default:
			p.pos++
			stop = p.pos
		}
	}
	p.fail("unexpected end of the stream within a double quoted scalar")
	return false
}

// escapes are what the characters behind a backslash stand for.
const escapes = "0\x00a\x07b\x08t\t\t\tn\nv\x0bf\x0cr\re\x1b  \"\"//\\\\"

// readEscape reads what follows a backslash.
func (p *parser) readEscape(out []byte) []byte {
	c := p.advance()
	if isBreak(c) {
		p.skipSpace(false)
		return out
	}
	for i := 0; i < len(escapes); i += 2 {
		if escapes[i] == c {
			p.pos++
			return append(out, escapes[i+1])
		}
	}
	switch c {
	case 'N', '_', 'L', 'P':
		p.pos++
		return utf8.AppendRune(out, map[byte]rune{'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029}[c])
	case 'x':
		return p.readCode(out, 2)
	case 'u':
		return p.readCode(out, 4)
	case 'U':
		return p.readCode(out, 8)
	}
	p.fail("unknown escape sequence")
	return nil
}

func (p *parser) readCode(out []byte, digits int) []byte {
	code := int32(0) // as in JavaScript, which drops what exceeds 32 bits
	for range digits {
		digit := hexDigit(p.advance())
		if digit < 0 {
			p.fail("expected hexadecimal character")
		}
		code = code<<4 + digit
	}
	p.pos++
	return appendCode(out, code)
}

func hexDigit(c byte) int32 {
	switch lower := c | 0x20; {
	case c >= '0' && c <= '9':
		return int32(c - '0')
	case lower >= 'a' && lower <= 'f':
		return int32(lower-'a') + 10
	}
	return -1
}

// appendCode appends a character. Half of a surrogate pair is kept as three bytes that
// are no UTF-8, for [joinSurrogates].
func appendCode(out []byte, code int32) []byte {
	if code >= 0xd800 && code <= 0xdfff {
		return append(out, 0xed, byte(0x80|code>>6&0x3f), byte(0x80|code&0x3f))
	}
	return utf8.AppendRune(out, code)
}

// joinSurrogates makes characters of surrogate pairs, and U+FFFD of halves.
func joinSurrogates(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		high, isHalf := surrogate(text[i:])
		if !isHalf {
			out = append(out, text[i])
			i++
			continue
		}
		i += 3
		low, hasLow := surrogate(text[i:])
		if high < 0xdc00 && hasLow && low >= 0xdc00 {
			i += 3
			out = utf8.AppendRune(out, 0x10000+(high-0xd800)<<10+low-0xdc00)
			continue
		}
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	return string(out)
}

// surrogate returns the half of a surrogate pair with which a text begins.
func surrogate(text []byte) (half rune, yes bool) {
	if len(text) < 3 || text[0] != 0xed || text[1] < 0xa0 {
		return 0, false
	}
	return 0xd000 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f), true
}
