// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// metadataFile makes a directory a workspace for fmt.
const metadataFile = ".import.yml"

const formatHelp = `Fmt rewrites the .import.yml of every workspace in a directory (default: the current one) in
place. It writes the checksums of the files, lists in dependsOn the apps that the workspace
imports from other workspaces, and puts the keys into their usual order. It keeps
comments, and does not write a file that is up to date.`

// formatCommand holds the flags of fmt.
type formatCommand struct {
	// check lists what would change, and changes nothing.
	check  bool
	rename bool
}

func (a *app) newFormatCommand() *cobra.Command {
	var c formatCommand
	cmd := &cobra.Command{
		Use:   "fmt [SOURCE]",
		Short: "Update the .import.yml of the workspaces in a directory",
		Long:  formatHelp,
		Example: `builder fmt
builder fmt --rename
# Fail in a pipeline if a file is not up to date.
builder fmt --check workspaces`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return c.formatDirectory(a, dir)
		},
	}
	cmd.Flags().BoolVar(&c.check, "check", false, "list the files that are not up to date instead of writing them, and "+
		"exit with code 3 if there are any")
	cmd.Flags().BoolVar(&c.rename, "rename", false, "rename the directories of workspaces to the slugs in their index.yml")
	assignGroup(cmd.Flags(), groupOutput)
	return cmd
}

func (c *formatCommand) formatDirectory(a *app, dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() || strings.Contains(dir, "://") {
		return withCode(exitUsage, fmt.Errorf("%s is not a directory: fmt writes files in place", dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return withCode(exitSource, fmt.Errorf("open directory: %w", err))
	}
	defer root.Close()
	moved, refused := 0, error(nil)
	if c.rename {
		if moved, refused = c.renameWorkspaces(a, root); refused != nil {
			refused = withCode(exitInvalid, refused)
		}
	}
	return errors.Join(refused, c.formatFiles(a, root, moved))
}

// formatFiles updates the .import.yml files of all workspaces. moved is the number of directories
// with outdated names.
func (c *formatCommand) formatFiles(a *app, root *os.Root, moved int) error {
	formatter := workspace.NewFormatter(workspace.Limits{})
	left, err := addWorkspaces(root, formatter)
	if err != nil {
		return withCode(exitSource, err)
	}
	if !c.check {
		if err := removeLeftOver(a, root, left); err != nil {
			return err
		}
	}
	if formatter.Len() == 0 {
		a.notes.addNote("no workspace here has an .import.yml: there is nothing to update")
	}
	list, failed := formatter.Finish()
	for _, f := range list {
		if !c.check {
			if err := replaceIn(root, f.Path, f.Data); err != nil {
				return fmt.Errorf("write %s: %w", f.Path, err)
			}
		}
		if _, err := fmt.Fprintln(a.Out, f.Path); err != nil {
			return err
		}
	}
	if failed != nil {
		return withCode(exitInvalid, failed)
	}
	switch {
	case c.check && moved > 0:
		return withCode(exitInvalid, fmt.Errorf("%d .import.yml and %d directories not up to date: run builder "+
			"fmt --rename", len(list), moved))
	case c.check && len(list) > 0:
		return withCode(exitInvalid, fmt.Errorf("%d .import.yml not up to date: run builder fmt", len(list)))
	}
	return nil
}

// removeLeftOver removes files of a killed run.
func removeLeftOver(a *app, root *os.Root, names []string) error {
	for _, name := range names {
		if err := root.Remove(name); err != nil {
			return fmt.Errorf("remove an unfinished write: %w", err)
		}
		a.notes.addNote("removed an unfinished write: " + name)
	}
	return nil
}

// addWorkspaces finds the workspaces in a directory at any depth, except in hidden directories and
// behind symbolic links. It returns leftover files of a killed run.
func addWorkspaces(root *os.Root, formatter *workspace.Formatter) (left []string, err error) {
	limits := source.DefaultLimits()
	files := 0
	tree := root.FS()
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case isLeftOut(name, d):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		case d.Name() == source.TemporaryMetadata:
			left = append(left, name)
			return nil
		}
		if files++; files > limits.Files {
			return fmt.Errorf("the directory has more than %d files", limits.Files)
		}
		directory, ok := findWorkspace(tree, name)
		if !ok {
			return nil
		}
		data, err := readBounded(root, name, limits.FileSize)
		if err != nil {
			return err
		}
		formatter.Add(directory, strings.TrimPrefix(name, directory+"/"), data)
		return nil
	})
	return left, err
}

// isLeftOut reports whether a directory cannot contain workspaces, such as .git.
func isLeftOut(name string, d fs.DirEntry) bool {
	return d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules")
}

// findWorkspace returns the innermost directory above a file that has an .import.yml.
func findWorkspace(tree fs.FS, name string) (string, bool) {
	for directory := path.Dir(name); ; directory = path.Dir(directory) {
		info, err := fs.Stat(tree, path.Join(directory, metadataFile))
		if err == nil && info.Mode().IsRegular() {
			return directory, true
		}
		if directory == "." {
			return "", false
		}
	}
}

// readBounded reads a file of at most maxBytes bytes.
func readBounded(root *os.Root, name string, maxBytes int64) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	return limit.ReadAndClose(file, name, maxBytes)
}

// replaceIn replaces an .import.yml atomically and keeps its permissions. A killed run leaves a
// file that the next run removes.
func replaceIn(root *os.Root, name string, data []byte) (err error) {
	info, err := root.Stat(name)
	if err != nil {
		return err
	}
	temporary := path.Join(path.Dir(name), source.TemporaryMetadata)
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.Remove(temporary))
		}
	}()
	_, err = io.Copy(file, bytes.NewReader(data))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}
