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

// importSuffix is what an import appends to the description of a workspace.
const importSuffix = " (IMPORT)"

// compareWithTarget reports what an import changes in the exported workspace. Both sides are
// normalized, because the platform reformats what it stores.
func (b *batch) compareWithTarget(ctx context.Context, present string, p *packed) (*compare.Report, error) {
	before, err := b.readImportedFiles(ctx, present, p.slug)
	if err != nil {
		return nil, err
	}
	after, err := b.readImportedFiles(ctx, p.path, p.slug)
	if err != nil {
		return nil, err
	}
	after[indexFile] = mergeIndex(before[indexFile], after[indexFile])
	opts := *b.job.Compare
	for _, side := range []struct {
		name  string
		files map[string][]byte
		to    *pipeline.Input
	}{{"before.zip", before, &opts.Old.Input}, {"after.zip", after, &opts.New.Input}} {
		archive := filepath.Join(b.dir, side.name)
		if err := writeNormalized(archive, p.slug, side.files); err != nil {
			return nil, err
		}
		if *side.to, err = b.archiveInput(archive, p.slug); err != nil {
			return nil, err
		}
	}
	changes, err := pipeline.Diff(ctx, opts)
	if err != nil {
		return nil, err
	}
	// An archive is imported regardless of the installed version.
	changes.Warnings = slices.DeleteFunc(changes.Warnings, func(w compare.Warning) bool {
		return w.Rule == compare.SameVersion
	})
	changes.Old.Name = p.slug + " on " + b.job.To.BaseURL()
	changes.New.Name = p.slug + " to be imported"
	return changes, nil
}

// readImportedFiles returns the files of an archive that an import reads, by path in the workspace.
func (b *batch) readImportedFiles(ctx context.Context, archive, slug string) (files map[string][]byte, err error) {
	input, err := b.archiveInput(archive, slug)
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

// isImported reports whether the platform reads a file. Pages may have source files of any type.
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

// mergeIndex predicts index.yml after an import: id, slug and repositories are kept, labels are
// merged, and custom domains are removed.
func mergeIndex(before, after []byte) []byte {
	old := parseMapping(before)
	next := parseMapping(after)
	if old == nil || next == nil {
		return after
	}
	for _, key := range []string{"id", "slug", "repositories"} {
		setValue(next, key, lookupValue(old, key))
	}
	if lookupValue(old, "customDomains") != nil {
		setValue(next, "customDomains", &yaml.Node{Kind: yaml.SequenceNode})
	}
	if description := lookupValue(old, "description"); description != nil && description.Kind == yaml.ScalarNode &&
		lookupValue(next, "description") != nil {
		lookupValue(next, "description").Value = strings.TrimSuffix(lookupValue(next, "description").Value,
			importSuffix) + importSuffix
	}
	setValue(next, "labels", mergeLabels(lookupValue(old, "labels"), lookupValue(next, "labels")))
	ordered := &yaml.Node{Kind: yaml.MappingNode}
	for _, source := range []*yaml.Node{old, next} {
		for i := 0; i+1 < len(source.Content); i += 2 {
			if key := source.Content[i].Value; lookupValue(ordered, key) == nil {
				setValue(ordered, key, lookupValue(next, key))
			}
		}
	}
	return encodeYAML(ordered, after)
}

// mergeLabels returns the union of both lists. It returns nil if neither exists.
func mergeLabels(old, added *yaml.Node) *yaml.Node {
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

// writeNormalized writes an archive with normalized files.
func writeNormalized(archive, slug string, files map[string][]byte) error {
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	w := zip.NewWriter(file)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(slug + "/" + name)
		if err == nil {
			_, err = f.Write(normalizeYAML(name, files[name]))
		}
		if err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(w.Close(), file.Close())
}

// normalizeYAML removes comments, styles, and the keys that the platform adds when it stores a
// file. It returns text unchanged if that is not a YAML mapping.
func normalizeYAML(name string, text []byte) []byte {
	root := parseMapping(text)
	if root == nil {
		return text
	}
	folder, rest, nested := strings.Cut(name, "/")
	if nested {
		if slug := lookupValue(root, "slug"); slug != nil && slug.Value == strings.TrimSuffix(rest, path.Ext(rest)) {
			setValue(root, "slug", nil)
		}
		if folder == "pages" {
			setValue(root, "id", nil)
			setValue(root, "workspaceSlug", nil)
		}
	}
	return encodeYAML(root, text)
}

// parseMapping returns the mapping at the root of a document, or nil.
func parseMapping(text []byte) *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	return doc.Content[0]
}

func encodeYAML(n *yaml.Node, otherwise []byte) []byte {
	clearStyle(n, 0)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if encoder.Encode(n) != nil || encoder.Close() != nil {
		return otherwise
	}
	return out.Bytes()
}

// maxStyleDepth bounds the recursion of clearStyle.
const maxStyleDepth = 200

// clearStyle removes comments and styles.
func clearStyle(n *yaml.Node, depth int) {
	n.HeadComment = ""
	n.LineComment = ""
	n.FootComment = ""
	n.Style &^= yaml.FlowStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle
	if depth > maxStyleDepth {
		return
	}
	for _, child := range n.Content {
		clearStyle(child, depth+1)
	}
}

func lookupValue(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// setValue replaces or adds the value of a key; nil deletes the key.
func setValue(m *yaml.Node, key string, value *yaml.Node) {
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
