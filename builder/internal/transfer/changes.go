// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// importSuffix is what an import puts behind the description of a workspace.
const importSuffix = " (IMPORT)"

// compare says what an import changes in the workspace with the archive at path. Both
// sides are written alike, because the platform stores what it reads in its own notation.
func (j *Job) compare(ctx context.Context, present string, p *packed) (*compare.Report, error) {
	before, err := j.files(ctx, present, p.slug)
	if err != nil {
		return nil, err
	}
	after, err := j.files(ctx, p.path, p.slug)
	if err != nil {
		return nil, err
	}
	after[indexFile] = importedIndex(before[indexFile], after[indexFile])
	opts := *j.Compare
	for _, side := range []struct {
		name  string
		files map[string][]byte
		to    *pipeline.Input
	}{{"before.zip", before, &opts.Old.Input}, {"after.zip", after, &opts.New.Input}} {
		archive := filepath.Join(j.Dir, side.name)
		if err := writeNormal(archive, p.slug, side.files); err != nil {
			return nil, err
		}
		if *side.to, err = j.archive(archive, p.slug); err != nil {
			return nil, err
		}
	}
	changes, err := pipeline.Diff(ctx, opts)
	if err != nil {
		return nil, err
	}
	// An archive is imported whatever version is installed.
	changes.Warnings = slices.DeleteFunc(changes.Warnings, func(w compare.Warning) bool { return w.Rule == compare.SameVersion })
	changes.Old.Name = p.slug + " on " + j.To.BaseURL()
	changes.New.Name = p.slug + " to be imported"
	return changes, nil
}

// files returns those of an archive that an import takes, by their path in the workspace.
func (j *Job) files(ctx context.Context, archive, slug string) (files map[string][]byte, err error) {
	input, err := j.archive(archive, slug)
	if err != nil {
		return nil, err
	}
	tree, err := source.Open(ctx, input.Spec, input.Source)
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.Source, Err: err}
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	files = map[string][]byte{}
	_, err = tree.Walk(ctx, func(f source.File) error {
		if _, name, _ := strings.Cut(f.Path, "/"); isImported(name) {
			files[name] = slices.Clone(f.Data)
		}
		return nil
	})
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.Source, Err: err}
	}
	return files, nil
}

// isImported reports whether the platform looks at a file. Pages may have sources.
func isImported(name string) bool {
	folder, rest, nested := strings.Cut(name, "/")
	base := path.Base(name)
	switch {
	case strings.HasPrefix(base, ".") || strings.TrimSuffix(base, path.Ext(base)) == "__index__":
		return false
	case !nested:
		return name == indexFile || name == "security.yml"
	case folder == "pages":
		return rest != ""
	}
	return (folder == "automations" || folder == "imports") &&
		slices.Contains([]string{".yml", ".yaml", ".json"}, path.Ext(name))
}

// importedIndex is what an import makes of index.yml: id, slug and repositories stay,
// labels are added, and custom domains are emptied.
func importedIndex(before, after []byte) []byte {
	old, next := mapping(before), mapping(after)
	if old == nil || next == nil {
		return after
	}
	for _, key := range []string{"id", "slug", "repositories"} {
		set(next, key, get(old, key))
	}
	if get(old, "customDomains") != nil {
		set(next, "customDomains", &yaml.Node{Kind: yaml.SequenceNode})
	}
	if description := get(old, "description"); description != nil && description.Kind == yaml.ScalarNode &&
		get(next, "description") != nil {
		get(next, "description").Value = strings.TrimSuffix(get(next, "description").Value, importSuffix) + importSuffix
	}
	set(next, "labels", unite(get(old, "labels"), get(next, "labels")))
	ordered := &yaml.Node{Kind: yaml.MappingNode}
	for _, source := range []*yaml.Node{old, next} {
		for i := 0; i+1 < len(source.Content); i += 2 {
			if key := source.Content[i].Value; get(ordered, key) == nil {
				set(ordered, key, get(next, key))
			}
		}
	}
	return encode(ordered, after)
}

// unite returns the labels of both, or nil.
func unite(old, added *yaml.Node) *yaml.Node {
	if old == nil || added == nil || old.Kind != yaml.SequenceNode || added.Kind != yaml.SequenceNode {
		if added == nil {
			return old
		}
		return added
	}
	all := &yaml.Node{Kind: yaml.SequenceNode, Content: slices.Clone(old.Content)}
	for _, label := range added.Content {
		if !slices.ContainsFunc(all.Content, func(n *yaml.Node) bool { return n.Value == label.Value }) {
			all.Content = append(all.Content, label)
		}
	}
	return all
}

// writeNormal writes files as an archive in one notation.
func writeNormal(archive, slug string, files map[string][]byte) error {
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	w := zip.NewWriter(file)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(slug + "/" + name)
		if err == nil {
			_, err = f.Write(normal(name, files[name]))
		}
		if err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(w.Close(), file.Close())
}

// normal writes YAML without comments and styles, and without what the platform adds when
// it stores a file. What cannot be read stays as it is.
func normal(name string, text []byte) []byte {
	root := mapping(text)
	if root == nil {
		return text
	}
	folder, rest, nested := strings.Cut(name, "/")
	if nested {
		if slug := get(root, "slug"); slug != nil && slug.Value == strings.TrimSuffix(rest, path.Ext(rest)) {
			set(root, "slug", nil)
		}
		if folder == "pages" {
			set(root, "id", nil)
			set(root, "workspaceSlug", nil)
		}
	}
	return encode(root, text)
}

// mapping returns the mapping that a document is; nil if it is something else.
func mapping(text []byte) *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	return doc.Content[0]
}

func encode(n *yaml.Node, otherwise []byte) []byte {
	strip(n, 0)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if encoder.Encode(n) != nil || encoder.Close() != nil {
		return otherwise
	}
	return out.Bytes()
}

// maxStrip is how deep styles are taken off.
const maxStrip = 200

// strip takes comments and styles off.
func strip(n *yaml.Node, depth int) {
	n.HeadComment = ""
	n.LineComment = ""
	n.FootComment = ""
	if n.Style &^= yaml.FlowStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle; depth > maxStrip {
		return
	}
	for _, child := range n.Content {
		strip(child, depth+1)
	}
}

func get(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// set replaces the value of a key, adds it, or with nil deletes it.
func set(m *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value != key {
			continue
		}
		if value == nil {
			m.Content = slices.Delete(m.Content, i, i+2)
			return
		}
		m.Content[i+1] = value
		return
	}
	if value != nil {
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
	}
}
