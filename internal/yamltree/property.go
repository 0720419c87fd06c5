// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tagPrefix is the prefix of the full names of YAML's own tags.
const tagPrefix = "tag:yaml.org,2002:"

// readTag reads a tag, such as !!str, !secret or !<tag:yaml.org,2002:str>.
func (p *parser) readTag() bool {
	if p.in[p.pos] != '!' {
		return false
	}
	if p.tag != "" {
		p.failSyntax("the node has two tags")
	}
	p.pos++
	if p.in[p.pos] == '<' {
		p.tag = p.unescapeTag(p.readVerbatimTag())
		return true
	}
	handle, name := p.readShorthandTag()
	name = p.unescapeTag(name)
	prefix, declared := p.handles[handle]
	switch {
	case declared:
		p.tag = prefix + name
	case handle == "!":
		p.tag = "!" + name
	case handle == "!!":
		p.tag = tagPrefix + name
	default:
		p.failSyntax("the tag handle %s is not declared", handle)
	}
	return true
}

// readVerbatimTag reads the text between !< and >.
func (p *parser) readVerbatimTag() string {
	p.pos++
	start := p.pos
	end := strings.IndexByte(p.in[p.pos+1:p.end], '>')
	if end < 0 {
		p.failSyntax("the tag has no end (>)")
	}
	p.pos += 1 + end
	name := p.in[start:p.pos]
	p.pos++
	return name
}

// readShorthandTag reads a tag after its first exclamation mark.
func (p *parser) readShorthandTag() (handle, name string) {
	handle = "!"
	named := false
	if p.in[p.pos] == '!' {
		handle = "!!"
		named = true
		p.pos++
	}
	start := p.pos
	for ; p.pos < p.end && !isSpace(p.in[p.pos]); p.pos++ {
		if p.in[p.pos] != '!' {
			continue
		}
		if named {
			p.failSyntax("a tag cannot have an exclamation mark within its name")
		}
		handle = p.in[start-1 : p.pos+1]
		if !tagHandle.MatchString(handle) {
			p.failSyntax("a tag handle can have letters and - only")
		}
		named = true
		start = p.pos + 1
	}
	name = p.in[start:p.pos]
	if strings.ContainsAny(name, ",[]{}") {
		p.failSyntax("a tag cannot have one of , [ ] { } in its name")
	}
	return handle, name
}

func (p *parser) unescapeTag(name string) string {
	plain, err := url.PathUnescape(name)
	if err != nil || name != "" && !tagURI.MatchString(name) {
		p.failSyntax("the tag has a character that tags cannot have")
	}
	return plain
}

// readName reads the name of an anchor or alias after its indicator.
func (p *parser) readName(what string) string {
	p.pos++
	start := p.pos
	for p.pos < p.end && !isSpace(p.in[p.pos]) && !isFlow(p.in[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		p.failSyntax("%s needs a name; quote text that starts with this character", what)
	}
	return p.in[start:p.pos]
}

func (p *parser) readAnchor() bool {
	if p.in[p.pos] != '&' {
		return false
	}
	if p.anchor != "" {
		p.failSyntax("the node has two anchors")
	}
	p.anchor = p.readName("an anchor (&)")
	return true
}

// readAlias reads an alias. Errors omit its name, because it may be a password that was meant as
// text.
func (p *parser) readAlias() bool {
	if p.in[p.pos] != '*' {
		return false
	}
	line, column := p.computePosition(p.pos)
	name := p.readName("an alias (*)")
	target, known := p.anchors[name]
	if !known {
		p.failWith(
			&SyntaxError{line, column, "an alias (*name) without an anchor (&name) before it; quote text that starts with *"},
		)
	}
	p.aliases++
	n := p.newNode(yaml.AliasNode, "", line, column)
	n.Alias = target
	p.node = n
	p.skipSpace(true)
	return true
}

func (p *parser) setAnchor(name string, n *yaml.Node) {
	if name == "" {
		return
	}
	if p.anchors == nil {
		p.anchors = map[string]*yaml.Node{}
	}
	p.journal = append(p.journal, replaced{name, p.anchors[name]})
	p.anchors[name] = n
	n.Anchor = name
}

// undoAnchors reverts the calls of setAnchor since the journal had the given length.
func (p *parser) undoAnchors(length int) {
	for i := len(p.journal) - 1; i >= length; i-- {
		if was := p.journal[i]; was.node == nil {
			delete(p.anchors, was.name)
		} else {
			p.anchors[was.name] = was.node
		}
	}
	p.journal = p.journal[:length]
}
