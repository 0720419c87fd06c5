// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	indexFile = "index.yml"
	// maxIndex bounds an index.yml that is searched for a slug, in bytes.
	maxIndex = 1 << 20
)

// slugs matches slugs that are valid directory names.
var slugs = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// candidate is a directory that may be the requested workspace.
type candidate struct {
	// directory is its name; empty for the source itself.
	directory, slug string
	content         directory
}

// singleWorkspace is a repository of one workspace, under its slug.
type singleWorkspace struct {
	slug    string
	content directory
}

var _ directory = singleWorkspace{}

func (d singleWorkspace) entries(int) ([]entry, error) {
	return []entry{{name: d.slug, kind: folder, open: func() (directory, error) { return d.content, nil }}}, nil
}

// selectOne reduces the source to one workspace: the one with the slug, or the only one. An export of
// the platform has it in a directory with another name, or at the top.
func (t *Tree) selectOne(spec Spec, slug string) error {
	found, err := t.findCandidates()
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no workspace in it: %s is neither at its top nor in a directory", indexFile)
	}
	chosen := found
	if slug != "" && (len(found) > 1 || found[0].slug != "") {
		isOther := func(c candidate) bool { return c.slug != slug && c.directory != slug }
		chosen = slices.DeleteFunc(slices.Clone(found), isOther)
	}
	if len(chosen) != 1 {
		var names []string
		for _, c := range found {
			names = append(names, printableName(c.workspaceName(spec, "")))
		}
		return fmt.Errorf("it has the workspaces %s: name one of them with --workspace", strings.Join(names, ", "))
	}
	t.lone = &chosen[0]
	t.slug = chosen[0].workspaceName(spec, slug)
	t.root = singleWorkspace{t.slug, t.lone.content}
	t.ignored.lone = true
	if t.lone.directory != "" {
		t.ignored.place = []string{t.lone.directory}
	}
	return nil
}

// selectLone turns a source that is a workspace into a repository of it: one with index.yml at the
// top, or an exported archive with one directory. It reports whether it did.
func (t *Tree) selectLone(spec Spec, slug string, archive bool) (bool, error) {
	if !archive {
		if atTop, err := t.isWorkspace(); err != nil || !atTop {
			return false, err
		}
	}
	if found, err := t.findCandidates(); err != nil || len(found) != 1 {
		return false, err
	}
	return true, t.selectOne(spec, slug)
}

// isWorkspace reports whether the source is itself a workspace: it has index.yml at the top, alone
// or with another part of a workspace.
func (t *Tree) isWorkspace() (bool, error) {
	top, err := newWalker(t.limits).listSorted(t.root)
	if err != nil {
		return false, fmt.Errorf("list directory: %w", err)
	}
	parts := []string{".import.yml", "security.yml", "automations", "pages", "imports"}
	index := slices.ContainsFunc(top, func(e entry) bool { return e.name == indexFile && e.kind == regular })
	part := slices.ContainsFunc(top, func(e entry) bool { return slices.Contains(parts, e.name) })
	isVisibleFolder := func(e entry) bool { return e.kind == folder && !strings.HasPrefix(e.name, ".") }
	return index && (part || !slices.ContainsFunc(top, isVisibleFolder)), nil
}

// workspaceName returns the declared slug of the workspace, or the requested one, or the name of its
// directory, archive or repository.
func (c *candidate) workspaceName(spec Spec, asked string) string {
	if c.slug != "" {
		return c.slug
	}
	if asked != "" {
		return asked
	}
	if c.directory != "" {
		return c.directory
	}
	base := spec.baseName()
	if base = strings.TrimSuffix(base, filepath.Ext(base)); !slugs.MatchString(base) {
		return "workspace"
	}
	return base
}

// findCandidates returns the workspaces at the top of the source, or else one level below.
func (t *Tree) findCandidates() ([]candidate, error) {
	w := newWalker(t.limits)
	top, err := w.listSorted(t.root)
	if err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	if slug, ok, err := readSlug(top); ok || err != nil {
		return []candidate{{slug: slug, content: t.root}}, err
	}
	var found []candidate
	for _, e := range top {
		if e.kind != folder || strings.HasPrefix(e.name, ".") {
			continue
		}
		content, err := e.open()
		if err != nil {
			return nil, err
		}
		list, err := w.listSorted(content)
		if err != nil {
			return nil, fmt.Errorf("list directory %s: %w", printableName(e.name), err)
		}
		if slug, ok, err := readSlug(list); err != nil {
			return nil, err
		} else if ok {
			found = append(found, candidate{e.name, slug, content})
		}
	}
	return found, nil
}

// readSlug returns the slug in the index.yml of a directory; empty if it cannot be read, which the
// validation reports.
func readSlug(list []entry) (slug string, ok bool, err error) {
	i := slices.IndexFunc(list, func(e entry) bool { return e.name == indexFile && e.kind == regular })
	if i < 0 {
		return "", false, nil
	}
	if list[i].size > maxIndex {
		return "", true, nil
	}
	data, err := list[i].read()
	if errors.Is(err, errChanged) {
		return "", true, nil
	} else if err != nil {
		return "", true, fmt.Errorf("read %s: %w", indexFile, err)
	}
	var index struct {
		Slug yaml.Node `yaml:"slug"`
	}
	if yaml.Unmarshal(data, &index) != nil || !slugs.MatchString(index.Slug.Value) {
		return "", true, nil
	}
	return index.Slug.Value, true, nil
}
