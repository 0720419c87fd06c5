// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"math"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// entry is an entry of a mapping, or an item of a list, which has no key. Its strings share memory
// with the file.
type entry struct{ key, value *yaml.Node }

// name returns the key as JavaScript reads it; "" without one.
func (e entry) name() string {
	if e.key == nil {
		return ""
	}
	return yamltree.KeyText(e.key)
}

// position returns the position of the key in a mapping, else of the value.
func (e entry) position() position {
	n := e.key
	if n == nil {
		n = e.value
	}
	return position{clampPosition(n.Line), clampPosition(n.Column)}
}

// text returns a scalar value; "" for null and for collections.
func (e entry) text() string { return textOf(e.value) }

func (e entry) isScalar() bool   { return isKind(e.value, yaml.ScalarNode) }
func (e entry) isMapping() bool  { return isKind(e.value, yaml.MappingNode) }
func (e entry) isSequence() bool { return isKind(e.value, yaml.SequenceNode) }

func isKind(n *yaml.Node, kind yaml.Kind) bool {
	n = yamltree.Resolve(n)
	return n != nil && n.Kind == kind
}

// content is the content of a collection: step nodes for each entry.
type content struct {
	nodes []*yaml.Node
	step  int
}

// contentOf returns the content of a mapping or a list. A scalar, and nil, have none.
func contentOf(n *yaml.Node) content {
	n = yamltree.Resolve(n)
	if isKind(n, yaml.SequenceNode) {
		return content{n.Content, 1}
	}
	return content{yamltree.Pairs(n), 2}
}

// entries iterates over the entries of a mapping or the items of a list.
func (c content) entries(yield func(entry) bool) {
	for i := 0; i < len(c.nodes); i += c.step {
		e := entry{value: c.nodes[i]}
		if c.step == 2 {
			e = entry{c.nodes[i], c.nodes[i+1]}
		}
		if !yield(e) {
			return
		}
	}
}

// find returns the entry of a mapping with the given key. Without one, both of its nodes are nil.
func find(n *yaml.Node, key string) entry {
	if isKind(n, yaml.MappingNode) {
		for e := range contentOf(n).entries {
			if e.name() == key {
				return e
			}
		}
	}
	return entry{}
}

// valueOf returns the value of a key, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node { return yamltree.Lookup(yamltree.Resolve(n), key) }

// textOf returns a scalar; "" for null, nil and collections.
func textOf(n *yaml.Node) string {
	n = yamltree.Resolve(n)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

func clampPosition(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }
