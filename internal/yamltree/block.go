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
	line, column := p.computePosition(p.pos)
	b := blockText{text: p.newText(), folded: c == '>', indent: indent}
	p.readBlockHeader(&b, indent)
	for p.pos < p.end {
		p.readBreak()
		p.readBlockIndent(&b)
		if isBreak(p.in[p.pos]) {
			b.empty++
			continue
		}
		if p.lineIndent < b.indent {
			b.endScalar()
			break
		}
		b.foldLineBreaks(isBlank(p.in[p.pos]))
		if p.pos == p.end {
			break
		}
		start := p.pos
		p.skipToBreak()
		p.addPrintable(&b.text, start, p.pos)
	}
	style := yaml.LiteralStyle
	if b.folded {
		style = yaml.FoldedStyle
	}
	p.setScalar(&b.text, style, line, column)
	return true
}

// readBlockHeader reads the rest of the line after | or >.
func (p *parser) readBlockHeader(b *blockText, indent int) {
	for p.pos++; ; p.pos++ {
		switch c := p.in[p.pos]; {
		case (c == '+' || c == '-') && b.chomping == clip:
			b.chomping = chomping(c)
		case c == '+' || c == '-':
			p.failSyntax("a block of text has two of + and - in its first line")
		case c == '0':
			p.failSyntax("a block of text cannot have the indentation 0")
		case c >= '1' && c <= '9' && !b.detected:
			b.indent = indent + int(c-'0') - 1
			b.detected = true
		case c >= '1' && c <= '9':
			p.failSyntax("a block of text has two indentations in its first line")
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

func (p *parser) readBlockIndent(b *blockText) {
	p.lineIndent = 0
	for (!b.detected || p.lineIndent < b.indent) && p.in[p.pos] == ' ' {
		p.lineIndent++
		p.pos++
	}
	if !b.detected && p.lineIndent > b.indent {
		b.indent = p.lineIndent
	}
}

// countLineBreaks returns the number of line breaks before the current line.
func (b *blockText) countLineBreaks() int {
	if b.content {
		return 1 + b.empty
	}
	return b.empty
}

func (b *blockText) endScalar() {
	switch {
	case b.chomping == keep:
		b.addString(strings.Repeat("\n", b.countLineBreaks()))
	case b.chomping == clip && b.content:
		b.addString("\n")
	}
}

// foldLineBreaks adds the line breaks before a line. blank reports whether the line starts with a blank.
func (b *blockText) foldLineBreaks(blank bool) {
	switch {
	case !b.folded:
		b.addString(strings.Repeat("\n", b.countLineBreaks()))
	case blank:
		b.deeper = true
		b.addString(strings.Repeat("\n", b.countLineBreaks()))
	case b.deeper:
		b.deeper = false
		b.addString(strings.Repeat("\n", b.empty+1))
	case b.empty == 0 && b.content:
		b.addString(" ")
	default:
		b.addString(strings.Repeat("\n", b.empty))
	}
	b.content = true
	b.detected = true
	b.empty = 0
}
