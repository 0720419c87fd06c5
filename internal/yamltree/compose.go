// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// context is the kind of collection around a node.
type context int

const (
	flowIn context = iota
	flowOut
	blockIn
	blockOut
)

func (c context) isFlow() bool { return c == flowIn || c == flowOut }

// placement is the position of a node relative to its parent.
type placement struct {
	// collections reports whether a block collection may start here.
	collections bool
	newLine     bool
	// indent is 1 for more indentation than the parent, 0 for the same, and -1 for less.
	indent int
	// property is the state before the first tag or anchor of the node, if there is one.
	property *snapshot
}

// snapshot is a state of the parser that can be restored.
type snapshot struct {
	pos, line, lineStart, lineIndent, tab int
	tag, anchor                           string
	kind                                  yaml.Kind
	node                                  *yaml.Node
}

func (p *parser) saveState() snapshot {
	return snapshot{p.pos, p.line, p.lineStart, p.lineIndent, p.tab, p.tag, p.anchor, p.kind, p.node}
}

func (p *parser) restoreState(s snapshot) {
	p.pos = s.pos
	p.line = s.line
	p.lineStart = s.lineStart
	p.lineIndent = s.lineIndent
	p.tab = s.tab
	p.tag = s.tag
	p.anchor = s.anchor
	p.kind = s.kind
	p.node = s.node
}

// clearNode resets the current node.
func (p *parser) clearNode() {
	p.tag = ""
	p.anchor = ""
	p.kind = 0
	p.node = nil
}

// composeNode reads a node and reports whether there is one. If seek is true the node may be on a later
// line. If compact is true a block collection may start within the line.
func (p *parser) composeNode(parent int, c context, seek, compact bool) bool {
	if p.depth >= p.limits.Depth {
		p.failLimit("levels of YAML nesting", p.limits.Depth)
	}
	p.depth++
	p.clearNode()
	s := placement{collections: !c.isFlow(), indent: 1}
	if seek && p.skipSpace(true) > 0 {
		p.updateIndent(&s, parent)
	}
	if s.indent == 1 {
		p.readProperties(&s, parent, !c.isFlow())
	}
	s.collections = s.collections && (s.newLine || compact)
	found := false
	if s.indent == 1 || c == blockOut {
		found = p.readContent(s, parent, c)
	}
	p.resolveNode()
	p.depth--
	return p.tag != "" || p.anchor != "" || found
}

// updateIndent updates s after a line break.
func (p *parser) updateIndent(s *placement, parent int) {
	s.newLine = true
	switch {
	case p.lineIndent > parent:
		s.indent = 1
	case p.lineIndent == parent:
		s.indent = 0
	default:
		s.indent = -1
	}
}

// readProperties reads tags and anchors.
func (p *parser) readProperties(s *placement, parent int, block bool) {
	for {
		c := p.in[p.pos]
		if c != '!' && c != '&' {
			return
		}
		// A second one after a line break belongs to the first key of the node.
		if s.newLine && (c == '!' && p.tag != "" || c == '&' && p.anchor != "") {
			line, column := p.computePosition(p.pos)
			p.notes = append(p.notes, Note{Kind: PropertyBeforeKey, Line: line, Column: column})
			return
		}
		if s.property == nil {
			before := p.saveState()
			s.property = &before
		}
		if !p.readTag() {
			p.readAnchor()
		}
		if p.skipSpace(true) > 0 {
			s.collections = block
			p.updateIndent(s, parent)
		} else {
			s.collections = false
		}
	}
}

func (p *parser) readContent(s placement, parent int, c context) bool {
	flowIndent := parent
	if !c.isFlow() {
		flowIndent = parent + 1
	}
	blockIndent := p.pos - p.lineStart
	switch {
	case s.indent == 0:
		// A sequence may have the indentation of its parent.
		return s.collections && p.readBlockSequence(blockIndent)
	case s.indent < 0:
		return false
	case s.collections && (p.readBlockSequence(blockIndent) || p.readBlockMapping(blockIndent, flowIndent)):
		return true
	case p.readFlowCollection(flowIndent):
		return true
	}
	found := p.readFirstKey(s, c, flowIndent) || p.readScalar(c, flowIndent)
	if p.anchor != "" {
		p.node = p.nodeOrNull(p.node)
		p.setAnchor(p.anchor, p.node)
	}
	return found
}

func (p *parser) readScalar(c context, indent int) bool {
	if !c.isFlow() && p.readBlockScalar(indent) || p.readQuoted() {
		return true
	}
	if p.readAlias() {
		if p.tag != "" || p.anchor != "" {
			p.failSyntax("an alias (*) cannot have a tag or an anchor")
		}
		return true
	}
	if p.readPlain(indent, c == flowIn) {
		if p.tag == "" {
			p.tag = implicit
		}
		return true
	}
	return false
}

// readFirstKey reads a block mapping whose first key has the properties that were read as those of
// the mapping, as in "&x a: 1".
func (p *parser) readFirstKey(s placement, c context, flowIndent int) bool {
	if s.property == nil || c.isFlow() || s.collections || strings.IndexByte("|>", p.in[p.pos]) >= 0 {
		return false
	}
	here := p.saveState()
	anchors := len(p.journal)
	notes := len(p.notes)
	nodes := p.nodes
	aliases := p.aliases
	p.restoreState(*s.property)
	p.clearNode()
	if p.readBlockMapping(p.pos-p.lineStart, flowIndent) && p.kind == yaml.MappingNode {
		p.addNote(PropertyBeforeKey, p.node, "", 0)
		return true
	}
	p.undoAnchors(anchors)
	p.notes = p.notes[:notes]
	p.nodes = nodes
	p.aliases = aliases
	p.restoreState(here)
	return false
}
