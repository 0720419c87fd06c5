// SPDX-License-Identifier: Apache-2.0

package jsyaml

import (
	"unicode/utf8"
)

// parser is js-yaml's loader state. It refuses a document by a panic with an [*Error] or
// a [*LimitError], which [Load] recovers.
type parser struct {
	text   []byte // ends with a null byte
	length int    // of the text without that
	limits Limits

	pos, line, lineStart, lineIndent int
	firstTab                         int // first tab of the current line's indentation; -1 if none
	depth, nodes                     int

	// tag, anchor, kind and result are those of the last node. "" is none; a nil result is null.
	tag, anchor, kind string
	result            *Value

	version     bool // %YAML was seen
	tagPrefixes map[string]string
	anchors     map[string]*Value

	column columnCache
	known  []yamlType
}

// columnCache is the last place of which the column was counted, so that a long line
// is counted once.
type columnCache struct{ lineStart, pos, column int }

// mark is a place in the text.
type mark struct{ line, lineStart, pos int }

func (p *parser) mark() mark { return mark{p.line, p.lineStart, p.pos} }

// at returns the byte at an offset; 0 behind the end.
func (p *parser) at(pos int) byte {
	if pos < len(p.text) {
		return p.text[pos]
	}
	return 0
}

func (p *parser) current() byte { return p.at(p.pos) }

// advance goes on by one byte and returns the byte there.
func (p *parser) advance() byte {
	p.pos++
	return p.at(p.pos)
}

func (p *parser) fail(reason string) {
	line, column := p.place(p.mark())
	panic(&Error{Reason: reason, Line: line, Column: column, Offset: p.pos})
}

func (p *parser) exceed(what string, limit int) {
	line, column := p.place(p.mark())
	panic(&LimitError{What: what, Max: limit, Line: line, Column: column})
}

// place returns line and column, which count from 1.
func (p *parser) place(m mark) (line, column int) {
	from := m.lineStart
	column = 0
	if c := p.column; c.lineStart == m.lineStart && c.pos <= m.pos && c.pos >= from {
		from, column = c.pos, c.column
	}
	end := min(m.pos, len(p.text))
	column += utf8.RuneCount(p.text[min(from, end):end])
	p.column = columnCache{m.lineStart, m.pos, column}
	return m.line + 1, column + 1
}

// newValue returns a value that begins at a place.
func (p *parser) newValue(kind Kind, m mark) *Value {
	line, column := p.place(m)
	return &Value{Kind: kind, Line: line, Column: column}
}

// orNull returns a value, or null at the current place.
func (p *parser) orNull(v *Value) *Value {
	if v == nil {
		return p.newValue(Null, p.mark())
	}
	return v
}

func isBreak(c byte) bool        { return c == '\n' || c == '\r' }
func isBlank(c byte) bool        { return c == '\t' || c == ' ' }
func isBlankOrBreak(c byte) bool { return isBlank(c) || isBreak(c) }

func isFlowIndicator(c byte) bool {
	return c == ',' || c == '[' || c == ']' || c == '{' || c == '}'
}

func (p *parser) readLineBreak() {
	switch p.current() {
	case '\n':
		p.pos++
	case '\r':
		p.pos++
		if p.current() == '\n' {
			p.pos++
		}
	default:
		p.fail("a line break is expected")
	}
	p.line++
	p.lineStart = p.pos
	p.firstTab = -1
}

// skipSpace passes blanks, line breaks and, if allowed, comments. It returns the number
// of line breaks, and leaves the indentation of the last line in lineIndent.
func (p *parser) skipSpace(comments bool) int {
	breaks := 0
	for c := p.current(); c != 0; {
		for isBlank(c) {
			if c == '\t' && p.firstTab == -1 {
				p.firstTab = p.pos
			}
			c = p.advance()
		}
		if comments && c == '#' {
			c = p.skipLine()
		}
		if !isBreak(c) {
			break
		}
		p.readLineBreak()
		breaks++
		p.lineIndent = 0
		for c = p.current(); c == ' '; c = p.advance() {
			p.lineIndent++
		}
	}
	return breaks
}

// skipLine goes to the end of the line.
func (p *parser) skipLine() byte {
	for {
		if c := p.advance(); isBreak(c) || c == 0 {
			return c
		}
	}
}

// skipWord goes to the next blank, line break or end.
func (p *parser) skipWord() byte {
	c := p.current()
	for c != 0 && !isBlankOrBreak(c) {
		c = p.advance()
	}
	return c
}

// atSeparator reports whether --- or ... is here, at the start of a line.
func (p *parser) atSeparator() bool {
	c := p.current()
	if p.pos != p.lineStart || c != '-' && c != '.' || c != p.at(p.pos+1) || c != p.at(p.pos+2) {
		return false
	}
	next := p.at(p.pos + 3)
	return next == 0 || isBlankOrBreak(next)
}

// capture appends a part of the text, whose characters must be allowed there. Within
// quotes these are those of JSON.
func (p *parser) capture(out []byte, start, end int, quoted bool) []byte {
	if start >= end {
		return out
	}
	part := p.text[start:end]
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case c >= 0x20 && c < 0x7f, c == '\t':
		case quoted && c < 0x20:
			p.fail("expected valid JSON character")
		case !quoted && !printable(part[i:]):
			p.fail("the stream contains non-printable characters")
		}
	}
	return append(out, part...)
}

// printable reports whether the text begins with a character that may be in a document.
func printable(text []byte) bool {
	if text[0] >= 0x80 && !utf8.RuneStart(text[0]) {
		return true // within a character that was looked at
	}
	r, _ := utf8.DecodeRune(text)
	switch {
	case r == '\n' || r == '\r' || r == 0x85:
		return true
	case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0xfffe, r == 0xffff:
		return false
	}
	return true
}
