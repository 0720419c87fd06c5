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
	// maxStructured is the size in bytes of the largest file whose structure is looked at.
	maxStructured = 256 << 10
	// maxDepth bounds how deep it is looked at, and so the length of a place.
	maxDepth = 12
	// maxKey bounds how much of a key is told, in bytes.
	maxKey = 60
)

// isStructured reports whether a file is YAML or JSON, by its name.
func isStructured(name string) bool {
	switch path.Ext(name) {
	case ".yml", ".yaml", ".json":
		return true
	}
	return false
}

// parse returns the root of a YAML document; nil for what is none, or too large, or more
// than one.
func parse(data []byte) (root *yaml.Node) {
	if len(data) > maxStructured {
		return nil
	}
	defer func() {
		if recover() != nil { // the parser is not ours
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

// sameValues reports whether two documents mean the same.
func sameValues(older, newer []byte) bool {
	a, b := parse(older), parse(newer)
	return a != nil && b != nil && equal(a, b)
}

// equal compares aliases by their names: that what they stand for is the same, is
// compared where it stands.
func equal(a, b *yaml.Node) bool {
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
		if !equal(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// equalMappings takes keys in any order. Those that are no scalars stay in theirs. A
// mapping that has a key twice is equal to none: it depends on the reader what it means.
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
		if !ok || !equal(a.Content[i+1], other) {
			return false
		}
		delete(values, key(a, i))
	}
	return true
}

// outline knows which place of a document begins in which line.
type outline []place

type place struct {
	line int
	path string
}

func newOutline(data []byte) outline {
	var o outline
	if root := parse(data); root != nil {
		o.add(root, "", 0)
	}
	return o
}

// add adds what is below a node, in the order of the document.
func (o *outline) add(n *yaml.Node, path string, depth int) {
	if depth == maxDepth {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			below := strings.TrimPrefix(path+"."+key.Value[:min(len(key.Value), maxKey)], ".")
			*o = append(*o, place{key.Line, below})
			o.add(n.Content[i+1], below, depth+1)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			below := fmt.Sprintf("%s[%d]", path, i)
			*o = append(*o, place{item.Line, below})
			o.add(item, below, depth+1)
		}
	}
}

// at returns the last place that begins in a line or before.
func (o outline) at(line int) string {
	i := sort.Search(len(o), func(i int) bool { return o[i].line > line })
	if i == 0 {
		return ""
	}
	return strings.ToValidUTF8(o[i-1].path, "…")
}

// locate says of each hunk where its first change is.
func locate(hunks []Hunk, older, newer []byte) {
	before, after := newOutline(older), newOutline(newer)
	for i := range hunks {
		hunks[i].Where = hunks[i].locate(before, after)
	}
}

func (h Hunk) locate(before, after outline) string {
	var older, newer, olderCount, newerCount int
	if _, err := fmt.Sscanf(h.Header, "@@ -%d,%d +%d,%d @@", &older, &olderCount, &newer, &newerCount); err != nil {
		return ""
	}
	for i, line := range h.Lines {
		switch line[0] {
		case '+':
			return after.at(newer + i)
		case '-':
			return before.at(older + i)
		}
	}
	return ""
}
