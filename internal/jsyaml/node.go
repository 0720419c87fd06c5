// SPDX-License-Identifier: Apache-2.0

package jsyaml

import (
	"bytes"
	"net/url"
)

// context is where a node is.
type context int

const (
	flowIn context = iota + 1
	flowOut
	blockIn
	blockOut
)

// The kinds of nodes, for tags.
const (
	scalarKind   = "scalar"
	sequenceKind = "sequence"
	mappingKind  = "mapping"
)

// composing is one node while it is read.
type composing struct {
	parent       int
	in           context
	allowCompact bool
	// indent is 1, 0 or -1 where the node's line is indented more than, as much as, or
	// less than the parent.
	indent    int
	atNewLine bool
	// blocks tells whether block collections are allowed here.
	blocks bool
}

// compose reads a node into tag, anchor, kind and result, and reports whether there is one.
func (p *parser) compose(parent int, in context, allowToSeek, allowCompact bool) bool {
	p.enter()
	defer func() { p.depth-- }()
	p.tag = ""
	p.anchor = ""
	p.kind = ""
	p.result = nil
	block := in == blockOut || in == blockIn
	c := composing{parent: parent, in: in, allowCompact: allowCompact, indent: 1, blocks: block}
	if allowToSeek && p.skipSpace(true) > 0 {
		c.seek(p)
	}
	if c.indent == 1 {
		c.readProperties(p, block)
	}
	c.blocks = c.blocks && (c.atNewLine || allowCompact)
	content := false
	if c.indent == 1 || in == blockOut {
		content = c.readContent(p, block)
	}
	p.resolveTag()
	return p.tag != "" || p.anchor != "" || content
}

func (p *parser) enter() {
	p.depth++
	p.nodes++
	if p.depth > p.limits.Depth {
		p.exceed("levels of nesting", p.limits.Depth)
	}
	if p.limits.Nodes > 0 && p.nodes > p.limits.Nodes {
		p.exceed("values", p.limits.Nodes)
	}
}

// seek takes note of the indentation of a new line.
func (c *composing) seek(p *parser) {
	c.atNewLine = true
	switch {
	case p.lineIndent > c.parent:
		c.indent = 1
	case p.lineIndent == c.parent:
		c.indent = 0
	default:
		c.indent = -1
	}
}

// readProperties reads tag and anchor. Behind them, a block collection must begin on a
// line of its own.
func (c *composing) readProperties(p *parser, block bool) {
	for p.readTag() || p.readAnchor() {
		if p.skipSpace(true) > 0 {
			c.seek(p)
			c.blocks = block
		} else {
			c.blocks = false
		}
	}
}

func (c *composing) readContent(p *parser, block bool) bool {
	flowIndent := c.parent
	if block {
		flowIndent = c.parent + 1
	}
	blockIndent := p.pos - p.lineStart
	switch {
	case c.indent == 0:
		return c.blocks && p.readBlockSequence(blockIndent)
	case c.indent < 0:
		return false
	case c.blocks && (p.readBlockSequence(blockIndent) || p.readBlockMapping(blockIndent, flowIndent)):
		return true
	case p.readFlowCollection(flowIndent):
		return true
	}
	content := c.readScalar(p, block, flowIndent)
	if p.anchor != "" {
		p.anchors[p.anchor] = p.result
	}
	return content
}

func (c *composing) readScalar(p *parser, block bool, flowIndent int) bool {
	switch {
	case block && p.readBlockScalar(flowIndent), p.readSingleQuoted(), p.readDoubleQuoted():
		return true
	case p.readAlias():
		if p.tag != "" || p.anchor != "" {
			p.fail("alias node should not have any properties")
		}
		return true
	case p.readPlain(flowIndent, c.in == flowIn):
		if p.tag == "" {
			p.tag = unresolved
		}
		return true
	}
	return false
}

// readTag reads a tag property into tag.
func (p *parser) readTag() bool {
	if p.current() != '!' {
		return false
	}
	if p.tag != "" {
		p.fail("duplication of a tag property")
	}
	if p.advance() == '<' {
		p.tag = p.decodeTag(p.readVerbatimTag())
		return true
	}
	handle, name := p.readShortTag()
	name = p.decodeTag(name)
	prefix, declared := p.tagPrefixes[handle]
	switch {
	case declared:
		p.tag = prefix + name
	case handle == "!":
		p.tag = "!" + name
	case handle == "!!":
		p.tag = tagPrefix + name
	default:
		p.fail("undeclared tag handle " + quote(handle))
	}
	return true
}

func (p *parser) readVerbatimTag() string {
	p.pos++
	start := p.pos
	for {
		if c := p.advance(); c == 0 || c == '>' {
			break
		}
	}
	if p.pos >= p.length {
		p.fail("unexpected end of the stream within a verbatim tag")
	}
	name := string(p.text[start:p.pos])
	p.pos++
	return name
}

func (p *parser) readShortTag() (handle, name string) {
	handle, named := "!", false
	if p.current() == '!' {
		handle, named = "!!", true
		p.pos++
	}
	start := p.pos
	for c := p.current(); c != 0 && !isBlankOrBreak(c); c = p.advance() {
		if c != '!' {
			continue
		}
		if named {
			p.fail("tag suffix cannot contain exclamation marks")
		}
		handle, named = string(p.text[start-1:p.pos+1]), true
		if !tagHandle.MatchString(handle) {
			p.fail("named tag handle cannot contain such characters")
		}
		start = p.pos + 1
	}
	name = string(p.text[start:p.pos])
	if bytes.ContainsAny(p.text[start:p.pos], ",[]{}") {
		p.fail("tag suffix cannot contain flow indicator characters")
	}
	return handle, name
}

func (p *parser) decodeTag(name string) string {
	if name != "" && !tagURI.MatchString(name) {
		p.fail("tag name cannot contain such characters: " + name)
	}
	decoded, err := url.PathUnescape(name)
	if err != nil {
		p.fail("tag name is malformed: " + name)
	}
	return decoded
}

func (p *parser) readAnchor() bool {
	if p.current() != '&' {
		return false
	}
	if p.anchor != "" {
		p.fail("duplication of an anchor property")
	}
	p.anchor = p.readAnchorName("name of an anchor node must contain at least one character")
	return true
}

func (p *parser) readAnchorName(reason string) string {
	c := p.advance()
	start := p.pos
	for c != 0 && !isBlankOrBreak(c) && !isFlowIndicator(c) {
		c = p.advance()
	}
	if p.pos == start {
		p.fail(reason)
	}
	return string(p.text[start:p.pos])
}

func (p *parser) readAlias() bool {
	if p.current() != '*' {
		return false
	}
	name := p.readAnchorName("name of an alias node must contain at least one character")
	value, known := p.anchors[name]
	if !known {
		p.fail("unidentified alias " + quote(name))
	}
	p.result = value
	p.skipSpace(true)
	return true
}
