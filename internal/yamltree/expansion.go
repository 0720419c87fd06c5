// SPDX-License-Identifier: Apache-2.0

package yamltree

import "go.yaml.in/yaml/v3"

// CheckExpansion checks the size of the document with its aliases expanded, in nodes and in bytes.
// js-yaml has no such limit. The error is a *LimitError, or a *SyntaxError for an alias within its
// own anchor.
func (d *Document) CheckExpansion(nodes, bytes int) error {
	if d.Aliases == 0 {
		return nil
	}
	e := expansion{nodes: nodes, bytes: bytes, sizes: map[*yaml.Node]size{}}
	e.measureNode(d.Root)
	return e.err
}

// size is the size of a node with its aliases expanded.
type size struct{ nodes, bytes int }

type expansion struct {
	// nodes and bytes are the limits.
	nodes, bytes int
	// sizes holds the nodes with an anchor; zero while a node is being measured.
	sizes map[*yaml.Node]size
	// err is the first error; it ends the walk.
	err error
}

func (e *expansion) measureNode(n *yaml.Node) size {
	if e.err != nil {
		return size{}
	}
	if n.Kind == yaml.AliasNode {
		total := e.sizes[n.Alias]
		if total.nodes == 0 {
			e.err = &SyntaxError{n.Line, n.Column, "an alias within its own anchor"}
		}
		return total
	}
	if n.Anchor != "" {
		e.sizes[n] = size{}
	}
	total := size{nodes: 1, bytes: len(n.Value) + 1}
	for _, child := range n.Content {
		part := e.measureNode(child)
		total.nodes += part.nodes
		total.bytes += part.bytes
	}
	switch {
	case e.err != nil:
	case total.nodes > e.nodes:
		e.err = &LimitError{What: "YAML nodes, aliases expanded", Max: e.nodes, Line: n.Line, Column: n.Column}
	case total.bytes > e.bytes:
		e.err = &LimitError{What: "bytes, aliases expanded", Max: e.bytes, Line: n.Line, Column: n.Column}
	}
	if n.Anchor != "" {
		e.sizes[n] = total
	}
	return total
}
