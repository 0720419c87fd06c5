// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// Formatter updates the .import.yml files of a repository: it recomputes checksums, adds apps that
// imports use and another workspace publishes to dependsOn, and sorts the keys. Comments and quotes
// are kept. A file that is up to date is not changed.
//
// It is not safe for concurrent use.
type Formatter struct {
	limits Limits
	spaces map[string]*formattedWorkspace
}

// formattedWorkspace is a workspace of a [Formatter].
type formattedWorkspace struct {
	workspaceState
	data []byte
	// uses are the apps that the imports use.
	uses []string
}

// Formatted is a file that needs an update.
type Formatted struct {
	// Path is the directory of the workspace and the file name, with slashes.
	Path string
	Data []byte
}

// NewFormatter returns an empty formatter.
func NewFormatter(limits Limits) *Formatter {
	return &Formatter{limits: limits.withDefaults(), spaces: map[string]*formattedWorkspace{}}
}

// Add adds a file of the workspace in a directory. rel is relative to that directory.
func (f *Formatter) Add(directory, rel string, data []byte) {
	s := f.spaces[directory]
	if s == nil {
		s = &formattedWorkspace{workspaceState: workspaceState{slug: directory}}
		f.spaces[directory] = s
	}
	if rel == metadataFile {
		s.data = bytes.Clone(data)
		return
	}
	s.coverFile(rel, source.NewFile(rel, data), f.limits)
	if p := classifyPath(rel); p.section == sectionImports && hasChecksum(rel) {
		root, _ := parseYAML(data, f.limits)
		if app := readObject(root).appSlug.Value; app != "" {
			s.uses = append(s.uses, app)
		}
	}
}

// Len returns the number of workspaces added.
func (f *Formatter) Len() int { return len(f.spaces) }

// Finish returns the files that need an update, by path. The error lists the files that cannot be
// formatted; the others are returned nevertheless.
func (f *Formatter) Finish() ([]Formatted, error) {
	publisher := map[string]string{}
	for directory, s := range f.spaces {
		if root, errs := parseYAML(s.data, f.limits); len(errs) == 0 {
			app := readMetadata(root, valueReader{new(reporter), metadataFile}).app.Value
			publisher[app] = directory
		}
	}
	delete(publisher, "")
	var list []Formatted
	var failed []error
	for _, directory := range slices.Sorted(maps.Keys(f.spaces)) {
		s := f.spaces[directory]
		file := path.Join(directory, metadataFile)
		out, err := s.formatMetadata(publisher, f.limits)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file, err))
		} else if !bytes.Equal(out, s.data) {
			list = append(list, Formatted{file, out})
		}
	}
	return list, errors.Join(failed...)
}

func (s *formattedWorkspace) formatMetadata(publisher map[string]string, limits Limits) ([]byte, error) {
	root, errs := parseYAML(s.data, limits)
	switch {
	case len(errs) > 0:
		return nil, errs[0]
	case root == nil || root.Kind != yaml.MappingNode:
		return nil, errors.New("the file must be a mapping (key: value)")
	}
	return editMetadata(s.data, limits, func(top *yaml.Node) bool {
		changed := !s.setChecksums(top).isEmpty()
		changed = s.declareApps(top, publisher) || changed
		return orderMetadata(top) || changed
	})
}

// declareApps adds missing apps to dependsOn. It never removes one, because an app can be used
// without an import.
func (s *formattedWorkspace) declareApps(top *yaml.Node, publisher map[string]string) bool {
	var missing []string
	declared := valueReader{new(reporter), metadataFile}.readDependencies(yamltree.Lookup(top, "dependsOn"))
	for _, app := range s.uses {
		directory, published := publisher[app]
		known := slices.ContainsFunc(declared, func(t Text) bool { return t.Value == app })
		if published && directory != s.slug && !known {
			missing = append(missing, app)
		}
	}
	if own := yamltree.LookupOwn(top, "dependsOn"); len(missing) == 0 || own != nil && own.Kind == yaml.AliasNode {
		return false
	}
	list, _ := ensureChild(top, "dependsOn", yaml.SequenceNode)
	slices.Sort(missing)
	for _, app := range slices.Compact(missing) {
		list.Content = append(list.Content, textNode("app/"+app))
	}
	return true
}

// orderMetadata sorts keys as the platform writes them, unknown keys before the checksums, and the
// checksums of a section by name.
func orderMetadata(top *yaml.Node) bool {
	last := len(metadataKeys) - 1
	changed := sortKeys(top, func(key string) int {
		if rank := slices.Index(metadataKeys, key); rank >= 0 {
			return 2*rank + 1 // 0 would sort by name
		}
		return 2 * last
	})
	block := yamltree.LookupOwn(top, "checksums")
	if !isMapping(block) {
		return changed
	}
	for _, section := range yamltree.OwnPairs(block).All {
		if isMapping(section) {
			changed = sortKeys(section, func(string) int { return 0 }) || changed
		}
	}
	return changed
}

// sortKeys sorts the keys of a mapping by rank. Keys of rank 0 are sorted by name.
func sortKeys(mapping *yaml.Node, rank func(key string) int) bool {
	pairs := slices.Collect(slices.Chunk(mapping.Content, 2))
	before := slices.Clone(mapping.Content)
	slices.SortStableFunc(pairs, func(a, b []*yaml.Node) int {
		one := yamltree.KeyText(a[0])
		two := yamltree.KeyText(b[0])
		if order := cmp.Compare(rank(one), rank(two)); order != 0 || rank(one) != 0 {
			return order
		}
		return strings.Compare(one, two)
	})
	mapping.Content = slices.Concat(pairs...)
	return !slices.Equal(before, mapping.Content)
}
