// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// Merged is the result of [MergeMetadata].
type Merged struct {
	Data []byte
	// Conflicts are the keys with conflicting changes, such as "app.slug". Data has conflict
	// markers around them.
	Conflicts []string
	// Files counts the files that both sides changed: the checksum of the merged file is unknown,
	// so Data has that of one side.
	Files int
}

// wholeFile stands for all keys of a file that cannot be merged.
const wholeFile = "the whole file"

// MergeMetadata merges two versions of an .import.yml with a common ancestor, which may be empty.
// If both sides were pushed, the newer push provides version. Groups, dependencies and checksums
// are combined, and what either side removed is removed. Comments, quotes and line endings are
// those of ours; spacing is not kept. If a side is invalid, the error says so and the whole file is
// a conflict. size is the length of the conflict markers.
func MergeMetadata(base, ours, theirs []byte, limits Limits, size int) (Merged, error) {
	limits = limits.withDefaults()
	var texts [2][]byte
	var done *merger
	for i := range texts {
		m, err := newMerger(base, ours, theirs, limits, i == 1)
		if err != nil {
			return Merged{Data: markConflicts(ours, theirs, size), Conflicts: []string{wholeFile}}, err
		}
		orderMetadata(m.mergeMapping(nil, rootOf(m.base), rootOf(m.ours), rootOf(m.theirs)))
		m.keepComments(m.base, m.ours, m.theirs)
		if texts[i], err = encodeMetadata(m.ours); err != nil {
			return Merged{}, err
		}
		if _, errs := parseYAML(texts[i], limits); len(errs) > 0 {
			return Merged{Data: markConflicts(ours, theirs, size), Conflicts: []string{wholeFile}}, errs[0]
		}
		done = m
	}
	data := markConflicts(texts[0], texts[1], size)
	if bytes.Contains(ours, []byte("\r\n")) {
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	return Merged{data, done.conflicts, done.files}, nil
}

// merger merges two documents into ours.
type merger struct {
	base, ours, theirs *yaml.Node
	// preferTheirs selects the side written for a conflict. The merge runs once with each.
	preferTheirs bool
	// pushed is set if both sides have a push that the base lacks.
	pushed bool
	// newerTheirs is set if the push of theirs is newer.
	newerTheirs bool
	conflicts   []string
	files       int
}

func newMerger(base, ours, theirs []byte, limits Limits, preferTheirs bool) (*merger, error) {
	m := &merger{preferTheirs: preferTheirs}
	var err error
	if m.ours, err = readDocument(ours, limits); err != nil {
		return nil, fmt.Errorf("ours: %w", err)
	}
	if m.theirs, err = readDocument(theirs, limits); err != nil {
		return nil, fmt.Errorf("theirs: %w", err)
	}
	// A virtual ancestor made by Git may contain conflict markers.
	if m.base, err = readDocument(base, limits); err != nil {
		m.base = &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	before := exportTime(m.base)
	mine := exportTime(m.ours)
	other := exportTime(m.theirs)
	m.newerTheirs = other.After(mine)
	m.pushed = !mine.IsZero() && !other.IsZero() && !mine.Equal(before) && !other.Equal(before) && !mine.Equal(other)
	return m, nil
}

// readDocument parses a document whose root is a mapping without aliases.
func readDocument(data []byte, limits Limits) (*yaml.Node, error) {
	if _, errs := parseYAML(data, limits); len(errs) > 0 {
		return nil, errs[0]
	}
	if tree, err := yamltree.Parse(data, yamltree.Limits{
		Nodes:  limits.Nodes,
		Depth:  limits.Depth,
		Scalar: limits.ScalarSize,
	}); err != nil {
		return nil, err
	} else if tree.Aliases > 0 {
		return nil, errors.New("the file has aliases, which cannot be merged")
	}
	doc := new(yaml.Node)
	if err := yaml.Unmarshal(data, doc); err != nil {
		return nil, err
	}
	if doc.Kind == 0 { // empty file
		return nil, errors.New("the file is empty")
	}
	if rootOf(doc).Kind != yaml.MappingNode {
		return nil, errors.New("the file must be a mapping (key: value)")
	}
	return doc, nil
}

func rootOf(doc *yaml.Node) *yaml.Node { return doc.Content[0] }

// exportTime returns the time of the last push, or zero.
func exportTime(doc *yaml.Node) time.Time {
	node := lookupPath(rootOf(doc), "version", "exportedAt")
	if node == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, node.Value)
	if err != nil {
		return time.Time{}
	}
	return t
}

// mergeMapping merges the mapping at path into ours and returns it. base may be nil or another kind
// of node.
func (m *merger) mergeMapping(path []string, base, ours, theirs *yaml.Node) *yaml.Node {
	var content []*yaml.Node
	seen := map[string]bool{}
	add := func(key *yaml.Node) {
		name := yamltree.KeyText(key)
		if seen[name] {
			return
		}
		seen[name] = true
		below := append(slices.Clone(path), name)
		value := m.mergeValue(below, yamltree.LookupOwn(base, name), yamltree.LookupOwn(ours, name),
			yamltree.LookupOwn(theirs, name))
		if value == nil {
			return
		}
		m.keepComments(keyOf(base, name), key, keyOf(theirs, name))
		content = append(content, key, value)
	}
	for key := range yamltree.OwnPairs(ours).All {
		add(key)
	}
	for key := range yamltree.OwnPairs(theirs).All {
		add(key)
	}
	ours.Content = content
	m.keepComments(base, ours, theirs)
	return ours
}

// mergeValue merges the value at path. nil means that the key is missing.
func (m *merger) mergeValue(path []string, base, ours, theirs *yaml.Node) *yaml.Node {
	switch {
	case isMapping(ours) && isMapping(theirs):
		return m.mergeMapping(path, base, ours, theirs)
	case sameNode(ours, theirs):
		m.keepComments(base, ours, theirs)
		return ours
	case sameNode(base, theirs):
		return ours
	case sameNode(base, ours):
		m.keepComments(base, theirs, ours)
		return theirs
	case isJoined(path) && isTextList(ours) && isTextList(theirs):
		joinLists(base, ours, theirs)
		return ours
	case path[0] == "checksums" && len(path) > 1:
		m.files++
		return m.newerValue(cmp.Or(ours, theirs), cmp.Or(theirs, ours))
	case path[0] == "version" && m.pushed:
		return m.newerValue(ours, theirs)
	}
	m.conflicts = append(m.conflicts, strings.Join(path, "."))
	if m.preferTheirs {
		return theirs
	}
	return ours
}

// newerValue returns the value of the newer push.
func (m *merger) newerValue(ours, theirs *yaml.Node) *yaml.Node {
	if m.pushed && m.newerTheirs {
		return theirs
	}
	return ours
}

// keepComments copies comments that the other version added to a node.
func (m *merger) keepComments(base, node, other *yaml.Node) {
	if node == nil || other == nil {
		return
	}
	if base == nil {
		base = new(yaml.Node)
	}
	keep := func(mine *string, was, theirs string) {
		if *mine == was {
			*mine = theirs
		}
	}
	keep(&node.HeadComment, base.HeadComment, other.HeadComment)
	keep(&node.LineComment, base.LineComment, other.LineComment)
	keep(&node.FootComment, base.FootComment, other.FootComment)
}

// keyOf returns the key node of a mapping.
func keyOf(mapping *yaml.Node, name string) *yaml.Node {
	for key := range yamltree.OwnPairs(mapping).All {
		if yamltree.KeyText(key) == name {
			return key
		}
	}
	return nil
}

// sameNode reports whether two nodes have the same content, regardless of notation and of the order
// of keys.
func sameNode(a, b *yaml.Node) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case a.Kind != b.Kind:
		return false
	case a.Kind == yaml.ScalarNode:
		return a.ShortTag() == b.ShortTag() && a.Value == b.Value
	case len(a.Content) != len(b.Content):
		return false
	case a.Kind == yaml.MappingNode:
		for key, value := range yamltree.OwnPairs(a).All {
			if other := yamltree.LookupOwn(b, yamltree.KeyText(key)); other == nil || !sameNode(value, other) {
				return false
			}
		}
		return true
	}
	for i := range a.Content {
		if !sameNode(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// isJoined reports whether the list at path is a set.
func isJoined(path []string) bool {
	return len(path) == 1 && (path[0] == "groups" || path[0] == "dependsOn")
}

// isTextList reports whether a node is a list of scalars.
func isTextList(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.SequenceNode &&
		!slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode })
}

// joinLists applies the additions and removals of theirs to ours.
func joinLists(base, ours, theirs *yaml.Node) {
	has := func(list *yaml.Node, item *yaml.Node) bool {
		return isTextList(list) &&
			slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Value == item.Value })
	}
	content := slices.DeleteFunc(ours.Content, func(item *yaml.Node) bool {
		return has(base, item) && !has(theirs, item)
	})
	for _, item := range theirs.Content {
		if !has(base, item) && !has(ours, item) {
			content = append(content, item)
		}
	}
	ours.Content = content
}
