// SPDX-License-Identifier: Apache-2.0

package jsyaml

import "strconv"

// mappingKey is a key that has been read.
type mappingKey struct {
	node *Value // nil is null
	tag  string
	mark mark
}

// newKey returns the last node as a key.
func (p *parser) newKey(begin mark) mappingKey {
	return mappingKey{node: p.result, tag: p.tag, mark: begin}
}

// overridable holds the keys of a mapping that a merge key has brought, which the
// mapping's own may replace.
type overridable map[string]bool

// store adds a pair to a mapping. A nil value is null.
func (p *parser) store(into *Value, merged overridable, key mappingKey, value *Value) {
	name := p.keyText(key.node)
	if key.tag == mergeTag {
		p.merge(into, merged, value)
		return
	}
	if !merged[name] && into.Has(name) {
		p.restore(key.mark)
		p.fail("duplicated mapping key")
	}
	line, column := p.place(key.mark)
	into.put(Pair{Key: name, Value: p.orNull(value), Line: line, Column: column})
	delete(merged, name)
}

// restore goes back to a key, as far as js-yaml does: not to the first line or byte.
func (p *parser) restore(m mark) {
	if m.line != 0 {
		p.line = m.line
	}
	if m.lineStart != 0 {
		p.lineStart = m.lineStart
	}
	if m.pos != 0 {
		p.pos = m.pos
	}
}

// keyText returns what a key is in JavaScript, where all keys are texts.
func (p *parser) keyText(key *Value) string {
	if key != nil && key.Kind == Sequence {
		for _, item := range key.Items {
			if item.Kind == Sequence {
				p.fail("nested arrays are not supported inside keys")
			}
		}
	}
	return key.String()
}

// merge does what "<<: source" means.
func (p *parser) merge(into *Value, merged overridable, source *Value) {
	if source == nil || source.Kind != Sequence {
		p.mergeOne(into, merged, source)
		return
	}
	for _, item := range source.Items {
		p.mergeOne(into, merged, item)
	}
}

func (p *parser) mergeOne(into *Value, merged overridable, source *Value) {
	pairs := []Pair{}
	switch {
	case source.IsNull(), source.Kind == Bool, source.Kind == Number, source.Kind == String:
		p.fail("cannot merge mappings; the provided source object is unacceptable")
	case source.Kind == Sequence:
		for i, item := range source.Items {
			pairs = append(pairs, Pair{Key: strconv.Itoa(i), Value: item, Line: item.Line, Column: item.Column})
		}
	default:
		pairs = source.Pairs
	}
	for _, pair := range pairs {
		if !into.Has(pair.Key) {
			into.put(pair)
			merged[pair.Key] = true
		}
	}
}
