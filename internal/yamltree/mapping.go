// SPDX-License-Identifier: Apache-2.0

package yamltree

import "go.yaml.in/yaml/v3"

// Lookup returns the value of a key, or nil. It compares keys as JavaScript does, and follows merge
// keys. Nodes other than mappings, and nil, have no keys. The document must have passed
// [Document.CheckExpansion].
func Lookup(mapping *yaml.Node, key string) *yaml.Node {
	if own := LookupOwn(mapping, key); own != nil {
		return own
	}
	for _, source := range mergeSources(mapping) {
		if v := Lookup(source, key); v != nil {
			return v
		}
	}
	return nil
}

// LookupOwn is like [Lookup], but ignores merge keys.
func LookupOwn(mapping *yaml.Node, key string) *yaml.Node {
	for k, v := range OwnPairs(mapping).All {
		if KeyText(k) == key {
			return v
		}
	}
	return nil
}

// PairList is a list of keys, each followed by its value.
type PairList []*yaml.Node

// All iterates over the keys and values.
func (l PairList) All(yield func(k, v *yaml.Node) bool) {
	for i := 0; i+1 < len(l) && yield(l[i], l[i+1]); i += 2 {
	}
}

// OwnPairs returns the keys and values of a mapping without merge keys. Other nodes, and nil, have
// none. The caller must not change the result.
func OwnPairs(mapping *yaml.Node) PairList {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	if !hasMergeKey(mapping) {
		return mapping.Content
	}
	var own PairList
	for k, v := range PairList(mapping.Content).All {
		if k.Tag != tagMerge {
			own = append(own, k, v)
		}
	}
	return own
}

// Pairs returns the keys and values of a mapping, including those from merge keys. Its own keys come
// first. Other nodes, and nil, have none. The document must have passed [Document.CheckExpansion].
// The caller must not change the result.
func Pairs(mapping *yaml.Node) PairList {
	own := OwnPairs(mapping)
	sources := mergeSources(mapping)
	if len(sources) == 0 {
		return own
	}
	var pairs PairList
	seen := map[string]bool{}
	add := func(k, v *yaml.Node) {
		if name := KeyText(k); !seen[name] {
			seen[name] = true
			pairs = append(pairs, k, v)
		}
	}
	for k, v := range own.All {
		add(k, v)
	}
	for _, source := range sources {
		for k, v := range Pairs(source).All {
			add(k, v)
		}
	}
	return pairs
}

func hasMergeKey(mapping *yaml.Node) bool {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Tag == tagMerge {
			return true
		}
	}
	return false
}

// mergeSources returns the nodes that the merge keys of a mapping refer to.
func mergeSources(mapping *yaml.Node) []*yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	var sources []*yaml.Node
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Tag != tagMerge {
			continue
		}
		switch v := Resolve(mapping.Content[i+1]); v.Kind {
		case yaml.MappingNode:
			sources = append(sources, v)
		case yaml.SequenceNode:
			for _, item := range v.Content {
				sources = append(sources, Resolve(item))
			}
		}
	}
	return sources
}
