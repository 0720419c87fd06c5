// SPDX-License-Identifier: Apache-2.0

package yamltree

import "strings"

func isBreak(c byte) bool { return c == '\n' || c == '\r' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isSpace(c byte) bool { return isBlank(c) || isBreak(c) }

func isFlow(c byte) bool { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}' }

func (p *parser) readBreak() {
	switch {
	case p.in[p.pos] == '\r' && p.in[p.pos+1] == '\n':
		p.pos += 2
	case isBreak(p.in[p.pos]):
		p.pos++
	default:
		p.failSyntax("a line break is expected here")
	}
	p.line++
	p.lineStart = p.pos
	p.tab = -1
}

func (p *parser) skipBlanks() {
	for isBlank(p.in[p.pos]) {
		p.pos++
	}
}

// skipToBreak skips to the end of the line or of the document.
func (p *parser) skipToBreak() {
	p.pos += len(p.restOfLine())
}

// restOfLine returns the text from the current position to the next line break.
func (p *parser) restOfLine() string {
	line := p.in[p.pos:p.end]
	for _, c := range []byte("\n\r") {
		if end := strings.IndexByte(line, c); end >= 0 {
			line = line[:end]
		}
	}
	return line
}

// skipSpace skips white space, line breaks and, if comments is true, comments. It returns the
// number of line breaks.
func (p *parser) skipSpace(comments bool) int {
	for breaks := 0; ; breaks++ {
		for isBlank(p.in[p.pos]) {
			if p.in[p.pos] == '\t' && p.tab < 0 {
				p.tab = p.pos
			}
			p.pos++
		}
		if comments && p.in[p.pos] == '#' {
			p.skipToBreak()
		}
		if !isBreak(p.in[p.pos]) {
			return breaks
		}
		p.readBreak()
		p.lineIndent = 0
		for p.in[p.pos] == ' ' {
			p.lineIndent++
			p.pos++
		}
	}
}

// atSeparator reports whether the current line is a document separator, --- or ....
func (p *parser) atSeparator() bool {
	c := p.in[p.pos]
	if p.pos != p.lineStart || c != '-' && c != '.' || p.peekByte(1) != c || p.peekByte(2) != c {
		return false
	}
	after := p.peekByte(3)
	return after == 0 || isSpace(after)
}
