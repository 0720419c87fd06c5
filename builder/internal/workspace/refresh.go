// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"crypto/md5" // the checksums of the platform are MD5
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/gitfilter"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// sumChanges counts the changes to the checksums of a workspace.
type sumChanges struct{ corrected, added, removed int }

func (c sumChanges) isEmpty() bool { return c == sumChanges{} }

func (c sumChanges) String() string {
	return fmt.Sprintf("%d corrected, %d added, %d removed", c.corrected, c.added, c.removed)
}

// coverFile records a file if the platform writes a checksum of it.
func (s *workspaceState) coverFile(rel string, f source.File, limits Limits) {
	if !hasChecksum(rel) || gitfilter.Detect(rel, f.Data) != gitfilter.None {
		return
	}
	root, _ := parseYAML(f.Data, limits)
	s.files = append(s.files, release.File{Path: rel, Sum: f.Sum})
	s.covered = append(s.covered, coveredFile{
		file: len(s.files) - 1, slug: readObject(root).slug.Value, md5: md5.Sum(f.Data),
	})
}

// hasChecksum reports whether the platform writes a checksum of the file at a path.
func hasChecksum(rel string) bool {
	first, _, _ := strings.Cut(rel, "/")
	p := classifyPath(rel)
	switch {
	case !isExportedSection(first) || p.within == "" || isHidden(rel) || !isDocument(rel) || p.ext == ".json":
		return false
	case p.section == sectionImports && p.isNested():
		return false
	}
	return !isInternal(rel, p)
}

// refreshMetadata updates the checksums of an .import.yml from the covered files. It returns data unchanged
// if that is not valid YAML.
func (s *workspaceState) refreshMetadata(data []byte, limits Limits) ([]byte, sumChanges, error) {
	var changes sumChanges
	out, err := editMetadata(data, limits, func(top *yaml.Node) bool {
		changes = s.setChecksums(top)
		return !changes.isEmpty()
	})
	return out, changes, err
}

// setChecksums corrects checksums in place, keeping order, notation and comments, and adds missing
// ones under the likeliest key.
func (s *workspaceState) setChecksums(top *yaml.Node) sumChanges {
	var changes sumChanges
	slices.SortFunc(s.covered, func(a, b coveredFile) int {
		return strings.Compare(s.files[a.file].Path, s.files[b.file].Path)
	})
	block := yamltree.LookupOwn(top, "checksums")
	if block == nil && len(s.covered) == 0 {
		return changes
	}
	block, _ = ensureChild(top, "checksums", yaml.MappingNode)
	seen := s.correctSums(block, &changes)
	for i := range s.covered {
		f := &s.covered[i]
		if seen[f] {
			continue
		}
		key := checksumKey(s.files[f.file].Path, "", 0)
		section, _ := ensureChild(block, key.section, yaml.MappingNode)
		section.Content = append(section.Content, textNode(key.key), sumNode(hex.EncodeToString(f.md5[:])))
		changes.added++
	}
	return changes
}

// correctSums corrects wrong sums, removes those without a file, and returns the files that have
// one.
func (s *workspaceState) correctSums(block *yaml.Node, changes *sumChanges) map[*coveredFile]bool {
	index := s.indexByKey()
	seen := map[*coveredFile]bool{}
	for i := 0; i+1 < len(block.Content); i += 2 {
		section := block.Content[i+1]
		if section.Kind != yaml.MappingNode {
			continue // replaced when one of its files is added
		}
		var kept []*yaml.Node
		for key, value := range yamltree.OwnPairs(section).All {
			f := index.findFile(checksum{section: yamltree.KeyText(block.Content[i]), key: yamltree.KeyText(key)})
			if f == nil || seen[f] {
				changes.removed++
				continue
			}
			seen[f] = true
			set, changed := s.correctSum(value, f)
			if changed {
				changes.corrected++
			}
			kept = append(kept, key, set)
		}
		section.Content = kept
	}
	return seen
}

// correctSum keeps the algorithm and its prefix.
func (s *workspaceState) correctSum(value *yaml.Node, f *coveredFile) (*yaml.Node, bool) {
	var is checksum
	is.parseText(yamltree.Resolve(value))
	found := s.sumOf(f, is.algorithm)
	if slices.Equal(found, is.sum) {
		return value, false
	}
	prefix, _, prefixed := strings.Cut(value.Value, ":")
	text := hex.EncodeToString(found)
	if prefixed && prefix == is.algorithm {
		text = prefix + ":" + text
	}
	if value.Kind != yaml.ScalarNode {
		return sumNode(text), true
	}
	set := *sumNode(text)
	set.HeadComment = value.HeadComment
	set.LineComment = value.LineComment
	set.FootComment = value.FootComment
	set.Anchor = value.Anchor
	if value.Style == yaml.DoubleQuotedStyle || value.Style == yaml.SingleQuotedStyle {
		set.Style = value.Style
	}
	*value = set
	return value, true
}

// looksNumeric matches digits that some YAML parsers read as a number.
var looksNumeric = lazyregexp.New(`^[0-9]+(e[0-9]+)?$`)

// sumNode returns the scalar of a checksum.
func sumNode(text string) *yaml.Node {
	n := textNode(text)
	if looksNumeric.MatchString(text) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
