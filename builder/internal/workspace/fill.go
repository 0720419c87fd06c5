// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// Defaults are what the release file says of workspaces whose .import.yml does not say it.
type Defaults struct {
	// Groups and Versions are by slug.
	Groups   map[string][]string
	Versions map[string]string
	// Group and Version are for all other workspaces; empty for none.
	Group, Version string
}

// IsZero reports whether there is nothing to fill in.
func (d *Defaults) IsZero() bool {
	return len(d.Groups)+len(d.Versions) == 0 && d.Group == "" && d.Version == ""
}

func (d *Defaults) groups(slug string) []string {
	if groups := d.Groups[slug]; len(groups) > 0 || d.Group == "" {
		return groups
	}
	return []string{d.Group}
}

func (d *Defaults) version(slug string) string {
	if version := d.Versions[slug]; version != "" {
		return version
	}
	return d.Version
}

// Filler adds groups and a version name to every .import.yml that has none, and makes the
// file where it is missing. Nothing else in a file changes, and no checksum covers it. What
// the file says already stays: the release file may say the same, and nothing else.
//
// It is for one goroutine.
type Filler struct {
	*reporter
	defaults Defaults
	limits   Limits
	emit     func(name string, data []byte) error
	// slug is the workspace whose files come, done says that its .import.yml has been.
	slug string
	done bool
	seen map[string]bool
	// filled are the workspaces that got something.
	filled []string
	files  int
	bytes  int64
}

// NewFiller returns a filler that hands the files on to emit, in the byte order of their
// paths, in which they come.
func NewFiller(defaults Defaults, limits Limits, emit func(name string, data []byte) error) *Filler {
	return &Filler{
		reporter: newReporter(),
		defaults: defaults,
		limits:   limits.withDefaults(),
		emit:     emit,
		seen:     map[string]bool{},
	}
}

// Add takes one file: see [Collector.Add].
func (f *Filler) Add(name string, data []byte) error {
	slug, _, nested := strings.Cut(name, "/")
	if !nested {
		return f.emit(name, data)
	}
	if slug != f.slug {
		if err := f.Flush(); err != nil {
			return err
		}
		f.slug, f.done = slug, false
		f.seen[slug] = true
	}
	metadata := slug + "/" + metadataFile
	switch {
	case f.done:
	case name == metadata:
		f.done = true
		data = f.complete(name, data)
	case name > metadata:
		if err := f.create(); err != nil {
			return err
		}
	}
	return f.emit(name, data)
}

// Flush ends a workspace. It is needed after the last file.
func (f *Filler) Flush() error {
	if f.slug == "" || f.done {
		return nil
	}
	return f.create()
}

// create makes the .import.yml of a workspace that has none, if there is something to say.
func (f *Filler) create() error {
	f.done = true
	text := ""
	if version := f.defaults.version(f.slug); version != "" {
		text += versionLine(version) + "\n"
	}
	if groups := f.defaults.groups(f.slug); len(groups) > 0 {
		text += groupsLine(groups) + "\n"
	}
	if text == "" {
		return nil
	}
	f.files++
	f.bytes += int64(len(text))
	f.filled = append(f.filled, f.slug)
	return f.emit(f.slug+"/"+metadataFile, []byte(text))
}

// complete returns an .import.yml with what it lacks.
func (f *Filler) complete(name string, data []byte) []byte {
	root, errs := parseYAML(data, f.limits)
	if len(errs) > 0 || root == nil || root.Kind != yaml.MappingNode || len(root.Content) == 0 {
		return data // the validation reports it
	}
	before := readMetadata(root, reader{newReporter(), name})
	groups, version := f.defaults.groups(f.slug), f.defaults.version(f.slug)
	f.reportConflicts(before)
	edits := map[*yaml.Node][]string{}
	wanted := before.version.Value
	switch node := resolve(get(root, "version")); {
	case version == "" || wanted != "":
	case node == nil:
		edits[root] = append(edits[root], versionLine(version))
		wanted = version
	case node.Kind == yaml.MappingNode && len(node.Content) > 0 && get(node, "name") == nil:
		edits[node] = append(edits[node], "name: "+quoteYAML(version))
		wanted = version
	}
	if get(root, "groups") != nil {
		groups = values(before.groups)
	} else if len(groups) > 0 {
		edits[root] = append(edits[root], groupsLine(groups))
	}
	if len(edits) == 0 {
		return data
	}
	done := insert(data, edits)
	if !f.says(done, wanted, groups) {
		f.report(ruleMetadataFill, Position{File: name}, "the file is written in a way in which nothing can be "+
			"added to it")
		return data
	}
	f.bytes += int64(len(done) - len(data))
	f.filled = append(f.filled, f.slug)
	return done
}

// says reports whether a completed file has a version name and groups.
func (f *Filler) says(data []byte, version string, groups []string) bool {
	root, errs := parseYAML(data, f.limits)
	if len(errs) > 0 {
		return false
	}
	m := readMetadata(root, reader{newReporter(), metadataFile})
	return m.version.Value == version && slices.Equal(values(m.groups), groups)
}

func values(texts []Text) []string {
	list := []string{}
	for _, t := range texts {
		list = append(list, t.Value)
	}
	return list
}

// reportConflicts reports what the release file and .import.yml say differently.
func (f *Filler) reportConflicts(m *metadata) {
	groups := values(m.groups)
	own := f.defaults.Groups[f.slug]
	if len(own) > 0 && len(groups) > 0 && !slices.Equal(slices.Sorted(slices.Values(own)),
		slices.Sorted(slices.Values(groups))) {
		f.report(ruleMetadataFill, m.groups[0].At, "the groups are not those that the release file gives to "+
			"workspace %s", show(f.slug))
	}
	if version := f.defaults.Versions[f.slug]; version != "" && m.version.Value != "" && version != m.version.Value {
		f.report(ruleMetadataFill, m.version.At, "the version name is not the one that the release file gives "+
			"to workspace %s", show(f.slug))
	}
}

// Finish returns the workspaces that got something, how many files and bytes were added,
// and what was wrong.
func (f *Filler) Finish() (filled []string, files int, added int64, found []diagnostic.Diagnostic) {
	named := slices.Concat(slices.Collect(maps.Keys(f.defaults.Groups)), slices.Collect(maps.Keys(f.defaults.Versions)))
	slices.Sort(named)
	for _, slug := range slices.Compact(named) {
		if !f.seen[slug] {
			f.report(ruleMetadataFill, Position{}, "the release file names workspace %s, which the source does "+
				"not have", show(slug))
		}
	}
	return f.filled, f.files, f.bytes, f.sorted()
}

// IsAboutReleaseFile reports whether a diagnostic is about what the release file names and the
// source does not have: a workspace, or one in a group.
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

// quoteYAML writes a text as JSON does, which YAML reads.
func quoteYAML(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return string(data)
}

// insert puts lines before the first keys of mappings, in the style of each mapping.
func insert(data []byte, edits map[*yaml.Node][]string) []byte {
	nodes := slices.SortedFunc(maps.Keys(edits), func(a, b *yaml.Node) int {
		first, second := a.Content[0], b.Content[0]
		return offset(data, second.Line, second.Column) - offset(data, first.Line, first.Column)
	})
	for _, n := range nodes { // from the last to the first: offsets before an edit stay
		key := n.Content[0]
		separator := "\n" + strings.Repeat(" ", key.Column-1)
		if n.Style&yaml.FlowStyle != 0 {
			separator = ", "
		}
		text := strings.Join(edits[n], separator) + separator
		data = slices.Insert(slices.Clone(data), offset(data, key.Line, key.Column), []byte(text)...)
	}
	return data
}
