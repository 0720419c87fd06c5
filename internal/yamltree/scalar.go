// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// text accumulates a scalar. It refers to the document while the scalar is contiguous.
type text struct {
	p      *parser
	whole  string
	pieces bool
	start  int
}

func (p *parser) newText() text { return text{p: p, start: len(p.buf)} }

func (t *text) addString(s string) {
	switch {
	case s == "":
	case !t.pieces && t.whole == "":
		t.whole = s
	default:
		t.copyToBuffer()
		t.p.buf = append(t.p.buf, s...)
	}
}

func (t *text) copyToBuffer() {
	if !t.pieces {
		t.pieces = true
		t.p.buf = append(t.p.buf[:t.start], t.whole...)
	}
}

// addLineBreaks adds folded line breaks: a single one becomes a space.
func (t *text) addLineBreaks(count int) {
	if count == 1 {
		t.addString(" ")
	} else if count > 1 {
		t.addString(strings.Repeat("\n", count-1))
	}
}

func (t *text) isEmpty() bool { return !t.pieces && t.whole == "" }

func (t *text) String() string {
	if !t.pieces {
		return t.whole
	}
	s := string(t.p.buf[t.start:])
	t.p.buf = t.p.buf[:t.start]
	return s
}

// setScalar makes a scalar the current node.
func (p *parser) setScalar(t *text, style yaml.Style, line, column int) {
	value := t.String()
	if len(value) > p.limits.Scalar {
		p.failWith(&LimitError{What: "bytes in one YAML scalar", Max: p.limits.Scalar, Line: line, Column: column})
	}
	n := p.newNode(yaml.ScalarNode, tagString, line, column)
	n.Value = value
	n.Style = style
	p.kind = yaml.ScalarNode
	p.node = n
}

// addPrintable adds a part of the document. Control characters are an error.
func (p *parser) addPrintable(t *text, start, end int) {
	if start >= end {
		return
	}
	s := p.in[start:end]
	if p.clean {
		t.addString(s)
		return
	}
	if i := strings.IndexFunc(s, isUnprintable); i >= 0 {
		p.pos = start + i
		r, _ := utf8.DecodeRuneInString(s[i:])
		p.failSyntax("the character U+%04X is not allowed here: write it as an escape in double quotes", r)
	}
	t.addString(s)
}

func isUnprintable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe ||
		r == 0xffff
}

// addQuotable adds a part of a quoted scalar, which allows the characters of JSON.
func (p *parser) addQuotable(t *text, start, end int) {
	for i := start; i < end && !p.clean; i++ {
		if c := p.in[i]; c < ' ' && c != '\t' {
			p.pos = i
			p.failSyntax("the character U+%04X is not allowed here: write it as an escape in double quotes", c)
		}
	}
	if start < end {
		t.addString(p.in[start:end])
	}
}

// startsPlain reports whether a plain scalar can start here.
func (p *parser) startsPlain(inFlow bool) bool {
	c := p.in[p.pos]
	if p.pos >= p.end || isSpace(c) || isFlow(c) || strings.IndexByte("#&*!|>'\"%@`", c) >= 0 {
		return false
	}
	if c == '?' || c == '-' {
		next := p.peekByte(1)
		return !isSpace(next) && (!inFlow || !isFlow(next))
	}
	return true
}

// endsPlain reports whether a plain scalar ends before the current character.
func (p *parser) endsPlain(inFlow bool) bool {
	switch c := p.in[p.pos]; c {
	case ':':
		next := p.peekByte(1)
		return next == 0 || isSpace(next) || inFlow && isFlow(next)
	case '#':
		return isSpace(p.in[p.pos-1])
	case ',', '[', ']', '{', '}':
		return inFlow
	case '-', '.':
		return p.atSeparator()
	}
	return false
}

func (p *parser) readPlain(indent int, inFlow bool) bool {
	if !p.startsPlain(inFlow) {
		return false
	}
	line, column := p.computePosition(p.pos)
	t := p.newText()
	start := p.pos
	end := p.pos
	for p.pos < p.end && !p.endsPlain(inFlow) {
		if isBreak(p.in[p.pos]) {
			if !p.foldPlain(&t, indent, start, end, inFlow) {
				break
			}
			start = p.pos
			end = p.pos
			continue
		}
		end = p.skipPlain(inFlow)
	}
	if end > p.pos {
		end = p.pos
	}
	p.addPrintable(&t, start, end)
	if t.isEmpty() {
		return false
	}
	p.setScalar(&t, 0, line, column)
	if strings.HasPrefix(p.node.Value, byteOrderMark) {
		p.addNote(ByteOrderMark, p.node, "", 0)
	}
	return true
}

// skipPlain skips the rest of a plain scalar in the line. It returns the end of the scalar, without
// the blanks that follow it.
func (p *parser) skipPlain(inFlow bool) int {
	start := p.pos
	p.pos++
	if inFlow {
		for !isBreak(p.in[p.pos]) && p.pos < p.end && !p.endsPlain(true) {
			p.pos++
		}
	} else {
		p.pos += plainLength(p.restOfLine())
	}
	return start + len(strings.TrimRight(p.in[start:p.pos], " \t"))
}

// plainLength returns the length of a plain scalar outside of flow collections. line is the rest of
// the line after its first character.
func plainLength(line string) int {
	for i := range len(line) {
		switch line[i] {
		case ':':
			if i+1 == len(line) || isBlank(line[i+1]) {
				return i
			}
		case '#':
			if i > 0 && isBlank(line[i-1]) {
				return i
			}
		}
	}
	return len(line)
}

// foldPlain skips the line breaks within a plain scalar. If the scalar ends there it returns false,
// positioned at the end of the scalar.
func (p *parser) foldPlain(t *text, indent, start, end int, inFlow bool) bool {
	line, lineStart, lineIndent := p.line, p.lineStart, p.lineIndent
	p.skipSpace(false)
	if p.lineIndent < indent || p.pos >= p.end || p.endsPlain(inFlow) {
		if p.lineIndent < indent {
			p.pos = end
			p.line = line
			p.lineStart = lineStart
			p.lineIndent = lineIndent
		}
		return false
	}
	p.addPrintable(t, start, end)
	t.addLineBreaks(p.line - line)
	return true
}

// foldQuoted skips the line breaks within a quoted scalar.
func (p *parser) foldQuoted(t *text, start, end int) {
	p.addQuotable(t, start, end)
	t.addLineBreaks(p.skipSpace(false))
}

func (p *parser) readQuoted() bool {
	switch p.in[p.pos] {
	case '\'':
		p.readUntil('\'', yaml.SingleQuotedStyle, "single quotes")
	case '"':
		p.readUntil('"', yaml.DoubleQuotedStyle, "double quotes")
	default:
		return false
	}
	return true
}

// readUntil reads a scalar from its opening to its closing quote. The name of the quotes is for
// errors.
func (p *parser) readUntil(quote byte, style yaml.Style, name string) {
	line, column := p.computePosition(p.pos)
	t := p.newText()
	p.pos++
	start := p.pos
	end := p.pos
	for p.pos < p.end {
		switch c := p.in[p.pos]; {
		case c == '\'' && c == quote && p.peekByte(1) == quote: // stands for one quote
			p.addQuotable(&t, start, p.pos)
			start = p.pos + 1
			p.pos += 2
			end = p.pos
		case c == '\\' && quote == '"':
			p.addQuotable(&t, start, p.pos)
			p.readEscape(&t)
			start = p.pos
			end = p.pos
		case c == quote:
			p.addQuotable(&t, start, p.pos)
			p.pos++
			p.setScalar(&t, style, line, column)
			return
		case isBreak(c):
			p.foldQuoted(&t, start, end)
			start = p.pos
			end = p.pos
		case p.atSeparator():
			p.failSyntax("a text in %s has no end before the end of the document", name)
		default:
			p.pos++
			end = p.pos
		}
	}
	p.failWith(&SyntaxError{line, column, "a text in " + name + " has no end"})
}
