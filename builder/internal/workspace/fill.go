// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// Defaults are the values in the release file for workspaces whose .import.yml lacks them.
type Defaults struct {
	// Groups are the groups by slug.
	Groups map[string][]string
	// Versions are the version names by slug.
	Versions map[string]string
	// Group is the group of all other workspaces; may be empty.
	Group string
	// Version is the version name of all other workspaces; may be empty.
	Version string
}

// IsZero reports whether there are no defaults.
func (d *Defaults) IsZero() bool {
	return len(d.Groups)+len(d.Versions) == 0 && d.Group == "" && d.Version == ""
}

func (d *Defaults) groupsOf(slug string) []string {
	if groups := d.Groups[slug]; len(groups) > 0 || d.Group == "" {
		return groups
	}
	return []string{d.Group}
}

func (d *Defaults) versionOf(slug string) string {
	if version := d.Versions[slug]; version != "" {
		return version
	}
	return d.Version
}

// Filler adds missing groups and version names to .import.yml files, and creates missing files. It
// changes nothing else, and no checksum covers the file. Existing values are kept: the release file
// may repeat but not change them.
//
// It is not safe for concurrent use.
type Filler struct {
	*reporter
	defaults Defaults
	limits   Limits
	emit     func(source.File) error
	// slug is the current workspace.
	slug string
	// done is set once the .import.yml of the current workspace has been emitted.
	done bool
	seen map[string]bool
	// filled are the workspaces that were changed.
	filled []string
	files  int
	bytes  int64
}

// NewFiller returns a filler that passes the files on to emit. Files must be added, and are
// emitted, in the byte order of their paths.
func NewFiller(defaults Defaults, limits Limits, emit func(source.File) error) *Filler {
	return &Filler{
		reporter: new(reporter),
		defaults: defaults,
		limits:   limits.withDefaults(),
		emit:     emit,
		seen:     map[string]bool{},
	}
}

// Add adds a file: see [Collector.Add].
func (f *Filler) Add(file source.File) error {
	slug, _, nested := strings.Cut(file.Path, "/")
	if !nested {
		return f.emit(file)
	}
	if slug != f.slug {
		if err := f.Flush(); err != nil {
			return err
		}
		f.slug = slug
		f.done = false
		f.seen[slug] = true
	}
	metadata := slug + "/" + metadataFile
	switch {
	case f.done:
	case file.Path == metadata:
		f.done = true
		file = replaceData(file, f.completeMetadata(file.Path, file.Data))
	case file.Path > metadata:
		if err := f.createMetadata(); err != nil {
			return err
		}
	}
	return f.emit(file)
}

// replaceData returns a file with other content, and the same file for the same content.
func replaceData(f source.File, data []byte) source.File {
	if bytes.Equal(f.Data, data) {
		return f
	}
	return source.NewFile(f.Path, data)
}

// Flush ends the current workspace. Call it after the last file.
func (f *Filler) Flush() error {
	if f.slug == "" || f.done {
		return nil
	}
	return f.createMetadata()
}

// createMetadata emits an .import.yml for a workspace without one, if it has defaults.
func (f *Filler) createMetadata() error {
	f.done = true
	text := ""
	if version := f.defaults.versionOf(f.slug); version != "" {
		text += versionLine(version) + "\n"
	}
	if groups := f.defaults.groupsOf(f.slug); len(groups) > 0 {
		text += groupsLine(groups) + "\n"
	}
	if text == "" {
		return nil
	}
	f.files++
	f.bytes += int64(len(text))
	f.filled = append(f.filled, f.slug)
	return f.emit(source.NewFile(f.slug+"/"+metadataFile, []byte(text)))
}

// completeMetadata returns an .import.yml with the missing values added.
func (f *Filler) completeMetadata(name string, data []byte) []byte {
	root, errs := parseYAML(data, f.limits)
	if len(errs) > 0 || root == nil || root.Kind != yaml.MappingNode || len(root.Content) == 0 {
		return data // the validation reports it
	}
	before := readMetadata(root, valueReader{new(reporter), name})
	groups := f.defaults.groupsOf(f.slug)
	version := f.defaults.versionOf(f.slug)
	f.reportConflicts(before)
	edits := map[*yaml.Node][]string{}
	wanted := before.version.Value
	switch node := yamltree.Resolve(yamltree.Lookup(root, "version")); {
	case version == "" || wanted != "":
	case node == nil:
		edits[root] = append(edits[root], versionLine(version))
		wanted = version
	case node.Kind == yaml.MappingNode && len(node.Content) > 0 && yamltree.Lookup(node, "name") == nil:
		edits[node] = append(edits[node], "name: "+quoteYAML(version))
		wanted = version
	}
	if yamltree.Lookup(root, "groups") != nil {
		groups = textValues(before.groups)
	} else if len(groups) > 0 {
		edits[root] = append(edits[root], groupsLine(groups))
	}
	if len(edits) == 0 {
		return data
	}
	done := insertLines(data, edits)
	if !f.contains(done, wanted, groups) {
		f.report(ruleMetadataFill, Position{File: name}, "nothing can be added to the file in its present notation")
		return data
	}
	f.bytes += int64(len(done) - len(data))
	f.filled = append(f.filled, f.slug)
	return done
}

// contains reports whether a completed file has the version name and the groups.
func (f *Filler) contains(data []byte, version string, groups []string) bool {
	root, errs := parseYAML(data, f.limits)
	if len(errs) > 0 {
		return false
	}
	m := readMetadata(root, valueReader{new(reporter), metadataFile})
	return m.version.Value == version && slices.Equal(textValues(m.groups), groups)
}

func textValues(texts []Text) []string {
	list := []string{}
	for _, t := range texts {
		list = append(list, t.Value)
	}
	return list
}

// reportConflicts reports differences between the release file and .import.yml.
func (f *Filler) reportConflicts(m *metadata) {
	groups := textValues(m.groups)
	own := f.defaults.Groups[f.slug]
	if len(own) > 0 && len(groups) > 0 && !slices.Equal(slices.Sorted(slices.Values(own)),
		slices.Sorted(slices.Values(groups))) {
		f.report(ruleMetadataFill, m.groups[0].At, "the groups differ from those in the release file for "+
			"workspace %s", quoteName(f.slug))
	}
	if version := f.defaults.Versions[f.slug]; version != "" && m.version.Value != "" && version != m.version.Value {
		f.report(ruleMetadataFill, m.version.At, "the version name differs from the one in the release file "+
			"for workspace %s", quoteName(f.slug))
	}
}

// Filled is what a [Filler] has done.
type Filled struct {
	// Workspaces are the changed workspaces.
	Workspaces []string
	// Files and Bytes count what was added.
	Files       int
	Bytes       int64
	Diagnostics []diagnostic.Diagnostic
}

// Finish returns what was done. Call it after [Filler.Flush].
func (f *Filler) Finish() Filled {
	named := slices.Concat(slices.Collect(maps.Keys(f.defaults.Groups)), slices.Collect(maps.Keys(f.defaults.Versions)))
	slices.Sort(named)
	for _, slug := range slices.Compact(named) {
		if !f.seen[slug] {
			f.report(ruleMetadataFill, Position{}, "the release file names workspace %s, but the source does "+
				"not have it", quoteName(slug))
		}
	}
	return Filled{Workspaces: f.filled, Files: f.files, Bytes: f.bytes, Diagnostics: f.sortedFindings()}
}

// IsAboutReleaseFile reports whether a diagnostic is about a workspace or group that the release
// file names and the source lacks.
func IsAboutReleaseFile(d diagnostic.Diagnostic) bool {
	return d.File == "" && (d.Rule == ruleMetadataFill || d.Rule == ruleGroupEmpty)
}

func versionLine(name string) string { return "version: {name: " + quoteYAML(name) + "}" }

func groupsLine(groups []string) string {
	quoted := make([]string, len(groups))
	for i, g := range groups {
		quoted[i] = quoteYAML(g)
	}
	return "groups: [" + strings.Join(quoted, ", ") + "]"
}

// quoteYAML encodes a text as a JSON string, which is valid YAML.
func quoteYAML(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return string(data)
}

// insertLines inserts lines before the first keys of mappings, in the style of each mapping.
func insertLines(data []byte, edits map[*yaml.Node][]string) []byte {
	nodes := slices.SortedFunc(maps.Keys(edits), func(a, b *yaml.Node) int {
		first := a.Content[0]
		second := b.Content[0]
		return byteOffset(data, second.Line, second.Column) - byteOffset(data, first.Line, first.Column)
	})
	for _, n := range nodes { // last to first, so that earlier offsets stay valid
		key := n.Content[0]
		separator := "\n" + strings.Repeat(" ", key.Column-1)
		if n.Style&yaml.FlowStyle != 0 {
			separator = ", "
		}
		text := strings.Join(edits[n], separator) + separator
		data = slices.Insert(slices.Clone(data), byteOffset(data, key.Line, key.Column), []byte(text)...)
	}
	return data
}
