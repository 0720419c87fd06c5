// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// finishCollection makes a collection the current node, with the properties that precede it.
func (p *parser) finishCollection(n *yaml.Node, tag, anchor string) {
	p.tag = tag
	p.anchor = anchor
	p.kind = n.Kind
	p.node = n
}

func (p *parser) readFlowCollection(indent int) bool {
	line, column := p.computePosition(p.pos)
	var n *yaml.Node
	terminator := byte(']')
	switch p.in[p.pos] {
	case '[':
		n = p.newNode(yaml.SequenceNode, tagSequence, line, column)
	case '{':
		n = p.newNode(yaml.MappingNode, tagMapping, line, column)
		terminator = '}'
	default:
		return false
	}
	n.Style = yaml.FlowStyle
	tag := p.tag
	anchor := p.anchor
	p.setAnchor(anchor, n)
	p.pos++
	keys := len(p.keys)
	more := true
	for p.pos < p.end {
		p.skipSpace(true)
		switch c := p.in[p.pos]; {
		case c == terminator:
			p.pos++
			p.checkKeys(keys)
			p.finishCollection(n, tag, anchor)
			return true
		case p.pos >= p.end:
		case !more:
			p.failSyntax("a comma or %c is expected here", terminator)
		case c == ',':
			p.failSyntax("there is nothing before this comma")
		default:
			p.readFlowEntry(n, indent)
			more = p.in[p.pos] == ','
			if more {
				p.pos++
			}
		}
	}
	p.failWith(&SyntaxError{line, column, "a flow collection ([ or {) has no end"})
	return false
}

// readFlowEntry reads an item, or a key with its value.
func (p *parser) readFlowEntry(n *yaml.Node, indent int) {
	explicit := p.in[p.pos] == '?' && isSpace(p.peekByte(1))
	if explicit {
		p.pos++
		p.skipSpace(true)
	}
	line := p.line
	p.composeNode(indent, flowIn, false, true)
	keyTag := p.tag
	k := p.node
	if n.Kind == yaml.MappingNode {
		k = p.nodeOrNull(k)
	}
	p.skipSpace(true)
	var value *yaml.Node
	pair := explicit
	if (explicit || p.line == line) && p.in[p.pos] == ':' {
		pair = true
		k = p.nodeOrNull(k)
		p.pos++
		p.skipSpace(true)
		p.composeNode(indent, flowIn, false, true)
		value = p.node
	}
	switch {
	case n.Kind == yaml.MappingNode:
		p.storePair(n, keyTag, k, value)
	case pair:
		k = p.nodeOrNull(k)
		m := p.newNode(yaml.MappingNode, tagMapping, k.Line, k.Column)
		m.Style = yaml.FlowStyle
		before := len(p.keys)
		p.storePair(m, keyTag, k, value)
		p.keys = p.keys[:before]
		p.addContent(n, m)
	default:
		p.addContent(n, p.nodeOrNull(k))
	}
	p.skipSpace(true)
}

func (p *parser) rejectTab() {
	if p.tab >= 0 {
		p.pos = p.tab
		p.failSyntax("a tab cannot indent YAML: use spaces")
	}
}

func (p *parser) readBlockSequence(indent int) bool {
	if p.tab >= 0 || p.in[p.pos] != '-' || !isSpace(p.peekByte(1)) {
		return false
	}
	line, column := p.computePosition(p.pos)
	n := p.newNode(yaml.SequenceNode, tagSequence, line, column)
	tag := p.tag
	anchor := p.anchor
	p.setAnchor(anchor, n)
	for p.pos < p.end {
		p.rejectTab()
		if p.in[p.pos] != '-' || !isSpace(p.peekByte(1)) {
			break
		}
		p.pos++
		here := p.savePosition()
		if p.skipSpace(true) > 0 && p.lineIndent <= indent {
			p.addContent(n, p.newNullAt(here))
			continue
		}
		line := p.line
		p.composeNode(indent, blockIn, false, true)
		p.addContent(n, p.nodeOrNull(p.node))
		p.skipSpace(true)
		if (p.line == line || p.lineIndent > indent) && p.pos < p.end {
			p.failSyntax("the indentation of this list item does not fit%s", p.suggestCause())
		}
		if p.lineIndent < indent {
			break
		}
	}
	p.finishCollection(n, tag, anchor)
	return true
}

// position is a position whose column has not been computed yet.
type position struct{ line, lineStart, pos int }

func (p *parser) savePosition() position { return position{p.line, p.lineStart, p.pos} }

// newNullAt returns a null node at an earlier position.
func (p *parser) newNullAt(s position) *yaml.Node {
	column := utf8.RuneCountInString(p.in[s.lineStart:s.pos]) + 1
	return p.newNode(yaml.ScalarNode, tagNull, s.line+1, column)
}

// blockMapping is the state of reading a block mapping.
type blockMapping struct {
	node        *yaml.Node
	tag, anchor string
	// key and keyTag belong to the current entry.
	key    *yaml.Node
	keyTag string
	// explicit is true between ? and : of an entry.
	explicit bool
	// keys is the index of the first key of the mapping in parser.keys.
	keys int
}

// createMapping creates the node of a mapping when its first key is found.
func (p *parser) createMapping(m *blockMapping, line, column int) {
	if m.node == nil {
		m.node = p.newNode(yaml.MappingNode, tagMapping, line, column)
		p.setAnchor(m.anchor, m.node)
	}
}

func (p *parser) storeEntry(m *blockMapping, value *yaml.Node) {
	p.storePair(m.node, m.keyTag, p.nodeOrNull(m.key), value)
	m.key = nil
	m.keyTag = ""
}

func (p *parser) readBlockMapping(indent, flowIndent int) bool {
	if p.tab >= 0 {
		return false
	}
	m := blockMapping{tag: p.tag, anchor: p.anchor, keys: len(p.keys)}
	for p.pos < p.end {
		if !m.explicit {
			p.rejectTab()
		}
		line := p.line
		found := p.readKey(&m, flowIndent)
		if found == otherNode {
			return true
		}
		if found == nothing {
			break
		}
		if p.line == line || p.lineIndent > indent {
			here := p.savePosition()
			found := p.composeNode(indent, blockOut, true, found == longKey)
			if !m.explicit {
				value := p.node
				if !found || value == nil {
					value = p.newNullAt(here)
				}
				p.storeEntry(&m, value)
			} else if found {
				m.key = p.node
			}
			p.skipSpace(true)
		}
		if (p.line == line || p.lineIndent > indent) && p.pos < p.end {
			p.failSyntax("the indentation of this line does not fit%s", p.suggestCause())
		}
		if p.lineIndent < indent {
			break
		}
	}
	if m.explicit {
		p.storeEntry(&m, nil)
	}
	if m.node == nil {
		return false
	}
	p.checkKeys(m.keys)
	p.finishCollection(m.node, m.tag, m.anchor)
	return true
}

// found is the result of readKey.
type found int

const (
	nothing found = iota
	// otherNode is a node that is not followed by a colon.
	otherNode
	shortKey
	// longKey is the ? or : of an explicit entry.
	longKey
)

// readKey reads the key of an entry, up to its value.
func (p *parser) readKey(m *blockMapping, flowIndent int) found {
	if c := p.in[p.pos]; (c == '?' || c == ':') && isSpace(p.peekByte(1)) {
		p.readExplicitIndicator(m, c)
		return longKey
	}
	line := p.line
	startLine, startColumn := p.computePosition(p.pos)
	if !p.composeNode(flowIndent, flowOut, false, true) {
		return nothing
	}
	if p.line == line {
		p.skipBlanks()
	}
	switch {
	case p.line == line && p.in[p.pos] == ':':
		p.pos++
		if p.pos < p.end && !isSpace(p.in[p.pos]) {
			p.failSyntax("a space is expected after the colon of a key")
		}
		k := p.nodeOrNull(p.node)
		keyTag := p.tag
		p.createMapping(m, startLine, startColumn)
		if m.explicit {
			p.storeEntry(m, nil)
		}
		m.explicit = false
		m.key = k
		m.keyTag = keyTag
		return shortKey
	case m.node != nil && p.line == line:
		p.failSyntax("a colon is missing after this key, or the text before it needs quotes%s", p.suggestCause())
	case m.node != nil:
		p.failSyntax("a key must be on one line: a quote or a bracket before it may not be closed")
	}
	p.tag = m.tag
	p.anchor = m.anchor
	return otherNode
}

// readExplicitIndicator reads the ? or : of an explicit entry.
func (p *parser) readExplicitIndicator(m *blockMapping, c byte) {
	switch {
	case c == '?':
		line, column := p.computePosition(p.pos)
		p.createMapping(m, line, column)
		if m.explicit {
			p.storeEntry(m, nil)
		}
		m.explicit = true
	case m.explicit:
		m.explicit = false
	default:
		p.failSyntax("a colon without a key before it")
	}
	p.pos++
}
