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
)

// metadataFile is what makes a directory a workspace for fmt.
const metadataFile = ".import.yml"

func (a *app) format() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "fmt [SOURCE]",
		Short: "Bring the .import.yml of workspaces in a directory up to date",
		Long: "Rewrites .import.yml of every workspace in a directory (default: the current one) in place: the\n" +
			"checksums are those of the files, dependsOn has the apps that imports use and another workspace\n" +
			"publishes, and the keys have their usual order. Comments stay, and so does a file that is up to date.",
		Example: "  builder fmt\n  builder fmt --check workspaces",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return a.formatDirectory(dir, check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing: list the files that are not up to date, and end with exit code 3 if there are any")
	return cmd
}

func (a *app) formatDirectory(dir string, check bool) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() || strings.Contains(dir, "://") {
		return withCode(exitUsage, fmt.Errorf("%s is not a directory: fmt writes files in place", dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return withCode(exitSource, fmt.Errorf("open directory: %w", err))
	}
	defer root.Close()
	formatter := workspace.NewFormatter(workspace.Limits{})
	if err := addWorkspaces(root, formatter); err != nil {
		return withCode(exitSource, err)
	}
	list, failed := formatter.Finish()
	for _, f := range list {
		if !check {
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
	if check && len(list) > 0 {
		return withCode(exitInvalid, fmt.Errorf("%d .import.yml not up to date: run builder fmt", len(list)))
	}
	return nil
}

// addWorkspaces finds the workspaces in a directory, wherever they are below it. Hidden
// directories and symbolic links are left out.
func addWorkspaces(root *os.Root, formatter *workspace.Formatter) error {
	limits := source.DefaultLimits()
	files := 0
	tree := root.FS()
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if files++; files > limits.Files {
			return fmt.Errorf("the directory has more than %d files", limits.Files)
		}
		directory, ok := workspaceOf(tree, name)
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
}

// workspaceOf returns the innermost directory above a file that has an .import.yml.
func workspaceOf(tree fs.FS, name string) (string, bool) {
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

func readBounded(root *os.Root, name string, limit int64) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	return readAtMost(file, limit)
}

// readAtMost reads a file to its end, and closes it.
func readAtMost(file *os.File, limit int64) ([]byte, error) {
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", file.Name(), limit)
	}
	return data, err
}

// replaceIn replaces a file, which is as it was or has all of data. Its permissions stay.
func replaceIn(root *os.Root, name string, data []byte) (err error) {
	info, err := root.Stat(name)
	if err != nil {
		return err
	}
	temporary := name + ".builder-fmt"
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
