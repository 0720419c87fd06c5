// SPDX-License-Identifier: Apache-2.0

package jsyaml

// blockScalar is a literal (|) or folded (>) text while it is read.
type blockScalar struct {
	folded   bool
	chomping byte // '+', '-' or 0
	// indent of the text. It is known when the header gives it, or the first line is read.
	indent   int
	detected bool
	// emptyLines since the last line with text.
	emptyLines   int
	content      bool // a line with text was read
	moreIndented bool // the last line with text begins with a blank
	out          []byte
}

func (p *parser) readBlockScalar(indent int) bool {
	c := p.current()
	if c != '|' && c != '>' {
		return false
	}
	begin := p.mark()
	b := blockScalar{folded: c == '>', indent: indent}
	c = b.readHeader(p, indent)
	if isBlank(c) {
		for isBlank(c) {
			c = p.advance()
		}
		if c == '#' {
			p.skipLine()
		}
	}
	for p.current() != 0 {
		p.readLineBreak()
		if !b.readLine(p) {
			break
		}
	}
	p.setScalar(begin, b.out)
	return true
}

func (b *blockScalar) readHeader(p *parser, indent int) byte {
	for {
		c := p.advance()
		switch {
		case c == '+' || c == '-':
			if b.chomping != 0 {
				p.fail("repeat of a chomping mode identifier")
			}
			b.chomping = c
		case c == '0':
			p.fail("bad explicit indentation width of a block scalar; it cannot be less than one")
		case c > '0' && c <= '9':
			if b.detected {
				p.fail("repeat of an indentation width identifier")
			}
			b.indent = indent + int(c-'0') - 1
			b.detected = true
		default:
			return c
		}
	}
}

// readLine reports whether the text goes on behind the line.
func (b *blockScalar) readLine(p *parser) bool {
	p.lineIndent = 0
	c := p.current()
	for (!b.detected || p.lineIndent < b.indent) && c == ' ' {
		p.lineIndent++
		c = p.advance()
	}
	if !b.detected {
		b.indent = max(b.indent, p.lineIndent)
	}
	if isBreak(c) {
		b.emptyLines++
		return true
	}
	if p.lineIndent < b.indent {
		b.chomp()
		return false
	}
	b.separate(c)
	b.content = true
	b.detected = true
	b.emptyLines = 0
	start := p.pos
	for !isBreak(c) && c != 0 {
		c = p.advance()
	}
	b.out = p.capture(b.out, start, p.pos, false)
	return true
}

// chomp appends the line breaks at the end.
func (b *blockScalar) chomp() {
	switch {
	case b.chomping == '+':
		b.appendBreaks()
	case b.chomping == 0 && b.content:
		b.out = append(b.out, '\n')
	}
}

// appendBreaks appends the break behind the last line, and the empty lines.
func (b *blockScalar) appendBreaks() {
	n := b.emptyLines
	if b.content {
		n++
	}
	b.out = append(b.out, repeated(n)...)
}

// separate appends what is between the last line and one that begins with c.
func (b *blockScalar) separate(c byte) {
	switch {
	case !b.folded:
		b.appendBreaks()
	case isBlank(c):
		b.moreIndented = true
		b.appendBreaks()
	case b.moreIndented:
		b.moreIndented = false
		b.out = append(b.out, repeated(b.emptyLines+1)...)
	case b.emptyLines > 0:
		b.out = append(b.out, repeated(b.emptyLines)...)
	case b.content:
		b.out = append(b.out, ' ')
	}
}
