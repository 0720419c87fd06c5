// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"
)

// kind is the kind of a node.
type kind uint8

const (
	scalar kind = iota
	mapping
	sequence
)

// nodeID is the index of a node in its tree. The root is 0, which also means "none" for a child or
// sibling.
type nodeID int32

// node is a value of a YAML file, with its key in a mapping.
type node struct {
	kind kind
	// key and value are slices of the file, where possible. The value of a block scalar keeps its
	// line breaks and indentation.
	key, value []byte
	// line and column are the position of the key in a mapping, else of the value; 1-based, in
	// bytes.
	line, column int32
	first, last  nodeID
	next         nodeID
}

// tree is a YAML file. It is reused for all files to save memory.
type tree struct{ nodes []node }

// Limits of a file. A larger file is not checked.
const (
	maxDepth = 100
	maxNodes = 500_000
)

func (t *tree) addNode(parent nodeID, n node) nodeID {
	id := nodeID(len(t.nodes))
	t.nodes = append(t.nodes, n)
	if id == 0 {
		return id
	}
	p := &t.nodes[parent]
	if p.first == 0 {
		p.first = id
	} else {
		t.nodes[p.last].next = id
	}
	p.last = id
	return id
}

// children iterates over the values of a mapping or sequence.
func (t *tree) children(parent nodeID) func(func(nodeID, *node) bool) {
	return func(yield func(nodeID, *node) bool) {
		for id := t.nodes[parent].first; id != 0; id = t.nodes[id].next {
			if !yield(id, &t.nodes[id]) {
				return
			}
		}
	}
}

// valueOf returns the value of a key, or 0.
func (t *tree) valueOf(parent nodeID, key string) nodeID {
	for id, n := range t.children(parent) {
		if string(n.key) == key {
			return id
		}
	}
	return 0
}

// textOf returns the scalar value of a key, or nil.
func (t *tree) textOf(parent nodeID, key string) []byte {
	id := t.valueOf(parent, key)
	if id == 0 || t.nodes[id].kind != scalar {
		return nil
	}
	return t.nodes[id].value
}

// parseFile parses a file. It returns false if that fails; the caller reports syntax errors elsewhere.
func (t *tree) parseFile(data []byte) bool {
	t.nodes = t.nodes[:0]
	if t.readSimple(data) {
		return true
	}
	t.nodes = t.nodes[:0]
	return t.readYAML(data)
}

// readYAML parses a file with the library, and recovers from its panics.
func (t *tree) readYAML(data []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	var doc yaml.Node
	if bytes.Count(data, []byte{'\n'}) > maxNodes || yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return false
	}
	return t.convert(0, nil, nil, doc.Content[0], 0) == nil && len(t.nodes) > 0
}

// convert adds a node of the library with aliases expanded. Keys of merged mappings become keys of
// the mapping.
func (t *tree) convert(parent nodeID, key, keyNode *yaml.Node, n *yaml.Node, depth int) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if depth > maxDepth || len(t.nodes) > maxNodes {
		return fmt.Errorf("more than %d levels or %d nodes", maxDepth, maxNodes)
	}
	at := n
	out := node{value: []byte(n.Value)}
	if keyNode != nil {
		at = keyNode
		out.key = []byte(key.Value)
	}
	out.line = clampPosition(at.Line)
	out.column = clampPosition(at.Column)
	switch n.Kind {
	case yaml.MappingNode:
		out.kind = mapping
		return t.convertPairs(t.addNode(parent, out), n, depth)
	case yaml.SequenceNode:
		out.kind = sequence
		id := t.addNode(parent, out)
		for _, item := range n.Content {
			if err := t.convert(id, nil, nil, item, depth+1); err != nil {
				return err
			}
		}
	default:
		if n.ShortTag() == "!!null" {
			out.value = nil
		}
		t.addNode(parent, out)
	}
	return nil
}

func (t *tree) convertPairs(id nodeID, n *yaml.Node, depth int) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if depth > maxDepth || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value := n.Content[i+1]
		var err error
		if key.ShortTag() == "!!merge" {
			err = t.convertPairs(id, value, depth+1)
		} else {
			err = t.convert(id, key, key, value, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func clampPosition(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }
