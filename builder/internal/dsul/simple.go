// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"strings"
)

// readSimple parses the subset of YAML in which the platform writes nearly all files, ten times as
// fast as a YAML library: block mappings and sequences; scalars on one line, plain or quoted, or as
// literal and folded blocks; {} and []. It returns false for anything else. FuzzSimple compares it
// with the library.
func (t *tree) readSimple(data []byte) bool {
	s := simpleReader{tree: t, rest: data}
	for len(s.rest) > 0 {
		if !s.readLine() {
			return false
		}
	}
	return len(s.levels) > 0
}

// level is an open mapping or sequence.
type level struct {
	indent int
	id     nodeID
}

type simpleReader struct {
	*tree
	rest   []byte
	number int
	levels []level
	// pending is a value that may be a mapping or sequence on the following lines.
	pending nodeID
}

// nextLine returns the next line and its indentation.
func (s *simpleReader) nextLine() (line []byte, indent int) {
	line, s.rest, _ = bytes.Cut(s.rest, []byte{'\n'})
	s.number++
	return line, len(line) - len(bytes.TrimLeft(line, " "))
}

// readLine reads one line outside of block scalars.
func (s *simpleReader) readLine() bool {
	line, indent := s.nextLine()
	text := line[indent:]
	if len(text) == 0 || text[0] == '#' {
		return true
	}
	if text[len(text)-1] <= ' ' || bytes.IndexByte(text, '\t') >= 0 {
		return false
	}
	if len(s.levels) >= maxDepth || len(s.nodes) > maxNodes {
		return false
	}
	parent := nodeID(-1)
	for len(text) > 1 && text[0] == '-' && text[1] == ' ' {
		if parent = s.openCollection(parent, indent, sequence); parent < 0 {
			return false
		}
		inner := bytes.TrimLeft(text[2:], " ")
		if len(inner) == 0 || inner[0] == '#' {
			return false
		}
		indent += len(text) - len(inner)
		text = inner
	}
	key, value, ok := splitKey(text)
	if !ok {
		return parent >= 0 && s.readValue(parent, nil, text, indent)
	}
	if parent = s.openCollection(parent, indent, mapping); parent < 0 {
		return false
	}
	return s.readValue(parent, key, value, indent)
}

// openCollection returns the mapping or sequence that a key or item at the indentation belongs to, and
// creates it if necessary. in is the sequence whose item starts on the same line, or -1. It returns
// -1 if nothing can start here.
func (s *simpleReader) openCollection(in nodeID, indent int, k kind) nodeID {
	pending := s.pending
	s.pending = 0
	if in >= 0 {
		return s.pushLevel(s.addNode(in, node{
			line:   clampPosition(s.number),
			column: clampPosition(indent + 1),
		}), indent, k)
	}
	if len(s.levels) == 0 {
		if indent != 0 {
			return -1
		}
		return s.pushLevel(s.addNode(0, node{line: clampPosition(s.number), column: 1}), indent, k)
	}
	top := s.levels[len(s.levels)-1]
	// A sequence may have the indentation of its key.
	beside := k == sequence && indent == top.indent && s.nodes[top.id].kind == mapping
	if pending != 0 && (indent > top.indent || beside) {
		return s.pushLevel(pending, indent, k)
	}
	for top.indent > indent || top.indent == indent && s.nodes[top.id].kind != k {
		if s.levels = s.levels[:len(s.levels)-1]; len(s.levels) == 0 {
			return -1
		}
		top = s.levels[len(s.levels)-1]
	}
	if top.indent != indent {
		return -1
	}
	return top.id
}

func (s *simpleReader) pushLevel(id nodeID, indent int, k kind) nodeID {
	s.nodes[id].kind = k
	s.levels = append(s.levels, level{indent, id})
	return id
}

// readValue reads the value of a key or item that starts on this line.
func (s *simpleReader) readValue(parent nodeID, key, text []byte, indent int) bool {
	n := node{key: key, line: clampPosition(s.number), column: clampPosition(indent + 1)}
	switch {
	case len(text) == 0:
		s.pending = s.addNode(parent, n)
		return true
	case text[0] == '|' || text[0] == '>':
		if len(text) > 2 || len(text) == 2 && text[1] != '-' && text[1] != '+' {
			return false
		}
		block, ok := s.readBlockScalar(s.levels[len(s.levels)-1].indent)
		n.value = block
		s.addNode(parent, n)
		return ok
	case string(text) == "{}":
		n.kind = mapping
	case string(text) == "[]":
		n.kind = sequence
	case text[0] == '\'':
		inner, ok := unquote(text)
		if !ok {
			return false
		}
		n.value = inner
	case text[0] == '"':
		inner := bytes.TrimSuffix(text[1:], []byte{'"'})
		if len(inner) != len(text)-2 || bytes.ContainsAny(inner, `"\`) {
			return false
		}
		n.value = inner
	case !isPlain(text):
		return false
	case string(text) != "null" && string(text) != "~":
		n.value = text
	}
	s.addNode(parent, n)
	return true
}

// unquote returns the content of single quotes.
func unquote(text []byte) ([]byte, bool) {
	if len(text) < 2 || text[len(text)-1] != '\'' {
		return nil, false
	}
	inner := text[1 : len(text)-1]
	if bytes.IndexByte(inner, '\'') < 0 {
		return inner, true
	}
	if bytes.IndexByte(bytes.ReplaceAll(inner, []byte("''"), nil), '\'') >= 0 {
		return nil, false
	}
	return bytes.ReplaceAll(inner, []byte("''"), []byte("'")), true
}

// isPlain reports whether the text is an unquoted scalar on a single line.
func isPlain(text []byte) bool {
	c := text[0]
	number := c == '-' && len(text) > 1 && text[1] != ' '
	if !number && !isAlphanumeric(c) && c < 0x80 && strings.IndexByte("/<($.+=^;\\", c) < 0 {
		return false
	}
	return text[len(text)-1] != ':' && !bytes.Contains(text, []byte(": ")) && !bytes.Contains(text, []byte(" #"))
}

func isAlphanumeric(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// splitKey splits "key: value". It returns false unless the key is plain or quoted in its simple
// form.
func splitKey(text []byte) (key, value []byte, ok bool) {
	if c := text[0]; c == '\'' || c == '"' {
		end := bytes.Index(text[1:], []byte{c, ':'}) + 1
		if end < 1 {
			return nil, nil, false
		}
		key = text[1:end]
		value = text[end+2:]
		if bytes.IndexByte(key, c) >= 0 || c == '"' && bytes.IndexByte(key, '\\') >= 0 {
			return nil, nil, false
		}
	} else {
		end := bytes.IndexByte(text, ':')
		for end > 0 && end+1 < len(text) && text[end+1] != ' ' {
			more := bytes.IndexByte(text[end+1:], ':')
			if more < 0 {
				return nil, nil, false
			}
			end += more + 1
		}
		if end <= 0 || !isPlain(text[:end]) || text[end-1] == ' ' {
			return nil, nil, false
		}
		key = text[:end]
		value = text[end+1:]
	}
	if len(value) > 0 && value[0] != ' ' || len(key) > 1000 || string(key) == "<<" {
		return nil, nil, false
	}
	value = bytes.TrimLeft(value, " ")
	return key, value, len(value) == 0 || value[0] != '#'
}

// readBlockScalar reads a block scalar, whose first line sets the indentation.
func (s *simpleReader) readBlockScalar(parent int) ([]byte, bool) {
	start := s.rest
	inner := 0
	for len(s.rest) > 0 {
		before := s.rest
		number := s.number
		line, indent := s.nextLine()
		blank := indent == len(line)
		switch {
		case blank && (inner > 0 || len(line) == 0):
		case blank:
			return nil, false
		case inner == 0 && indent > parent:
			inner = indent
		case inner > 0 && indent >= inner:
		default:
			s.rest = before
			s.number = number
			return start[:len(start)-len(before)], indent <= parent
		}
	}
	return start, true
}
