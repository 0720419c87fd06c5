// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Bounds of what skim accepts, below every limit of the parser.
const (
	skimDepth = 40
	skimKeys  = 64
	skimKey   = 128
)

// skim reads YAML of the simple form in which the platform writes nearly all
// of its files, ten times as fast as the parser. It returns false, without a
// verdict, for anything else: what it accepts is well-formed, has no duplicate
// key, no alias and no tag, and exceeds no limit. FuzzSkim holds it to that.
//
// The form: block mappings and sequences; scalars on one line, plain or in
// single quotes, or as literal and folded blocks; {} and [].
func skim(data []byte, limits Limits) (fileFacts, bool) {
	// A byte makes one node at most, so that those of a small file need no counting.
	tooMany := len(data) > limits.Nodes/4 && mayHaveNodes(data) > limits.Nodes/4
	if len(data) > min(limits.FileSize, limits.ScalarSize) || tooMany || !plainText(data) {
		return fileFacts{}, false
	}
	s := skimmer{rest: data, depth: min(skimDepth, limits.Depth-1)}
	for len(s.rest) > 0 {
		if !s.line() {
			return fileFacts{}, false
		}
	}
	return s.facts, len(s.levels) > 0
}

// plainText reports whether the bytes are UTF-8 without tabs, control
// characters, byte order marks, or line breaks other than the line feed.
func plainText(data []byte) bool {
	ascii := true
	for _, b := range data {
		if b < ' ' && b != '\n' || b == 0x7f {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	return ascii || utf8.Valid(data) && !bytes.ContainsFunc(data, special)
}

func special(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r >= 0xfffe && r <= 0xffff
}

// level is a mapping or sequence that is open.
type level struct {
	indent   int
	sequence bool
	keys     [][]byte
}

type skimmer struct {
	rest []byte
	// current is the line outside of block scalars, and its number.
	current []byte
	number  int
	levels  []level
	depth   int
	// pending is set after a key without a value, which may be on the next line.
	pending bool
	facts   fileFacts
}

// next takes a line off the rest, and returns it with its indentation.
func (s *skimmer) next() (line []byte, indent int) {
	line, s.rest, _ = bytes.Cut(s.rest, []byte{'\n'})
	s.number++
	return line, len(line) - len(bytes.TrimLeft(line, " "))
}

// line reads one line outside of block scalars.
func (s *skimmer) line() bool {
	line, indent := s.next()
	s.current = line
	text := line[indent:]
	switch {
	case len(text) == 0 || text[0] == '#':
		return true
	case text[len(text)-1] == ' ':
		return false
	}
	inItem := false
	for bytes.HasPrefix(text, []byte("- ")) {
		if !s.item(indent, inItem) {
			return false
		}
		inner := bytes.TrimLeft(text[2:], " ")
		indent += len(text) - len(inner)
		text, inItem = inner, true
	}
	if key, value := splitKey(text); len(key) > 0 {
		return s.key(key, indent, inItem) && s.value(value, indent, true)
	}
	return inItem && s.value(text, s.top().indent, false)
}

// top is the innermost level.
func (s *skimmer) top() *level { return &s.levels[len(s.levels)-1] }

func (s *skimmer) push(indent int, sequence bool) bool {
	n := len(s.levels)
	s.levels = slices.Grow(s.levels, 1)[:n+1]
	// The room for keys is that of an earlier level at this depth, if there was one.
	s.levels[n] = level{indent: indent, sequence: sequence, keys: s.levels[n].keys[:0]}
	return len(s.levels) < s.depth
}

// opens reports whether a node may begin at the indentation: as the root, or
// as the value of the key on the line before.
func (s *skimmer) opens(indent, least int) bool {
	if len(s.levels) == 0 {
		return indent == 0
	}
	return s.pending && indent >= s.top().indent+least
}

// item takes one "- ". A sequence may stand at the indentation of its key.
func (s *skimmer) item(indent int, inItem bool) bool {
	opens := inItem || s.opens(indent, 0)
	s.pending = false
	if opens && (inItem || len(s.levels) == 0 || !s.top().sequence) {
		return s.push(indent, true)
	}
	for len(s.levels) > 0 && s.top().indent > indent {
		s.levels = s.levels[:len(s.levels)-1]
	}
	return len(s.levels) > 0 && s.top().sequence && s.top().indent == indent
}

// key takes the key of a mapping, which may begin with it.
func (s *skimmer) key(key []byte, indent int, inItem bool) bool {
	opens := inItem || s.opens(indent, 1)
	s.pending = false
	if opens {
		if !s.push(indent, false) {
			return false
		}
	} else {
		for len(s.levels) > 0 && (s.top().indent > indent || s.top().indent == indent && s.top().sequence) {
			s.levels = s.levels[:len(s.levels)-1]
		}
		if len(s.levels) == 0 || s.top().indent != indent {
			return false
		}
	}
	top := s.top()
	if len(top.keys) == skimKeys || slices.ContainsFunc(top.keys, func(k []byte) bool { return bytes.Equal(k, key) }) {
		return false
	}
	top.keys = append(top.keys, key)
	return true
}

// splitKey splits "key: value". It returns no key if the text has none in the
// simple form: plain, or in single quotes.
func splitKey(text []byte) (key, value []byte) {
	if bytes.HasPrefix(text, []byte("'")) {
		key, value, found := bytes.Cut(text[1:], []byte("'"))
		if !found || len(key) > skimKey || !bytes.HasPrefix(value, []byte(":")) || len(value) > 1 && value[1] != ' ' {
			return nil, nil
		}
		return key, bytes.TrimLeft(value[1:], " ")
	}
	for i, b := range text {
		switch {
		case b == ':' && i > 0 && (i+1 == len(text) || text[i+1] == ' '):
			if i > skimKey || text[i-1] == ' ' {
				return nil, nil
			}
			return text[:i], bytes.TrimLeft(text[i+1:], " ")
		case alphanumeric(b) || b == '$':
		case i > 0 && (b == ' ' || b == '-' || b == '.' || b == '/' || b == ':'):
		default:
			return nil, nil
		}
	}
	return nil, nil
}

func alphanumeric(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// value reads the value of a key, or of a sequence's item, whose mapping or
// sequence has the indentation.
func (s *skimmer) value(text []byte, indent int, ofKey bool) bool {
	switch {
	case len(text) == 0:
		s.pending = ofKey
		return ofKey && s.fact(nil, true)
	case text[0] == '|' || text[0] == '>':
		chomped := len(text) == 2 && (text[1] == '-' || text[1] == '+')
		return (len(text) == 1 || chomped) && s.fact(nil, ofKey) && s.block(indent)
	case text[0] == '\'':
		return quoted(text) && s.fact(text, ofKey)
	case string(text) == "{}" || string(text) == "[]":
		return s.fact(nil, ofKey)
	}
	return plain(text) && s.fact(text, ofKey)
}

// quoted reports whether the text is one scalar in single quotes.
func quoted(text []byte) bool {
	inner := bytes.ReplaceAll(text[1:], []byte("''"), nil)
	return bytes.IndexByte(inner, '\'') == len(inner)-1 && len(inner) > 0
}

// plain reports whether the text is one scalar without quotes.
func plain(text []byte) bool {
	return (alphanumeric(text[0]) || text[0] >= 0x80 || bytes.IndexByte([]byte("/^<($"), text[0]) >= 0) &&
		text[len(text)-1] != ':' && !bytes.Contains(text, []byte(": ")) && !bytes.Contains(text, []byte(" #"))
}

// block skips a block scalar. Its first line sets the indentation.
func (s *skimmer) block(parent int) bool {
	inner := 0
	for len(s.rest) > 0 {
		before, number := s.rest, s.number
		line, indent := s.next()
		blank := indent == len(line)
		switch {
		case blank && (inner > 0 || len(line) == 0):
		case blank:
			return false
		case inner == 0 && indent > parent:
			inner = indent
		case inner > 0 && indent >= inner:
		default:
			s.rest, s.number = before, number
			return indent <= parent
		}
	}
	return true
}

// fact keeps the value of slug and appSlug of the root. It is false for a
// value that may be other than text.
func (s *skimmer) fact(value []byte, ofKey bool) bool {
	if !ofKey || len(s.levels) != 1 {
		return true
	}
	target := map[string]*Text{"slug": &s.facts.slug, "appSlug": &s.facts.appSlug}[string(s.top().keys[len(s.top().keys)-1])]
	if target == nil {
		return true
	}
	if len(value) < 2 || value[0] < 'A' || value[0] > 'z' || ambiguous(string(value)) {
		return false
	}
	column := utf8.RuneCount(s.current[:len(s.current)-len(value)]) + 1
	*target = Text{Value: string(value), At: Position{Line: s.number, Column: column}}
	return true
}

// ambiguous reports words that YAML reads as other than text.
func ambiguous(word string) bool {
	return slices.Contains([]string{"true", "false", "null"}, string(bytes.ToLower([]byte(word))))
}
