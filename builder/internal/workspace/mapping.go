// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"go.yaml.in/yaml/v3"
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
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind != yaml.MappingNode:
		r.report(ruleTypeInvalid, r.at(n), "%s must be a mapping (key: value)", what)
		return nil
	}
	return n
}

// text returns a string. What the platform would read as a number, a boolean
// or a date is no string: 1.10 would become 1.1.
func (r reader) text(n *yaml.Node, what string) Text {
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return Text{}
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
		r.report(ruleTypeInvalid, r.at(n), "%s must be a text", what)
		return Text{}
	}
	return Text{Value: n.Value, At: r.at(n)}
}

// texts returns the strings of a list.
func (r reader) texts(n *yaml.Node, what string) []Text {
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		r.report(ruleTypeInvalid, r.at(n), "%s must be a list", what)
		return nil
	}
	var out []Text
	for _, item := range n.Content {
		if t := r.text(item, "an item of "+what); t.Value != "" {
			out = append(out, t)
		}
	}
	return out
}

// get returns the value of a key, or nil. A nil mapping has no keys.
func get(mapping *yaml.Node, key string) *yaml.Node {
	for k, v := range pairs(mapping) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

// pairs iterates over the keys and values of a mapping, which may be nil.
func pairs(mapping *yaml.Node) func(func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		if mapping == nil {
			return
		}
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

// resolve follows an alias. The audit has made sure that there is no circle.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
