// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v3"
)

// lookupPath returns the node at a path of keys, or nil.
func lookupPath(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if n = resolveAlias(n); n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		value := (*yaml.Node)(nil)
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				value = n.Content[i+1]
			}
		}
		n = value
	}
	return resolveAlias(n)
}

func resolveAlias(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// keysOf returns the keys of a mapping, which may be nil.
func keysOf(n *yaml.Node) []string {
	var keys []string
	if n = resolveAlias(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}

// itemsAsKeys turns a list of texts into a mapping with these keys.
func itemsAsKeys(n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	if n = resolveAlias(n); n != nil && n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			out.Content = append(out.Content, item, item)
		}
	}
	return out
}

// differentKeys returns the keys that only one of two mappings has.
func differentKeys(before, after *yaml.Node) (added, removed []string) {
	change := compareLists(keysOf(before), keysOf(after))
	return change.New, change.Old
}

// changedKeys returns the sorted keys whose values differ.
func changedKeys(before, after *yaml.Node) []string {
	keys := append(keysOf(before), keysOf(after)...)
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
		a := lookupPath(before, key)
		b := lookupPath(after, key)
		return a != nil && b != nil && equalNodes(a, b)
	})
}

// differentItems counts the items that only one of two lists has.
func differentItems(before, after *yaml.Node) (added, removed int) {
	items := func(n *yaml.Node) []*yaml.Node {
		if n = resolveAlias(n); n == nil || n.Kind != yaml.SequenceNode {
			return nil
		}
		return n.Content
	}
	left := slices.Clone(items(before))
	for _, item := range items(after) {
		i := slices.IndexFunc(left, func(other *yaml.Node) bool { return equalNodes(item, other) })
		if i < 0 {
			added++
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	return added, len(left)
}

// generatedKeys are the keys in which the platform records who changed a file and when.
func generatedKeys() []string {
	return []string{"updatedAt", "createdAt", "updatedBy", "createdBy", "checksum"}
}

// onlyGenerated reports whether two versions of a file differ only in what the platform writes with
// each push.
func onlyGenerated(name string, older, newer []byte) bool {
	before := parseYAML(older)
	after := parseYAML(newer)
	if before == nil || after == nil || before.Kind != yaml.MappingNode || after.Kind != yaml.MappingNode {
		return false
	}
	generated := generatedKeys()
	if name == metadataFile {
		generated = append(generated, "version", "checksums", "exportedAt")
	}
	for _, key := range changedKeys(before, after) {
		if !slices.Contains(generated, key) {
			return false
		}
	}
	return true
}

// withoutVersion removes the version from .import.yml: the report already shows it.
func withoutVersion(name string, data []byte) []byte {
	root := parseYAML(data)
	if name != metadataFile || root == nil {
		return data
	}
	var out []byte
	within := false
	for line := range bytes.Lines(data) {
		within = bytes.HasPrefix(line, []byte("version:")) || within && bytes.IndexByte([]byte(" \n\r"), line[0]) >= 0
		if !within {
			out = append(out, line...)
		}
	}
	return out
}
