// SPDX-License-Identifier: Apache-2.0

// Package yamltree reads YAML as the platform does, with js-yaml 4: what that
// library refuses is an error here, and what it takes is taken with the value
// that it would have in JavaScript.
//
// The grammar follows the loader of js-yaml 4.1.0, which the platform locks (its MIT
// licence is in the file LICENSE). Where js-yaml 4.3.2 differs, which the platform
// gets without its lock file, a [Note] or a limit says so.
package yamltree

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits bound a document. All of them must be set.
type Limits struct {
	// Nodes is the number of nodes, an alias counted as one.
	Nodes int
	// Depth is the number of nodes within each other.
	Depth int
	// Scalar is the size of one scalar in bytes.
	Scalar int
}

// LimitError says which limit a document exceeds.
type LimitError struct {
	// What is counted, such as "bytes".
	What string
	Max  int
	// Line and Column are 0 when the document as a whole exceeds the limit.
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

// DocumentsError is a second document, at its line.
type DocumentsError struct{ Line int }

func (e *DocumentsError) Error() string { return "the file holds more than one YAML document" }

// NoteKind says what a note is about.
type NoteKind int

// The kinds of notes.
const (
	// DuplicateKey is a key that the mapping already has. js-yaml refuses it;
	// this package goes on, so that all of them are found.
	DuplicateKey NoteKind = iota
	// MappingKey is a mapping as a key, as {{x}} is without quotes. JavaScript
	// makes it "[object Object]".
	MappingKey
	// SequenceKey is a list as a key. JavaScript joins its items by commas.
	SequenceKey
	// PropertyBeforeKey is an anchor or a tag before the first key of a block
	// mapping, on its line. js-yaml 4.1 refuses it, later versions take it.
	PropertyBeforeKey
	// ByteOrderMark is U+FEFF at the start of a plain text: it becomes part of it.
	ByteOrderMark
)

// Note is something at a place of a document that js-yaml takes, or that does
// not keep this package from reading on.
type Note struct {
	Kind         NoteKind
	Line, Column int
	// Key is the key as JavaScript has it.
	Key string
	// First is the line of the key that a duplicate repeats.
	First int
}

// Document is a document that was read.
type Document struct {
	// Root is nil for a document without content. Its nodes have the tags that
	// js-yaml gives them, in the short form (!!str), and aliases are not expanded.
	// The values share memory with a copy of the document.
	Root  *yaml.Node
	Notes []Note
	// Aliases is the number of aliases in it.
	Aliases int
}

// Parse reads the only document of data, which is valid UTF-8. The error is a
// *SyntaxError, a *LimitError or a *DocumentsError.
func Parse(data []byte, limits Limits) (doc *Document, err error) {
	p := newParser(data, limits)
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
	p.refuseNUL()
	for p.in[p.pos] == ' ' {
		p.lineIndent++
		p.pos++
	}
	for count := 0; p.pos < p.end; count++ {
		if count == 1 {
			p.fail(&DocumentsError{Line: p.line + 1})
		}
		p.readDocument()
	}
	return &Document{Root: p.root, Notes: p.notes, Aliases: p.aliases}, nil
}

// failure carries an error from the depth of the recursion to Parse.
type failure struct{ error }

// parser is the state of reading. As in js-yaml, the result of the latest node
// is in the state: tag, anchor, kind and node.
type parser struct {
	// in is the document, a line feed, and a NUL at the index end.
	in  string
	end int
	// ascii is set if all characters are ASCII, clean if none needs a look: see printable.
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
	// journal holds what the latest changes of anchors replaced.
	journal []replaced

	depth, nodes, aliases int
	// merged counts the keys that merge keys have copied.
	merged int
	sizes  map[*yaml.Node]int
	// keys are those of the mappings that are being read, as JavaScript has them.
	keys []key

	notes []Note
	slab  []yaml.Node
	buf   []byte
	// The place for which the column was computed last.
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
	data = trimMark(data)
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

// classify reports whether a text is ASCII, and whether no character of it is
// one that YAML restricts.
func classify(s string) (ascii, clean bool) {
	ascii = true
	clean = true
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
		} else if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			clean = false
		}
	}
	if !ascii {
		clean = clean && strings.IndexFunc(s, unprintable) < 0
	}
	return ascii, clean
}

// byteOrderMark is U+FEFF.
const byteOrderMark = "\ufeff"

func trimMark(data []byte) []byte {
	if len(data) >= len(byteOrderMark) && string(data[:len(byteOrderMark)]) == byteOrderMark {
		return data[len(byteOrderMark):]
	}
	return data
}

func (p *parser) refuseNUL() {
	nul := strings.IndexByte(p.in, 0)
	if nul == p.end {
		return
	}
	p.line = strings.Count(p.in[:nul], "\n")
	p.lineStart = strings.LastIndexByte(p.in[:nul], '\n') + 1
	p.pos = nul
	p.syntax("a NUL character is not allowed")
}

func (p *parser) fail(err error) { panic(failure{err}) }

// syntax fails at the current place.
func (p *parser) syntax(format string, args ...any) {
	line, column := p.place(p.pos)
	p.fail(&SyntaxError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func (p *parser) limit(what string, limit int) {
	line, column := p.place(p.pos)
	p.fail(&LimitError{What: what, Max: limit, Line: line, Column: column})
}

// place returns the line and the column of a position on the current line.
func (p *parser) place(pos int) (line, column int) {
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

// peek returns a byte after the current one, or 0 at the end.
func (p *parser) peek(n int) byte {
	if p.pos+n >= p.end {
		return 0
	}
	return p.in[p.pos+n]
}

// slabSize is the number of nodes that are allocated at a time.
const slabSize = 32

func (p *parser) newNode(kind yaml.Kind, tag string, line, column int) *yaml.Node {
	p.nodes++
	if p.nodes > p.limits.Nodes {
		p.limit("YAML nodes", p.limits.Nodes)
	}
	if len(p.slab) == 0 {
		p.slab = make([]yaml.Node, slabSize)
	}
	n := &p.slab[0]
	p.slab = p.slab[1:]
	n.Kind = kind
	n.Tag = tag
	n.Line = line
	n.Column = column
	return n
}

// orNull returns a node, or a null at the current place.
func (p *parser) orNull(n *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	line, column := p.place(p.pos)
	return p.newNode(yaml.ScalarNode, tagNull, line, column)
}

func (p *parser) note(kind NoteKind, at *yaml.Node, key string, first int) {
	p.notes = append(p.notes, Note{Kind: kind, Line: at.Line, Column: at.Column, Key: key, First: first})
}
