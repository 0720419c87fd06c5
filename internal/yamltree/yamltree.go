// SPDX-License-Identifier: Apache-2.0

// Package yamltree parses YAML like the platform, which uses js-yaml 4. It rejects what that
// library rejects, and resolves all other values as in JavaScript.
//
// The grammar follows the loader of js-yaml 4.1.0, the version in the platform's lock file (its MIT
// licence is in the file LICENSE). Differences of js-yaml 4.3.2, which the platform gets without
// its lock file, are reported as a [Note] or a limit.
package yamltree

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits limits a document. All fields are required.
type Limits struct {
	// Nodes is the maximum number of nodes. An alias counts as one.
	Nodes int
	// Depth is the maximum nesting depth.
	Depth int
	// Scalar is the maximum size of a scalar, in bytes.
	Scalar int
}

// LimitError is returned for a document that exceeds a limit.
type LimitError struct {
	// What names the limited quantity, such as "bytes".
	What string
	Max  int
	// Line and Column are 0 if the document as a whole exceeds the limit.
	Line, Column int
}

func (e *LimitError) Error() string { return fmt.Sprintf("more than %d %s", e.Max, e.What) }

// SyntaxError is a mistake that js-yaml refuses. Line and column count from 1,
// columns in characters.
type SyntaxError struct {
	Line, Column int
	Message      string
}

func (e *SyntaxError) Error() string { return e.Message }

// DocumentsError is returned for a second document. Line is its first line.
type DocumentsError struct{ Line int }

func (e *DocumentsError) Error() string { return "the file holds more than one YAML document" }

// NoteKind is the kind of a note.
type NoteKind int

// Kinds of notes.
const (
	// DuplicateKey is a key that the mapping already has. js-yaml rejects it; this package
	// continues, to find all of them.
	DuplicateKey NoteKind = iota
	// MappingKey is a mapping as a key, such as {{x}} without quotes. In JavaScript it becomes
	// "[object Object]".
	MappingKey
	// SequenceKey is a list as a key. JavaScript joins its items with commas.
	SequenceKey
	// PropertyBeforeKey is an anchor or a tag on the line of the first key of a block mapping.
	// js-yaml 4.1 rejects it, later versions accept it.
	PropertyBeforeKey
	// ByteOrderMark is U+FEFF at the start of a plain text, of which it becomes a part.
	ByteOrderMark
	// InvisibleInKey is a plain key that has an invisible character, such as a no-break space,
	// where a space is expected. The character is part of the key.
	InvisibleInKey
)

// Note is an oddity of a document that is not a syntax error.
type Note struct {
	Kind         NoteKind
	Line, Column int
	// Key is the key as a JavaScript property name.
	Key string
	// First is the line of the first occurrence of a duplicate key.
	First int
}

// Document is a parsed document.
type Document struct {
	// Root is nil for a document without content. Its nodes have the short tags that js-yaml
	// assigns (!!str), and aliases are not expanded. The values share memory with a copy of the
	// document.
	Root  *yaml.Node
	Notes []Note
	// Aliases is the number of aliases in the document.
	Aliases int
}

// Parse parses the only document in data, which must be valid UTF-8. The error is a *SyntaxError, a
// *LimitError or a *DocumentsError.
func Parse(data []byte, limits Limits) (*Document, error) {
	return new(Parser).Parse(data, limits)
}

// Parser parses documents one after another, in the same memory. It is not safe for concurrent use.
// The zero value is ready to use.
type Parser struct {
	slab  slab[yaml.Node]
	lists slab[*yaml.Node]
	// keys holds the keys of all open mappings, as JavaScript property names.
	keys []key
	// buf holds the pieces of the current scalar.
	buf []byte
}

// Parse is like the function [Parse]. The next call overwrites the nodes of the document; its
// strings stay as they are.
func (r *Parser) Parse(data []byte, limits Limits) (doc *Document, err error) {
	r.slab.reset()
	r.lists.reset()
	p := newParser(data, limits)
	p.Parser = r
	r.keys = r.keys[:0]
	r.buf = r.buf[:0]
	defer func() {
		switch e := recover().(type) {
		case nil:
		case failure:
			doc = nil
			err = e.error
		default:
			panic(e)
		}
	}()
	p.rejectNUL()
	for p.in[p.pos] == ' ' {
		p.lineIndent++
		p.pos++
	}
	for count := 0; p.pos < p.end; count++ {
		if count == 1 {
			p.failWith(&DocumentsError{Line: p.line + 1})
		}
		p.readDocument()
	}
	return &Document{Root: p.root, Notes: p.notes, Aliases: p.aliases}, nil
}

// failure carries an error from the recursive parser to Parse.
type failure struct{ error }

// parser is the state of the parser. As in js-yaml, it holds the result of the last node: tag,
// anchor, kind and node.
type parser struct {
	*Parser
	// in is the document, a line feed, and a NUL at index end.
	in  string
	end int
	// ascii is true if all characters are ASCII, and clean if no character needs a check: see
	// printable.
	ascii, clean bool
	limits       Limits

	pos, line, lineStart int
	// lineIndent is the number of spaces at the start of the line.
	lineIndent int
	// tab is the position of the first tab in the indentation of the line, or -1.
	tab int

	tag, anchor string
	kind        yaml.Kind
	// node is nil for a node without content.
	node *yaml.Node

	root    *yaml.Node
	handles map[string]string
	version string
	anchors map[string]*yaml.Node
	// journal records the anchors that setAnchor replaced.
	journal []replaced

	depth, nodes, aliases int
	// merged is the number of keys copied by merge keys.
	merged int
	sizes  map[*yaml.Node]int

	notes []Note
	// Position of the last computed column.
	columnLine, columnPos, column int
}

type replaced struct {
	name string
	node *yaml.Node
}

type key struct {
	text string
	node *yaml.Node
}

func newParser(data []byte, limits Limits) *parser {
	data = trimByteOrderMark(data)
	var in strings.Builder
	in.Grow(len(data) + 2)
	in.Write(data)
	if n := len(data); n > 0 && data[n-1] != '\n' && data[n-1] != '\r' {
		in.WriteByte('\n')
	}
	in.WriteByte(0)
	p := &parser{in: in.String(), limits: limits, tab: -1, column: 1}
	p.end = len(p.in) - 1
	p.ascii, p.clean = classify(p.in[:p.end])
	return p
}

// classify reports whether a text is ASCII, and whether it has no characters that YAML restricts.
func classify(s string) (ascii, clean bool) {
	ascii = true
	clean = true
	for i := 0; i < len(s); {
		if i+8 <= len(s) && arePlain(s[i:i+8]) {
			i += 8
			continue
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
		} else if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			clean = false
		}
		i++
	}
	if !ascii {
		clean = clean && strings.IndexFunc(s, isUnprintable) < 0
	}
	return ascii, clean
}

// arePlain reports whether eight bytes are all from space to ~. The first wrong byte sets its high bit
// in word, below or above.
func arePlain(s string) bool {
	const ones = 0x0101010101010101
	_ = s[7]
	word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	below := word - ones*' '
	above := word + ones
	return (word|below|above)&(ones<<7) == 0
}

// byteOrderMark is U+FEFF.
const byteOrderMark = "\ufeff"

func trimByteOrderMark(data []byte) []byte {
	if len(data) >= len(byteOrderMark) && string(data[:len(byteOrderMark)]) == byteOrderMark {
		return data[len(byteOrderMark):]
	}
	return data
}

func (p *parser) rejectNUL() {
	nul := strings.IndexByte(p.in, 0)
	if nul == p.end {
		return
	}
	p.line = strings.Count(p.in[:nul], "\n")
	p.lineStart = strings.LastIndexByte(p.in[:nul], '\n') + 1
	p.pos = nul
	p.failSyntax("a NUL character is not allowed")
}

func (p *parser) failWith(err error) { panic(failure{err}) }

// failSyntax fails with a syntax error at the current position.
func (p *parser) failSyntax(format string, args ...any) {
	line, column := p.computePosition(p.pos)
	p.failWith(&SyntaxError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func (p *parser) failLimit(what string, limit int) {
	line, column := p.computePosition(p.pos)
	p.failWith(&LimitError{What: what, Max: limit, Line: line, Column: column})
}

// computePosition returns the line and column of a position on the current line.
func (p *parser) computePosition(pos int) (line, column int) {
	if p.ascii || pos < p.lineStart {
		return p.line + 1, max(pos-p.lineStart, 0) + 1
	}
	if p.columnLine != p.lineStart || pos < p.columnPos || p.columnPos < p.lineStart {
		p.columnLine = p.lineStart
		p.columnPos = p.lineStart
		p.column = 1
	}
	p.column += utf8.RuneCountInString(p.in[p.columnPos:pos])
	p.columnPos = pos
	return p.line + 1, p.column
}

// peekByte returns the byte n positions ahead, or 0 at the end.
func (p *parser) peekByte(n int) byte {
	if p.pos+n >= p.end {
		return 0
	}
	return p.in[p.pos+n]
}

func (p *parser) newNode(kind yaml.Kind, tag string, line, column int) *yaml.Node {
	p.nodes++
	if p.nodes > p.limits.Nodes {
		p.failLimit("YAML nodes", p.limits.Nodes)
	}
	n := &p.slab.take(1)[0]
	n.Kind = kind
	n.Tag = tag
	n.Line = line
	n.Column = column
	return n
}

// addContent adds children to a collection.
func (p *parser) addContent(n *yaml.Node, children ...*yaml.Node) {
	if size := len(n.Content) + len(children); size > cap(n.Content) {
		grown := p.lists.take(max(2*size, 4))
		n.Content = grown[:copy(grown, n.Content)]
	}
	n.Content = append(n.Content, children...)
}

// nodeOrNull returns n, or a null node at the current position if n is nil.
func (p *parser) nodeOrNull(n *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	line, column := p.computePosition(p.pos)
	return p.newNode(yaml.ScalarNode, tagNull, line, column)
}

func (p *parser) addNote(kind NoteKind, at *yaml.Node, key string, first int) {
	p.notes = append(p.notes, Note{Kind: kind, Line: at.Line, Column: at.Column, Key: key, First: first})
}
