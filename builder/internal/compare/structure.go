// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxStructured is the maximum size in bytes of a file that is parsed.
	maxStructured = 256 << 10
	// maxDepth bounds the depth of the outline, and hence the length of a position.
	maxDepth = 12
	// maxKey bounds the part of a key that is shown, in bytes.
	maxKey = 60
)

// isStructured reports whether the name is that of a YAML or JSON file.
func isStructured(name string) bool {
	switch path.Ext(name) {
	case ".yml", ".yaml", ".json":
		return true
	}
	return false
}

// parseYAML returns the root of a YAML document, or nil if the data is invalid, too large, or has
// several documents.
func parseYAML(data []byte) (root *yaml.Node) {
	if len(data) > maxStructured {
		return nil
	}
	defer func() {
		if recover() != nil { // the parser may panic
			root = nil
		}
	}()
	var doc yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(data))
	if err := documents.Decode(&doc); err != nil || len(doc.Content) != 1 {
		return nil
	}
	if !errors.Is(documents.Decode(new(yaml.Node)), io.EOF) {
		return nil
	}
	return doc.Content[0]
}

// sameValues reports whether two documents have the same values.
func sameValues(older, newer []byte) bool {
	a := parseYAML(older)
	b := parseYAML(newer)
	return a != nil && b != nil && equalNodes(a, b)
}

// equalNodes compares aliases by name; their targets are compared in place.
func equalNodes(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	switch a.Kind {
	case yaml.ScalarNode:
		return a.ShortTag() == b.ShortTag() && a.Value == b.Value
	case yaml.AliasNode:
		return a.Value == b.Value
	case yaml.MappingNode:
		return equalMappings(a, b)
	}
	for i := range a.Content {
		if !equalNodes(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// equalMappings ignores the order of scalar keys. A mapping with duplicate keys equals no other:
// its meaning depends on the parser.
func equalMappings(a, b *yaml.Node) bool {
	values := make(map[string]*yaml.Node, len(b.Content)/2)
	key := func(m *yaml.Node, i int) string {
		if k := m.Content[i]; k.Kind == yaml.ScalarNode {
			return k.ShortTag() + k.Value
		}
		return fmt.Sprint(i)
	}
	for i := 0; i+1 < len(b.Content); i += 2 {
		values[key(b, i)] = b.Content[i+1]
	}
	if len(values) != len(a.Content)/2 {
		return false
	}
	for i := 0; i+1 < len(a.Content); i += 2 {
		other, ok := values[key(a, i)]
		if !ok || !equalNodes(a.Content[i+1], other) {
			return false
		}
		delete(values, key(a, i))
	}
	return true
}

// outline maps lines to positions in the structure of a document.
type outline []outlineEntry

type outlineEntry struct {
	line int
	path string
}

func newOutline(data []byte) outline {
	var o outline
	if root := parseYAML(data); root != nil {
		o.addNode(root, "", 0)
	}
	return o
}

// addNode adds the nodes below n in document order.
func (o *outline) addNode(n *yaml.Node, path string, depth int) {
	if depth == maxDepth {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			below := strings.TrimPrefix(path+"."+key.Value[:min(len(key.Value), maxKey)], ".")
			*o = append(*o, outlineEntry{key.Line, below})
			o.addNode(n.Content[i+1], below, depth+1)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			below := fmt.Sprintf("%s[%d]", path, i)
			*o = append(*o, outlineEntry{item.Line, below})
			o.addNode(item, below, depth+1)
		}
	}
}

// pathAt returns the path of the last node that begins at or before a line.
func (o outline) pathAt(line int) string {
	i := sort.Search(len(o), func(i int) bool { return o[i].line > line })
	if i == 0 {
		return ""
	}
	return strings.ToValidUTF8(o[i-1].path, "…")
}

// locateHunks sets the position of the first change of each hunk.
func locateHunks(hunks []Hunk, older, newer []byte) {
	before := newOutline(older)
	after := newOutline(newer)
	for i := range hunks {
		hunks[i].Where = hunks[i].locateChange(before, after)
	}
}

func (h Hunk) locateChange(before, after outline) string {
	var older, newer, olderCount, newerCount int
	if _, err := fmt.Sscanf(h.Header, "@@ -%d,%d +%d,%d @@", &older, &olderCount, &newer, &newerCount); err != nil {
		return ""
	}
	for i, line := range h.Lines {
		switch line[0] {
		case '+':
			return after.pathAt(newer + i)
		case '-':
			return before.pathAt(older + i)
		}
	}
	return ""
}
