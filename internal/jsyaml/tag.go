// SPDX-License-Identifier: Apache-2.0

package jsyaml

import (
	"slices"
)

const (
	tagPrefix = "tag:yaml.org,2002:"
	mergeTag  = tagPrefix + "merge"
	// unresolved is the tag of a plain text of which the type is not known yet.
	unresolved = "?"
)

// yamlType is a type that a tag names.
type yamlType struct {
	name string // behind tagPrefix
	kind string
	// convert makes the value of a node, which may be null; not ok refuses the node.
	// nil takes every node as it is.
	convert func(node *Value) (value *Value, ok bool)
	// implicit types are found without a tag.
	implicit bool
}

// yamlTypes are those of js-yaml's default schema, the implicit ones in their order.
func yamlTypes() []yamlType {
	return []yamlType{
		{"null", scalarKind, convertNull, true},
		{"bool", scalarKind, convertBool, true},
		{"int", scalarKind, convertInt, true},
		{"float", scalarKind, convertFloat, true},
		{"timestamp", scalarKind, convertTime, true},
		{"merge", scalarKind, convertMerge, true},
		{"str", scalarKind, orEmpty(String), false},
		{"binary", scalarKind, convertBinary, false},
		{"seq", sequenceKind, orEmpty(Sequence), false},
		{"omap", sequenceKind, convertOrdered, false},
		{"pairs", sequenceKind, convertPairs, false},
		{"map", mappingKind, orEmpty(Mapping), false},
		{"set", mappingKind, convertSet, false},
	}
}

// resolveTag makes the last node's value of its text and tag.
func (p *parser) resolveTag() {
	switch p.tag {
	case "":
		if p.anchor != "" {
			p.anchors[p.anchor] = p.result
		}
	case unresolved:
		if p.result != nil && p.kind != scalarKind {
			p.fail(`unacceptable node kind for !<?> tag; it should be "scalar", not ` + quote(p.kind))
		}
		p.resolveImplicit()
	case "!":
	default:
		p.resolveExplicit()
	}
}

func (p *parser) resolveImplicit() {
	if p.result != nil && !mayBeTyped(p.result.Text) {
		return
	}
	for _, t := range p.known {
		if !t.implicit {
			continue
		}
		if value, ok := t.convert(p.result); ok {
			p.setResult(value)
			p.tag = tagPrefix + t.name
			return
		}
	}
}

// mayBeTyped reports whether a text can be anything but a text, by its first byte.
func mayBeTyped(text string) bool {
	if text == "" {
		return false
	}
	switch c := text[0]; {
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == '~', c == '<':
		return true
	case c == 'n' || c == 'N' || c == 't' || c == 'T' || c == 'f' || c == 'F':
		return len(text) <= len("false")
	}
	return false
}

func (p *parser) resolveExplicit() {
	types := p.known
	at := slices.IndexFunc(types, func(t yamlType) bool {
		return tagPrefix+t.name == p.tag && (p.kind == "" || t.kind == p.kind)
	})
	if at < 0 {
		p.fail("unknown tag !<" + p.tag + ">")
	}
	value := p.result
	if convert := types[at].convert; convert != nil {
		var ok bool
		if value, ok = convert(p.result); !ok {
			p.fail("cannot resolve a node with !<" + p.tag + "> explicit tag")
		}
	}
	p.setResult(value)
}

// setResult replaces the result by what it is converted to, at the same place.
func (p *parser) setResult(value *Value) {
	if value != nil && p.result != nil && value != p.result {
		value.Line = p.result.Line
		value.Column = p.result.Column
	} else if value != nil && value != p.result {
		value.Line, value.Column = p.place(p.mark())
	}
	p.result = value
	if p.anchor != "" {
		p.anchors[p.anchor] = value
	}
}

// orEmpty takes a node as it is, and null for an empty value.
func orEmpty(kind Kind) func(*Value) (*Value, bool) {
	return func(node *Value) (*Value, bool) {
		if node.IsNull() {
			node = &Value{Kind: kind}
		}
		return node, true
	}
}

func convertMerge(node *Value) (*Value, bool) {
	return node, node.IsNull() || node.Text == "<<"
}

// convertOrdered checks a list of mappings of one pair, whose keys differ.
func convertOrdered(node *Value) (*Value, bool) {
	if node.IsNull() {
		return NewSequence(), true
	}
	seen := map[string]bool{}
	for _, item := range node.Items {
		if item.Kind != Mapping || len(item.Pairs) != 1 || seen[item.Pairs[0].Key] {
			return nil, false
		}
		seen[item.Pairs[0].Key] = true
	}
	return node, true
}

// convertPairs makes lists of key and value of mappings of one pair.
func convertPairs(node *Value) (*Value, bool) {
	list := NewSequence()
	if node.IsNull() {
		return list, true
	}
	for _, item := range node.Items {
		if item.Kind != Mapping || len(item.Pairs) != 1 {
			return nil, false
		}
		pair := item.Pairs[0]
		key := &Value{Kind: String, Text: pair.Key, Line: pair.Line, Column: pair.Column}
		both := &Value{Kind: Sequence, Items: []*Value{key, pair.Value}, Line: item.Line, Column: item.Column}
		list.Items = append(list.Items, both)
	}
	return list, true
}

func convertSet(node *Value) (*Value, bool) {
	if node.IsNull() {
		return NewMapping(), true
	}
	for _, pair := range node.Pairs {
		if !pair.Value.IsNull() {
			return nil, false
		}
	}
	return node, true
}
