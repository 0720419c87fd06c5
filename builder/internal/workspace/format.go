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
)

// Formatter brings the .import.yml of the workspaces of a repository up to date: the
// checksums are those of the files, dependsOn has the apps that imports use and another
// workspace of the repository publishes, and the keys have their usual order. Comments
// and quotes stay, and so does every byte of a file that is up to date.
//
// It is for one goroutine.
type Formatter struct {
	limits Limits
	spaces map[string]*formatted
}

// formatted is a workspace of a [Formatter].
type formatted struct {
	space
	data []byte
	// uses are the apps that the imports use.
	uses []string
}

// Formatted is a file that is not up to date.
type Formatted struct {
	// Path is the directory of the workspace and the name of the file, with slashes.
	Path string
	Data []byte
}

// NewFormatter returns a formatter without files.
func NewFormatter(limits Limits) *Formatter {
	return &Formatter{limits: limits.withDefaults(), spaces: map[string]*formatted{}}
}

// Add takes a file of the workspace in a directory. The path is relative to that.
func (f *Formatter) Add(directory, rel string, data []byte) {
	s := f.spaces[directory]
	if s == nil {
		s = &formatted{space: space{slug: directory}}
		f.spaces[directory] = s
	}
	if rel == metadataFile {
		s.data = bytes.Clone(data)
		return
	}
	s.cover(rel, data, f.limits)
	if p := placeOf(rel); p.section == sectionImports && hasChecksum(rel) {
		root, _ := parseYAML(data, f.limits)
		if app := readFacts(root, rel).appSlug.Value; app != "" {
			s.uses = append(s.uses, app)
		}
	}
}

// Len returns the number of workspaces that have come.
func (f *Formatter) Len() int { return len(f.spaces) }

// Finish returns the files that are not up to date, by path. Files that cannot be
// formatted are in the error, and do not keep others from it.
func (f *Formatter) Finish() ([]Formatted, error) {
	publisher := map[string]string{}
	for directory, s := range f.spaces {
		if root, errs := parseYAML(s.data, f.limits); len(errs) == 0 {
			app := readMetadata(root, reader{newReporter(), metadataFile}).app.Value
			publisher[app] = directory
		}
	}
	delete(publisher, "")
	var list []Formatted
	var failed []error
	for _, directory := range slices.Sorted(maps.Keys(f.spaces)) {
		s := f.spaces[directory]
		file := path.Join(directory, metadataFile)
		out, err := s.format(publisher, f.limits)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file, err))
		} else if !bytes.Equal(out, s.data) {
			list = append(list, Formatted{file, out})
		}
	}
	return list, errors.Join(failed...)
}

func (s *formatted) format(publisher map[string]string, limits Limits) ([]byte, error) {
	root, errs := parseYAML(s.data, limits)
	switch {
	case len(errs) > 0:
		return nil, errs[0]
	case root == nil || root.Kind != yaml.MappingNode:
		return nil, errors.New("the file must be a mapping (key: value)")
	}
	return editMetadata(s.data, limits, func(top *yaml.Node) bool {
		changed := !s.setChecksums(top).none()
		changed = s.declareApps(top, publisher) || changed
		return orderMetadata(top) || changed
	})
}

// declareApps adds to dependsOn, and removes nothing: other uses of an app than an import
// do not show.
func (s *formatted) declareApps(top *yaml.Node, publisher map[string]string) bool {
	var missing []string
	declared := reader{newReporter(), metadataFile}.dependencies(get(top, "dependsOn"))
	for _, app := range s.uses {
		directory, published := publisher[app]
		known := slices.ContainsFunc(declared, func(t Text) bool { return t.Value == app })
		if published && directory != s.slug && !known {
			missing = append(missing, app)
		}
	}
	if own := getOwn(top, "dependsOn"); len(missing) == 0 || own != nil && own.Kind == yaml.AliasNode {
		return false
	}
	list, _ := child(top, "dependsOn", yaml.SequenceNode)
	slices.Sort(missing)
	for _, app := range slices.Compact(missing) {
		list.Content = append(list.Content, textNode("app/"+app))
	}
	return true
}

// orderMetadata puts keys into the order in which the platform writes them, those that it
// does not write before the checksums, and the checksums of a section by name.
func orderMetadata(top *yaml.Node) bool {
	last := len(metadataKeys) - 1
	changed := sortKeys(top, func(key string) int {
		if rank := slices.Index(metadataKeys, key); rank >= 0 {
			return 2*rank + 1 // 0 would sort by name
		}
		return 2 * last
	})
	block := getOwn(top, "checksums")
	if !isMapping(block) {
		return changed
	}
	for _, section := range ownFields(block) {
		if isMapping(section) {
			changed = sortKeys(section, func(string) int { return 0 }) || changed
		}
	}
	return changed
}

// sortKeys sorts a mapping by rank; keys of one rank are sorted by name if it is 0.
func sortKeys(mapping *yaml.Node, rank func(key string) int) bool {
	pairs := slices.Collect(slices.Chunk(mapping.Content, 2))
	before := slices.Clone(mapping.Content)
	slices.SortStableFunc(pairs, func(a, b []*yaml.Node) int {
		one, two := keyText(a[0]), keyText(b[0])
		if order := cmp.Compare(rank(one), rank(two)); order != 0 || rank(one) != 0 {
			return order
		}
		return strings.Compare(one, two)
	})
	mapping.Content = slices.Concat(pairs...)
	return !slices.Equal(before, mapping.Content)
}
