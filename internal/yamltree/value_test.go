// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// canonical encodes the value of a document like testdata/load.cjs: JSON with sorted keys, in which
// numbers and dates are strings that start with their type.
func canonical(n *yaml.Node) string {
	var out strings.Builder
	write(&out, n, 0)
	return out.String()
}

const maxWritten = 1 << 20

func write(out *strings.Builder, n *yaml.Node, depth int) {
	n = Resolve(n)
	if depth > 200 || out.Len() > maxWritten {
		out.WriteString(`"…"`)
		return
	}
	switch {
	case n == nil:
		out.WriteString("null")
	case n.Kind == yaml.SequenceNode:
		out.WriteString("[")
		for i, item := range n.Content {
			if i > 0 {
				out.WriteString(",")
			}
			if n.Tag == tagPairs {
				pair := Resolve(item).Content
				out.WriteString("[" + quote("text "+KeyText(pair[0])) + ",")
				write(out, pair[1], depth+1)
				out.WriteString("]")
				continue
			}
			write(out, item, depth+1)
		}
		out.WriteString("]")
	case n.Kind == yaml.MappingNode:
		fields := expand(n)
		out.WriteString("{")
		for i, name := range slices.Sorted(maps.Keys(fields)) {
			if i > 0 {
				out.WriteString(",")
			}
			out.WriteString(quote(name) + ":")
			write(out, fields[name], depth+1)
		}
		out.WriteString("}")
	default:
		out.WriteString(scalarValue(n))
	}
}

// expand returns the fields of a mapping with its merge keys resolved.
func expand(m *yaml.Node) map[string]*yaml.Node {
	fields := map[string]*yaml.Node{}
	merged := map[string]bool{}
	for i := 0; i < len(m.Content); i += 2 {
		k, v := m.Content[i], Resolve(m.Content[i+1])
		if k.Tag != tagMerge {
			p := newParser(nil, testLimits)
			name := p.propertyName(k)
			fields[name] = v
			merged[name] = false
			continue
		}
		sources := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			sources = v.Content
		}
		for _, source := range sources {
			copyFields(fields, Resolve(source))
		}
	}
	return fields
}

func copyFields(fields map[string]*yaml.Node, source *yaml.Node) {
	from := map[string]*yaml.Node{}
	switch source.Kind {
	case yaml.MappingNode:
		from = expand(source)
	case yaml.SequenceNode:
		for i, item := range source.Content {
			from[strconv.Itoa(i)] = item
		}
	}
	for name, v := range from {
		if _, there := fields[name]; !there {
			fields[name] = v
		}
	}
}

func scalarValue(n *yaml.Node) string {
	switch n.Tag {
	case tagNull:
		return "null"
	case tagBool:
		return formatScalar(n)
	case tagInt, tagFloat:
		return `"number ` + formatScalar(n) + `"`
	case tagTime:
		return `"date"`
	case tagBinary:
		return `"binary ` + formatScalar(n) + `"`
	}
	return quote("text " + n.Value)
}

// quote encodes a text as JSON. A lone surrogate is U+FFFD in both languages.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(strings.ToValidUTF8(s, string(utf8.RuneError)))
	return strings.NewReplacer("\\\\", "\\\\", "\\b", "\\u0008", "\\f", "\\u000c", "\u2028", "\\u2028", "\u2029",
		"\\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
}

var testLimits = Limits{Nodes: 500_000, Depth: 100, Scalar: 4 << 20}
