// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

const (
	// maxDepth bounds the search for workspaces below the source.
	maxDepth = 4
	// maxNamed bounds the directories in a message.
	maxNamed = 10
)

// workspaceParts are entries that indicate a workspace.
var workspaceParts = []string{
	indexFile, "index.yaml", "index.json", "security.yml", ".import.yml", "automations", "imports", "pages",
}

// findWorkspaces finds the workspaces: the source may be one, contain them, or contain them further down.
func (t *Tree) findWorkspaces(spec Spec, opts Options, archive bool) error {
	top, err := newWalker(t.limits).listSorted(t.root)
	if err != nil {
		return fmt.Errorf("list directory: %w", err)
	}
	err = errors.Join(t.ignored.addPatterns(opts.Exclude, nil), t.ignored.addFile(top, nil))
	if err != nil {
		return err
	}
	if opts.One {
		return t.selectOne(spec, opts.Workspace)
	}
	if one, err := t.selectLone(spec, opts.Workspace, archive); err != nil || one {
		if one && t.lone.slug == "" {
			t.notify("the source is one workspace without a slug in index.yml: it ships as " + printableName(t.slug) +
				" (--workspace names it)")
		}
		return err
	}
	if opts.Workspace != "" {
		return errors.New("--workspace names a source that is a single workspace, and this one has no index.yml at its top")
	}
	if spec.exact {
		return nil
	}
	return t.findPlace(spec, opts)
}

// findPlace makes the directory of the workspaces the root.
func (t *Tree) findPlace(spec Spec, opts Options) error {
	s := workspaceSearch{walker: newWalker(t.limits), ignored: t.ignored}
	if err := s.searchDirectory("", t.root, maxDepth); err != nil {
		return nil // the walk reports it, if it is about what ships
	}
	if len(s.places) > 1 {
		return newAmbiguousError(spec, s.places)
	}
	if len(s.places) == 0 || s.places[0].path == "" {
		return nil
	}
	t.place, t.root = s.places[0].path, s.places[0].content
	t.top = t.root
	if t.info.Commit != "" {
		t.info.Subdir = path.Join(spec.subdir, t.place)
	}
	t.notify(fmt.Sprintf("the workspaces are in %[1]s: reading them as with --subdir %[1]s",
		printableName(path.Join(spec.subdir, t.place))))
	list, err := newWalker(t.limits).listSorted(t.root)
	if err != nil {
		return fmt.Errorf("list directory %s: %w", printableName(t.place), err)
	}
	t.ignored.place = strings.Split(t.place, "/")
	return errors.Join(t.ignored.addPatterns(opts.Exclude, t.ignored.place), t.ignored.addFile(list, t.ignored.place))
}

// newAmbiguousError returns the error for workspaces in several places.
func newAmbiguousError(spec Spec, places []place) error {
	var lines strings.Builder
	for i, p := range places {
		if i == maxNamed {
			fmt.Fprintf(&lines, "\n  and %d more", len(places)-i)
			break
		}
		fmt.Fprintf(&lines, "\n  --subdir %s", printableName(path.Join(".", spec.subdir, p.path)))
	}
	return fmt.Errorf("it has workspaces in several directories: name the one that ships, or exclude the others "+
		"(exclude in the release file, or %s):%s",
		IgnoreFile, lines.String())
}

// place is a directory with workspaces.
type place struct {
	path    string
	content directory
}

// workspaceSearch finds directories of workspaces.
type workspaceSearch struct {
	walker  *walker
	ignored ignored
	places  []place
}

// searchDirectory searches a directory down to a depth. It does not search workspaces.
func (s *workspaceSearch) searchDirectory(dir string, content directory, depth int) error {
	list, err := s.walker.listSorted(content)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errChanged) {
		return nil // the walk reports it if it ships
	} else if err != nil {
		return fmt.Errorf("list directory %s: %w", printableName(path.Join(".", dir)), err)
	}
	holds := false
	for _, e := range list {
		e.path = joinPath(dir, e.name)
		if e.kind != folder || strings.HasPrefix(e.name, ".") || e.name == "node_modules" || s.ignored.isIgnored(e) {
			continue
		}
		below, err := e.open()
		if err != nil {
			return fmt.Errorf("list directory %s: %w", printableName(e.path), err)
		}
		parts, err := findParts(s.walker, below)
		if err != nil {
			return fmt.Errorf("list directory %s: %w", printableName(e.path), err)
		}
		holds = holds || slices.Contains(parts, indexFile)
		if len(parts) > 0 || depth == 0 {
			continue
		}
		if err := s.searchDirectory(e.path, below, depth-1); err != nil {
			return err
		}
	}
	if holds {
		s.places = append(s.places, place{dir, content})
	}
	slices.SortFunc(s.places, func(a, b place) int { return strings.Compare(a.path, b.path) })
	return nil
}

// findParts returns the parts of a workspace in a directory. A directory that cannot be listed counts
// as a workspace without index.yml; the walk reports it.
func findParts(w *walker, d directory) ([]string, error) {
	list, err := w.listSorted(d)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errChanged) {
		return []string{""}, nil
	} else if err != nil {
		return nil, err
	}
	var parts []string
	for _, e := range list {
		name := strings.ToLower(e.name)
		if !slices.Contains(workspaceParts, name) {
			continue
		}
		if e.kind == folder && name == "pages" && !holdsYAML(w, e) {
			continue // sources of a web site
		}
		parts = append(parts, e.name)
	}
	return parts, nil
}

// holdsYAML reports whether a directory contains a YAML file or cannot be listed.
func holdsYAML(w *walker, e entry) bool {
	d, err := e.open()
	if err != nil {
		return true
	}
	list, err := w.listSorted(d)
	return err != nil || slices.ContainsFunc(list, func(e entry) bool {
		ext := strings.ToLower(path.Ext(e.name))
		return e.kind != folder && (ext == ".yml" || ext == ".yaml")
	})
}

// dropAside drops the top-level directories that are not workspaces, if others are.
func (w *walker) dropAside(top []entry) []entry {
	peek := newWalker(w.limits)
	var aside []string
	for _, e := range top {
		if e.kind != folder {
			continue
		}
		d, err := e.open()
		if err != nil {
			continue // visiting it fails, too
		}
		if parts, err := findParts(peek, d); err == nil && len(parts) == 0 && peek.acceptName(e) {
			aside = append(aside, e.name)
		}
	}
	folders := slices.DeleteFunc(slices.Clone(top), func(e entry) bool { return e.kind != folder })
	if len(aside) == len(folders) {
		return top // the validation reports that none is a workspace
	}
	w.aside = aside
	return slices.DeleteFunc(top, func(e entry) bool {
		if e.kind != folder || !slices.Contains(aside, e.name) {
			return false
		}
		e.path = e.name
		w.dropEntry(e, "the directory holds no workspace: it has neither index.yml nor another part of one")
		return true
	})
}

// notifyLeftOut reports the directories that are not workspaces.
func (t *Tree) notifyLeftOut(aside []string) {
	if aside = t.notifySubmodules(aside); len(aside) == 0 {
		return
	}
	names := make([]string, 0, maxNamed)
	for _, name := range aside[:min(len(aside), maxNamed)] {
		names = append(names, printableName(name)+"/")
	}
	note := "left out, because they hold no workspace: " + strings.Join(names, ", ")
	if more := len(aside) - len(names); more > 0 {
		note += " and " + terminal.Plural(more, "more directory")
	}
	t.notify(note)
}
