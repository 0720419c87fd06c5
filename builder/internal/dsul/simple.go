// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"strings"
)

// readSimple reads the form in which the platform writes nearly all of its files, ten times
// as fast as a YAML library: block mappings and sequences; scalars on one line, plain or in
// quotes, or as literal and folded blocks; {} and []. It returns false for anything else.
// FuzzSimple holds it to what the library reads.
func (t *tree) readSimple(data []byte) bool {
	s := simple{tree: t, rest: data}
	for len(s.rest) > 0 {
		if !s.line() {
			return false
		}
	}
	return len(s.levels) > 0
}

// level is a mapping or sequence that is open.
type level struct {
	indent int
	id     nodeID
}

type simple struct {
	*tree
	rest   []byte
	number int
	levels []level
	// pending is a value that may be a mapping or a sequence on the lines that follow.
	pending nodeID
}

// next takes a line off the rest, and returns it with its indentation.
func (s *simple) next() (line []byte, indent int) {
	line, s.rest, _ = bytes.Cut(s.rest, []byte{'\n'})
	s.number++
	return line, len(line) - len(bytes.TrimLeft(line, " "))
}

// line reads one line outside of block scalars.
func (s *simple) line() bool {
	line, indent := s.next()
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
		if parent = s.open(parent, indent, sequence); parent < 0 {
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
		return parent >= 0 && s.value(parent, nil, text, indent)
	}
	if parent = s.open(parent, indent, mapping); parent < 0 {
		return false
	}
	return s.value(parent, key, value, indent)
}

// open returns the mapping or sequence that a key or an item at the indentation belongs to,
// which may begin with it. In is the sequence whose item begins on the same line, or -1. The
// result is -1 if nothing can begin here.
func (s *simple) open(in nodeID, indent int, k kind) nodeID {
	pending := s.pending
	s.pending = 0
	if in >= 0 {
		return s.push(s.add(in, node{line: position(s.number), column: position(indent + 1)}), indent, k)
	}
	if len(s.levels) == 0 {
		if indent != 0 {
			return -1
		}
		return s.push(s.add(0, node{line: position(s.number), column: 1}), indent, k)
	}
	top := s.levels[len(s.levels)-1]
	// A sequence may stand at the indentation of its key.
	beside := k == sequence && indent == top.indent && s.nodes[top.id].kind == mapping
	if pending != 0 && (indent > top.indent || beside) {
		return s.push(pending, indent, k)
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

func (s *simple) push(id nodeID, indent int, k kind) nodeID {
	s.nodes[id].kind = k
	s.levels = append(s.levels, level{indent, id})
	return id
}

// value reads the value of a key or of an item, which begins on this line.
func (s *simple) value(parent nodeID, key, text []byte, indent int) bool {
	n := node{key: key, line: position(s.number), column: position(indent + 1)}
	switch {
	case len(text) == 0:
		s.pending = s.add(parent, n)
		return true
	case text[0] == '|' || text[0] == '>':
		if len(text) > 2 || len(text) == 2 && text[1] != '-' && text[1] != '+' {
			return false
		}
		block, ok := s.block(s.levels[len(s.levels)-1].indent)
		n.value = block
		s.add(parent, n)
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
	case !plain(text):
		return false
	case string(text) != "null" && string(text) != "~":
		n.value = text
	}
	s.add(parent, n)
	return true
}

// unquote returns what stands in single quotes.
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

// plain reports whether the text is one scalar without quotes that needs no more lines.
func plain(text []byte) bool {
	c := text[0]
	number := c == '-' && len(text) > 1 && text[1] != ' '
	if !number && !alphanumeric(c) && c < 0x80 && strings.IndexByte("/<($.+=^;\\", c) < 0 {
		return false
	}
	return text[len(text)-1] != ':' && !bytes.Contains(text, []byte(": ")) && !bytes.Contains(text, []byte(" #"))
}

func alphanumeric(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// splitKey splits "key: value". It returns false if the text has no key in the simple form:
// plain, or in single or double quotes.
func splitKey(text []byte) (key, value []byte, ok bool) {
	if c := text[0]; c == '\'' || c == '"' {
		end := bytes.Index(text[1:], []byte{c, ':'}) + 1
		if end < 1 {
			return nil, nil, false
		}
		key, value = text[1:end], text[end+2:]
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
		if end <= 0 || !plain(text[:end]) || text[end-1] == ' ' {
			return nil, nil, false
		}
		key, value = text[:end], text[end+1:]
	}
	if len(value) > 0 && value[0] != ' ' || len(key) > 1000 || string(key) == "<<" {
		return nil, nil, false
	}
	value = bytes.TrimLeft(value, " ")
	return key, value, len(value) == 0 || value[0] != '#'
}

// block reads a block scalar, whose first line sets the indentation.
func (s *simple) block(parent int) ([]byte, bool) {
	start := s.rest
	inner := 0
	for len(s.rest) > 0 {
		before := s.rest
		number := s.number
		line, indent := s.next()
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
