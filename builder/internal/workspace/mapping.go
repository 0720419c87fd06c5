// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// reader reads values of one file and reports those of the wrong type.
// A key that is absent or null reads as the zero value: any key may be missing.
type reader struct {
	*reporter
	file string
}

func (r reader) at(n *yaml.Node) Position {
	return Position{File: r.file, Line: n.Line, Column: n.Column}
}

// mapping returns n if it is a mapping, else nil.
func (r reader) mapping(n *yaml.Node, what string) *yaml.Node {
	at := n
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind != yaml.MappingNode:
		r.report(ruleTypeInvalid, r.at(at), "%s must be a mapping (key: value)", what)
		return nil
	}
	return n
}

// text returns a string. What the platform would read as a number, a boolean
// or a date is no string: 1.10 would become 1.1.
func (r reader) text(n *yaml.Node, what string) Text {
	at := n
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return Text{}
	case n.Kind != yaml.ScalarNode:
		r.report(ruleTypeInvalid, r.at(at), "%s must be a text", what)
		return Text{}
	case n.ShortTag() != "!!str":
		r.report(ruleTypeInvalid, r.at(at), "%s must be a text, and %s is %s", what, show(n.Value), typeName(n))
		return Text{}
	}
	return r.textOf(n)
}

func (r reader) textOf(n *yaml.Node) Text {
	return Text{Value: strings.Clone(n.Value), At: r.at(n)}
}

// typeName says what a scalar is to the platform.
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
	return "no text"
}

// coerced returns a string where the platform makes one of numbers, dates and booleans.
func (r reader) coerced(n *yaml.Node, what string) Text {
	target := resolve(n)
	if target == nil || target.Kind != yaml.ScalarNode || isNull(target) || target.ShortTag() == "!!str" {
		return r.text(n, what)
	}
	text := strings.Clone(yamltree.KeyText(target))
	r.report(ruleTypeCoerced, r.at(n), "%s must be a text, and %s is %s", what, show(target.Value), typeName(target))
	return Text{Value: text, At: r.at(n)}
}

// texts returns the strings of a list, each read by a function.
func (r reader) texts(n *yaml.Node, what string, read func(*yaml.Node, string) Text) []Text {
	at := n
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		r.report(ruleTypeInvalid, r.at(at), "%s must be a list", what)
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

// get returns the value of a key, or nil. Keys are those that JavaScript has, and
// merge keys are followed. A nil mapping has no keys.
func get(mapping *yaml.Node, key string) *yaml.Node {
	if own := getOwn(mapping, key); own != nil {
		return own
	}
	for _, source := range mergeSources(mapping) {
		if v := get(source, key); v != nil {
			return v
		}
	}
	return nil
}

// getOwn returns the value of a key that the mapping itself has.
func getOwn(mapping *yaml.Node, key string) *yaml.Node {
	for k, v := range ownFields(mapping) {
		if keyText(k) == key {
			return v
		}
	}
	return nil
}

// ownFields iterates over the keys and values of a mapping, without its merge keys.
// What is not a mapping has none.
func ownFields(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if mapping == nil || mapping.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			k := mapping.Content[i]
			if k.Tag != "!!merge" && !yield(k, mapping.Content[i+1]) {
				return
			}
		}
	}
}

// fields iterates over the keys and values of a mapping, with those that merge keys
// copy from elsewhere.
func fields(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	sources := mergeSources(mapping)
	if len(sources) == 0 {
		return ownFields(mapping)
	}
	return func(yield func(k, v *yaml.Node) bool) {
		seen := map[string]bool{}
		for _, list := range append([]iter.Seq2[*yaml.Node, *yaml.Node]{ownFields(mapping)}, allFields(sources)...) {
			for k, v := range list {
				if seen[keyText(k)] {
					continue
				}
				seen[keyText(k)] = true
				if !yield(k, v) {
					return
				}
			}
		}
	}
}

func allFields(mappings []*yaml.Node) []iter.Seq2[*yaml.Node, *yaml.Node] {
	var list []iter.Seq2[*yaml.Node, *yaml.Node]
	for _, m := range mappings {
		list = append(list, fields(m))
	}
	return list
}

// mergeSources returns the mappings that the merge keys of a mapping name.
func mergeSources(mapping *yaml.Node) []*yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	var sources []*yaml.Node
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Tag != "!!merge" {
			continue
		}
		switch v := resolve(mapping.Content[i+1]); v.Kind {
		case yaml.MappingNode:
			sources = append(sources, v)
		case yaml.SequenceNode:
			for _, item := range v.Content {
				sources = append(sources, resolve(item))
			}
		}
	}
	return sources
}

// keyText returns a key as JavaScript has it; that of a collection is empty.
func keyText(k *yaml.Node) string {
	if k = resolve(k); k.Kind != yaml.ScalarNode {
		return ""
	}
	return yamltree.KeyText(k)
}

// lookup returns what keys lead to from n, or nil.
func lookup(n *yaml.Node, keys ...string) *yaml.Node {
	for n = resolve(n); len(keys) > 0; keys = keys[1:] {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		n = resolve(get(n, keys[0]))
	}
	return n
}

// resolve follows an alias. The audit has made sure that there is no circle.
func resolve(n *yaml.Node) *yaml.Node { return yamltree.Resolve(n) }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func isMapping(n *yaml.Node) bool { return n != nil && n.Kind == yaml.MappingNode }

// isFalsy reports whether JavaScript takes a value for false: null, "", 0 and NaN, too.
func isFalsy(n *yaml.Node) bool {
	if n = resolve(n); n == nil {
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

// scriptText returns what JavaScript makes of a value where it wants a text.
func scriptText(n *yaml.Node) string {
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		return "[object Object]"
	case yaml.SequenceNode:
		var parts []string
		for _, item := range n.Content {
			if part := resolve(item); !isNull(part) {
				parts = append(parts, scriptText(part))
			} else {
				parts = append(parts, "")
			}
		}
		return strings.Join(parts, ",")
	}
	return yamltree.KeyText(n)
}
