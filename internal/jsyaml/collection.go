// SPDX-License-Identifier: Apache-2.0

package jsyaml

// flowCollection is a [sequence] or {mapping} while it is read.
type flowCollection struct {
	value       *Value
	overridable overridable
}

func (p *parser) readFlowCollection(indent int) bool {
	tag, anchor := p.tag, p.anchor
	var terminator byte
	c := flowCollection{overridable: overridable{}}
	kind := sequenceKind
	switch p.current() {
	case '[':
		terminator = ']'
		c.value = p.newValue(Sequence, p.mark())
	case '{':
		terminator = '}'
		kind = mappingKind
		c.value = p.newValue(Mapping, p.mark())
	default:
		return false
	}
	if anchor != "" {
		p.anchors[anchor] = c.value
	}
	p.pos++
	for readNext := true; p.current() != 0; {
		p.skipSpace(true)
		switch {
		case p.current() == terminator:
			p.pos++
			p.tag = tag
			p.anchor = anchor
			p.kind = kind
			p.result = c.value
			return true
		case !readNext:
			p.fail("missed comma between flow collection entries")
		case p.current() == ',':
			p.fail("expected the node content, but found ','")
		}
		c.readEntry(p, indent)
		p.skipSpace(true)
		readNext = p.current() == ','
		if readNext {
			p.pos++
		}
	}
	p.fail("unexpected end of the stream within a flow collection")
	return false
}

// readEntry reads an item, or a pair, which may be the only one of a mapping in a sequence.
func (c *flowCollection) readEntry(p *parser, indent int) {
	explicit := p.current() == '?' && isBlankOrBreak(p.at(p.pos+1))
	if explicit {
		p.pos++
		p.skipSpace(true)
	}
	begin := p.mark()
	p.compose(indent, flowIn, false, true)
	key := p.newKey(begin)
	p.skipSpace(true)
	pair := explicit
	var value *Value
	if (explicit || p.line == begin.line) && p.current() == ':' {
		pair = true
		p.pos++
		p.skipSpace(true)
		p.compose(indent, flowIn, false, true)
		value = p.result
	}
	switch {
	case c.value.Kind == Mapping:
		p.store(c.value, c.overridable, key, value)
	case pair:
		single := p.newValue(Mapping, begin)
		p.store(single, c.overridable, key, value)
		c.value.Items = append(c.value.Items, single)
	default:
		c.value.Items = append(c.value.Items, p.orNull(key.node))
	}
}

const tabReason = "tab characters must not be used in indentation"

// refuseTab refuses a line that is indented with a tab.
func (p *parser) refuseTab() {
	if p.firstTab != -1 {
		p.pos = p.firstTab
		p.fail(tabReason)
	}
}

func (p *parser) readBlockSequence(indent int) bool {
	if p.firstTab != -1 {
		return false // what follows a tab can be a scalar or a flow collection
	}
	tag, anchor := p.tag, p.anchor
	value := p.newValue(Sequence, p.mark())
	if anchor != "" {
		p.anchors[anchor] = value
	}
	detected := false
	for p.current() != 0 {
		p.refuseTab()
		if p.current() != '-' || !isBlankOrBreak(p.at(p.pos+1)) {
			break
		}
		detected = true
		p.pos++
		if p.skipSpace(true) > 0 && p.lineIndent <= indent {
			value.Items = append(value.Items, p.newValue(Null, p.mark()))
			continue
		}
		line := p.line
		p.compose(indent, blockIn, false, true)
		value.Items = append(value.Items, p.orNull(p.result))
		p.skipSpace(true)
		if (p.line == line || p.lineIndent > indent) && p.current() != 0 {
			p.fail("bad indentation of a sequence entry")
		}
		if p.lineIndent < indent {
			break
		}
	}
	if detected {
		p.tag = tag
		p.anchor = anchor
		p.kind = sequenceKind
		p.result = value
	}
	return detected
}

// blockMapping is a mapping in lines while it is read.
type blockMapping struct {
	indent, flowIndent int
	value              *Value
	overridable        overridable
	key                mappingKey
	// explicit is set behind a "? key" whose value has not begun.
	explicit     bool
	detected     bool
	allowCompact bool
}

// step is how the reading of a mapping goes on.
type step int

const (
	goOn      step = iota
	end            // here is no further pair
	keepValue      // what was read is no key but the value itself
)

func (p *parser) readBlockMapping(indent, flowIndent int) bool {
	if p.firstTab != -1 {
		return false
	}
	tag, anchor := p.tag, p.anchor
	m := blockMapping{indent: indent, flowIndent: flowIndent, value: p.newValue(Mapping, p.mark()), overridable: overridable{}}
	if anchor != "" {
		p.anchors[anchor] = m.value
	}
	for next := goOn; next == goOn && p.current() != 0; {
		switch next = m.readPair(p); next {
		case goOn, end:
		case keepValue:
			p.tag = tag
			p.anchor = anchor
			return true
		}
	}
	if m.explicit {
		p.store(m.value, m.overridable, m.key, nil)
	}
	if m.detected {
		p.tag = tag
		p.anchor = anchor
		p.kind = mappingKind
		p.result = m.value
	}
	return m.detected
}

// readPair reads a key, a value or both.
func (m *blockMapping) readPair(p *parser) step {
	if !m.explicit {
		p.refuseTab()
	}
	line := p.line
	if c := p.current(); (c == '?' || c == ':') && isBlankOrBreak(p.at(p.pos+1)) {
		m.readIndicator(p, c)
	} else if next := m.readKey(p, line); next != goOn {
		return next
	}
	if p.line == line || p.lineIndent > m.indent {
		m.readValue(p)
	}
	if (p.line == line || p.lineIndent > m.indent) && p.current() != 0 {
		p.fail("bad indentation of a mapping entry")
	}
	if p.lineIndent < m.indent {
		return end
	}
	return goOn
}

// readIndicator reads the "?" before an explicit key or the ":" before its value.
func (m *blockMapping) readIndicator(p *parser, c byte) {
	switch {
	case c == '?':
		m.storeKeyAlone(p)
		m.detected = true
		m.explicit = true
	case m.explicit:
		m.explicit = false
	default:
		p.fail("incomplete explicit mapping pair; a key node is missed; or followed by a non-tabulated empty line")
	}
	m.allowCompact = true
	p.pos++
}

// storeKeyAlone stores an explicit key that has no value.
func (m *blockMapping) storeKeyAlone(p *parser) {
	if m.explicit {
		p.store(m.value, m.overridable, m.key, nil)
		m.key = mappingKey{}
	}
}

// readKey reads "key:".
func (m *blockMapping) readKey(p *parser, line int) step {
	begin := p.mark()
	m.key.mark = begin
	if !p.compose(m.flowIndent, flowOut, false, true) {
		return end
	}
	if p.line != line {
		if m.detected {
			p.fail("can not read a block mapping entry; a multiline key may not be an implicit key")
		}
		return keepValue
	}
	c := p.current()
	for isBlank(c) {
		c = p.advance()
	}
	switch {
	case c != ':' && m.detected:
		p.fail("can not read an implicit mapping pair; a colon is missed")
	case c != ':':
		return keepValue
	case !isBlankOrBreak(p.advance()):
		p.fail("a whitespace character is expected after the key-value separator within a block mapping")
	}
	key := p.newKey(begin)
	m.storeKeyAlone(p)
	m.key = key
	m.detected = true
	m.explicit = false
	m.allowCompact = false
	return goOn
}

// readValue reads the value of a key, or an explicit key.
func (m *blockMapping) readValue(p *parser) {
	begin := p.mark()
	content := p.compose(m.indent, blockOut, true, m.allowCompact)
	switch {
	case m.explicit && content:
		m.key = p.newKey(begin)
		m.key.tag = "" // "? <<" merges nothing
	case m.explicit:
		m.key.mark = begin
	case content:
		p.store(m.value, m.overridable, m.key, p.result)
		m.key = mappingKey{}
	default:
		p.store(m.value, m.overridable, m.key, nil)
		m.key = mappingKey{}
	}
	p.skipSpace(true)
}
