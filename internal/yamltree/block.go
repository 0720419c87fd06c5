// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// chomping selects the handling of line breaks at the end of a block scalar.
type chomping byte

const (
	clip  chomping = 0
	strip chomping = '-'
	keep  chomping = '+'
)

// blockText is the state of reading a literal (|) or folded (>) scalar.
type blockText struct {
	text
	folded   bool
	chomping chomping
	// indent is the indentation of the text. detected is true once it is final.
	indent   int
	detected bool
	// empty is the number of empty lines before the current one. content is true after the first
	// line.
	empty   int
	content bool
	// deeper is true on lines with extra indentation, which are not folded.
	deeper bool
}

func (p *parser) readBlockScalar(indent int) bool {
	c := p.in[p.pos]
	if c != '|' && c != '>' {
		return false
	}
	line, column := p.place(p.pos)
	b := blockText{text: p.newText(), folded: c == '>', indent: indent}
	p.readHeader(&b, indent)
	for p.pos < p.end {
		p.readBreak()
		p.readIndent(&b)
		if isBreak(p.in[p.pos]) {
			b.empty++
			continue
		}
		if p.lineIndent < b.indent {
			b.end()
			break
		}
		b.fold(isBlank(p.in[p.pos]))
		if p.pos == p.end {
			break
		}
		start := p.pos
		p.skipToBreak()
		p.printable(&b.text, start, p.pos)
	}
	style := yaml.LiteralStyle
	if b.folded {
		style = yaml.FoldedStyle
	}
	p.setScalar(&b.text, style, line, column)
	return true
}

// readHeader reads the rest of the line after | or >.
func (p *parser) readHeader(b *blockText, indent int) {
	for p.pos++; ; p.pos++ {
		switch c := p.in[p.pos]; {
		case (c == '+' || c == '-') && b.chomping == clip:
			b.chomping = chomping(c)
		case c == '+' || c == '-':
			p.syntax("a block of text has two of + and - in its first line")
		case c == '0':
			p.syntax("a block of text cannot have the indentation 0")
		case c >= '1' && c <= '9' && !b.detected:
			b.indent = indent + int(c-'0') - 1
			b.detected = true
		case c >= '1' && c <= '9':
			p.syntax("a block of text has two indentations in its first line")
		default:
			if isBlank(c) {
				p.skipBlanks()
				if p.in[p.pos] == '#' {
					p.skipToBreak()
				}
			}
			return
		}
	}
}

func (p *parser) readIndent(b *blockText) {
	p.lineIndent = 0
	for (!b.detected || p.lineIndent < b.indent) && p.in[p.pos] == ' ' {
		p.lineIndent++
		p.pos++
	}
	if !b.detected && p.lineIndent > b.indent {
		b.indent = p.lineIndent
	}
}

// lines returns the number of line breaks before the current line.
func (b *blockText) lines() int {
	if b.content {
		return 1 + b.empty
	}
	return b.empty
}

func (b *blockText) end() {
	switch {
	case b.chomping == keep:
		b.add(strings.Repeat("\n", b.lines()))
	case b.chomping == clip && b.content:
		b.add("\n")
	}
}

// fold adds the line breaks before a line. blank reports whether the line starts with a blank.
func (b *blockText) fold(blank bool) {
	switch {
	case !b.folded:
		b.add(strings.Repeat("\n", b.lines()))
	case blank:
		b.deeper = true
		b.add(strings.Repeat("\n", b.lines()))
	case b.deeper:
		b.deeper = false
		b.add(strings.Repeat("\n", b.empty+1))
	case b.empty == 0 && b.content:
		b.add(" ")
	default:
		b.add(strings.Repeat("\n", b.empty))
	}
	b.content = true
	b.detected = true
	b.empty = 0
}
