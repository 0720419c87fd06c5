// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// valueReader reads values of one file and reports values of the wrong type. A missing or null key
// reads as the zero value.
type valueReader struct {
	*reporter
	file string
}

func (r valueReader) positionOf(n *yaml.Node) Position {
	return Position{File: r.file, Line: n.Line, Column: n.Column}
}

// readMapping returns n if it is a mapping, else nil.
func (r valueReader) readMapping(n *yaml.Node, what string) *yaml.Node {
	at := n
	n = yamltree.Resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind != yaml.MappingNode:
		r.report(ruleTypeInvalid, r.positionOf(at), "%s must be a mapping (key: value)", what)
		return nil
	}
	return n
}

// readText returns a string. It rejects numbers, booleans and dates, which the platform would
// convert: 1.10 would become 1.1.
func (r valueReader) readText(n *yaml.Node, what string) Text {
	at := n
	n = yamltree.Resolve(n)
	switch {
	case n == nil || isNull(n):
		return Text{}
	case n.Kind != yaml.ScalarNode:
		r.report(ruleTypeInvalid, r.positionOf(at), "%s must be a text", what)
		return Text{}
	case n.ShortTag() != "!!str":
		r.report(ruleTypeInvalid, r.positionOf(at), "%s must be a text, but %s is %s", what,
			quoteName(n.Value), typeName(n))
		return Text{}
	}
	return r.newText(n)
}

func (r valueReader) newText(n *yaml.Node) Text {
	return Text{Value: strings.Clone(n.Value), At: r.positionOf(n)}
}

// typeName returns the type that the platform gives a scalar.
func typeName(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!bool":
		return "a boolean"
	case "!!timestamp":
		return "a date"
	case "!!int", "!!float":
		if text := yamltree.KeyText(n); text == "Infinity" {
			return "a number that is too large (Infinity)"
		}
		return "a number"
	}
	return "not a text"
}

// readCoerced returns a string, or the string that the platform makes of a number, date or boolean.
func (r valueReader) readCoerced(n *yaml.Node, what string) Text {
	target := yamltree.Resolve(n)
	if target == nil || target.Kind != yaml.ScalarNode || isNull(target) || target.ShortTag() == "!!str" {
		return r.readText(n, what)
	}
	text := strings.Clone(yamltree.KeyText(target))
	r.report(ruleTypeCoerced, r.positionOf(n), "%s must be a text, but %s is %s", what,
		quoteName(target.Value), typeName(target))
	return Text{Value: text, At: r.positionOf(n)}
}

// readTexts returns the strings of a list, each read by read.
func (r valueReader) readTexts(n *yaml.Node, what string, read func(*yaml.Node, string) Text) []Text {
	at := n
	n = yamltree.Resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		r.report(ruleTypeInvalid, r.positionOf(at), "%s must be a list", what)
		return nil
	}
	var out []Text
	for _, item := range n.Content {
		if t := read(item, "an item of "+what); t.Value != "" {
			out = append(out, t)
		}
	}
	return out
}

// lookupPath returns the node at a path of keys below n, or nil.
func lookupPath(n *yaml.Node, keys ...string) *yaml.Node {
	for n = yamltree.Resolve(n); len(keys) > 0; keys = keys[1:] {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		n = yamltree.Resolve(yamltree.Lookup(n, keys[0]))
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func isMapping(n *yaml.Node) bool { return n != nil && n.Kind == yaml.MappingNode }

// isFalsy reports whether JavaScript considers a value false: null, "", 0, NaN and false.
func isFalsy(n *yaml.Node) bool {
	if n = yamltree.Resolve(n); n == nil {
		return true
	}
	if n.Kind != yaml.ScalarNode {
		return false
	}
	switch text := yamltree.KeyText(n); n.ShortTag() {
	case "!!null":
		return true
	case "!!str":
		return n.Value == ""
	case "!!bool":
		return text == "false"
	case "!!int", "!!float":
		return text == "0" || text == "NaN"
	}
	return false
}

// scriptText returns a value as JavaScript converts it to a string.
func scriptText(n *yaml.Node) string {
	n = yamltree.Resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		return "[object Object]"
	case yaml.SequenceNode:
		var parts []string
		for _, item := range n.Content {
			if part := yamltree.Resolve(item); !isNull(part) {
				parts = append(parts, scriptText(part))
			} else {
				parts = append(parts, "")
			}
		}
		return strings.Join(parts, ",")
	}
	return yamltree.KeyText(n)
}
