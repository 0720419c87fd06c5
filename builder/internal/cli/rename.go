// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// renaming is a directory of a workspace and its new name.
type renaming struct{ from, to string }

// renameWorkspaces renames directories of workspaces after their slugs, and returns their number.
// Slugs do not change, because addresses and other workspaces use them. It never replaces an
// existing directory, which does not prevent other renames. With --check it changes nothing.
func (c *formatCommand) renameWorkspaces(a *app, root *os.Root) (moved int, err error) {
	list, err := findRenamings(root)
	if err != nil {
		return 0, err
	}
	var refused []error
	for _, r := range list {
		from, to := terminal.Safe(r.from), terminal.Safe(r.to)
		clashes := func(other renaming) bool { return other.to == r.to && other.from != r.from }
		if slices.ContainsFunc(list, clashes) || isTaken(root, r) {
			refused = append(refused, fmt.Errorf("%s is not renamed to %s, because another workspace or file has that name: "+
				"change one of the slugs, or move the other one", from, to))
			continue
		}
		if !c.check {
			if err := root.Rename(r.from, r.to); err != nil {
				refused = append(refused, fmt.Errorf("rename %s: %w", from, err))
				continue
			}
			a.notes.addNote("a release file (workspaces, rules, exclude), a scan policy and a baseline may hold the " +
				"former names of directories: change them there, too")
		}
		moved++
		if _, err := fmt.Fprintf(a.Out, "%s -> %s\n", from, to); err != nil {
			return moved, err
		}
	}
	return moved, errors.Join(refused...)
}

// isTaken reports whether the new name exists. On a case-insensitive file system it may be the
// directory itself.
func isTaken(root *os.Root, r renaming) bool {
	there, err := root.Lstat(r.to)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	itself, failed := root.Lstat(r.from)
	return err != nil || failed != nil || !os.SameFile(there, itself)
}

// findRenamings returns the workspaces whose slug differs from the name of their directory. It does
// not look for workspaces in workspaces.
func findRenamings(root *os.Root) ([]renaming, error) {
	const indexFile = "index.yml"
	maxSize := source.DefaultLimits().FileSize
	tree := root.FS()
	var list []renaming
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case isLeftOut(name, d):
			return fs.SkipDir
		case !d.IsDir():
			return nil
		}
		index := path.Join(name, indexFile)
		if info, err := fs.Stat(tree, index); err != nil || !info.Mode().IsRegular() {
			return nil // not a workspace
		}
		data, err := readBounded(root, index, maxSize)
		if err != nil {
			return err
		}
		slug := workspace.IndexSlug(data, workspace.Limits{})
		if name != "." && slug != "" && slug != path.Base(name) {
			list = append(list, renaming{name, path.Join(path.Dir(name), slug)})
		}
		return fs.SkipDir
	})
	return list, err
}
