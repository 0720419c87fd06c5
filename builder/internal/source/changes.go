// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/builder/internal/git"
)

// Variables with which Git gives a hook the places of its data.
const (
	envGitDir     = "GIT_DIR"
	envIndexFile  = "GIT_INDEX_FILE"
	envObjects    = "GIT_OBJECT_DIRECTORY"
	envAlternates = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
)

// ChangeOptions select the changes of a repository.
type ChangeOptions struct {
	// Subdir limits the changes to a directory of the repository. Paths are relative to it.
	Subdir string
	// Limits.FileSize bounds a file. A larger file is an error.
	Limits Limits
	// Getenv reads the variables that Git sets for hooks: GIT_DIR, GIT_INDEX_FILE,
	// GIT_OBJECT_DIRECTORY and GIT_ALTERNATE_OBJECT_DIRECTORIES.
	Getenv func(string) string
}

// Changes reads the changes of a Git repository: staged files, or additions of commits. It needs no
// workspaces. It is not safe for concurrent use.
type Changes struct {
	objects storer.EncodedObjectStorer
	storage *filesystem.Storage
	opts    ChangeOptions
	// top is the work tree, or the repository if it has none; dir is the Git directory.
	top, dir string
	close    []func() error
	// snapshots are those of the last commit passed to [Changes.Before].
	snapshots struct {
		commit string
		now    snapshot
		before []snapshot
	}
}

// errNoWorkTree reports a directory outside of any Git work tree.
var errNoWorkTree = errors.New("it is not in a Git work tree: run the scan in one, or name files (builder scan " +
	"FILE…)")

// OpenChanges opens the repository of a directory, or the one in GIT_DIR.
func OpenChanges(dir string, opts ChangeOptions) (*Changes, error) {
	c := &Changes{opts: opts}
	if err := c.locateRepository(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", printableName(dir), err)
	}
	if err := c.openObjects(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", printableName(dir), err), c.Close())
	}
	return c, nil
}

// Close releases the repository.
func (c *Changes) Close() error {
	var errs []error
	for _, fn := range c.close {
		errs = append(errs, fn())
	}
	return errors.Join(errs...)
}

// locateRepository finds the repository of a directory.
func (c *Changes) locateRepository(dir string) (err error) {
	if c.top, err = filepath.Abs(dir); err != nil {
		return err
	}
	if c.top, err = filepath.EvalSymlinks(c.top); err != nil {
		return trimPathError(err)
	}
	if named := c.opts.Getenv(envGitDir); named != "" {
		c.dir = c.resolveHookPath(named)
		if _, err := os.Stat(c.dir); err != nil {
			return fmt.Errorf("%s: %w", envGitDir, err)
		}
		return nil
	}
	top, err := git.FindWorkTree(c.top)
	if err == nil {
		c.top = top
		c.dir, err = git.FindGitDir(top)
		return err
	}
	if c.dir, err = git.FindGitDir(c.top); errors.Is(err, git.ErrRepositoryNotExists) {
		return errNoWorkTree
	}
	return err
}

// resolveHookPath resolves a path that Git passes to a hook. Hooks run at the top of the work tree.
func (c *Changes) resolveHookPath(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.top, name)
}

// openObjects opens the objects of the repository, including those of a pending push, which Git
// keeps separately.
func (c *Changes) openObjects() error {
	storage, err := git.OpenStorage(c.dir)
	if err != nil {
		return err
	}
	c.storage = storage
	c.close = append(c.close, storage.Close)
	if err := git.CheckFormat(storage); err != nil {
		return err
	}
	stores := objectStores{EncodedObjectStorer: storage}
	dirs := append([]string{c.opts.Getenv(envObjects)}, filepath.SplitList(c.opts.Getenv(envAlternates))...)
	for _, dir := range dirs {
		if dir == "" || c.resolveHookPath(dir) == filepath.Join(c.dir, "objects") {
			continue
		}
		more := git.NewStorage(objectsOnly{osfs.New(c.resolveHookPath(dir))})
		c.close = append(c.close, more.Close)
		stores.more = append(stores.more, more)
	}
	c.objects = storage
	if len(stores.more) > 0 {
		c.objects = stores
	}
	return nil
}

// relativePath returns the path of a file relative to Subdir.
func (c *Changes) relativePath(name string) (string, bool) {
	if c.opts.Subdir == "" {
		return name, true
	}
	return strings.CutPrefix(name, c.opts.Subdir+"/")
}

// repositoryPath is the inverse of below.
func (c *Changes) repositoryPath(name string) string { return path.Join(c.opts.Subdir, name) }

func (c *Changes) readBlob(hash plumbing.Hash) ([]byte, error) {
	size, err := git.BlobSize(c.objects, hash)
	if err != nil {
		return nil, err
	}
	if size > c.opts.Limits.FileSize {
		return nil, fmt.Errorf("it is larger than %d bytes: raise --max-file-size, or leave it out of the commit",
			c.opts.Limits.FileSize)
	}
	return git.ReadBlob(c.objects, hash, size)
}

// workspaceMark is the file that makes a directory a workspace.
const workspaceMark = ".import.yml"

// inWorkspace returns the path of a file in the closest workspace above it, prefixed with the name
// of the workspace's directory. It returns "" for a file outside of a workspace, or in one at the
// top.
func inWorkspace(name string, isWorkspace func(dir string) bool) string {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if isWorkspace(dir) {
			return strings.TrimPrefix(name, strings.TrimPrefix(path.Dir(dir)+"/", "./"))
		}
	}
	return ""
}

// objectStores searches several object stores in turn.
type objectStores struct {
	storer.EncodedObjectStorer
	more []storer.EncodedObjectStorer
}

func (s objectStores) EncodedObject(kind plumbing.ObjectType, hash plumbing.Hash) (plumbing.EncodedObject, error) {
	found, err := s.EncodedObjectStorer.EncodedObject(kind, hash)
	for i := 0; errors.Is(err, plumbing.ErrObjectNotFound) && i < len(s.more); i++ {
		found, err = s.more[i].EncodedObject(kind, hash)
	}
	return found, err
}

func (s objectStores) EncodedObjectSize(hash plumbing.Hash) (int64, error) {
	size, err := s.EncodedObjectStorer.EncodedObjectSize(hash)
	for i := 0; errors.Is(err, plumbing.ErrObjectNotFound) && i < len(s.more); i++ {
		size, err = s.more[i].EncodedObjectSize(hash)
	}
	return size, err
}

// objectsOnly presents an object directory as a repository that contains only objects.
type objectsOnly struct{ billy.Filesystem }

func (f objectsOnly) mapPath(name string) (string, error) {
	rest, ok := strings.CutPrefix(path.Clean(filepath.ToSlash(name)), "objects")
	if !ok {
		return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return cmp.Or(strings.TrimPrefix(rest, "/"), "."), nil
}

func (f objectsOnly) Open(name string) (billy.File, error) {
	inside, err := f.mapPath(name)
	if err != nil {
		return nil, err
	}
	return f.Filesystem.Open(inside)
}

func (f objectsOnly) Stat(name string) (os.FileInfo, error) {
	inside, err := f.mapPath(name)
	if err != nil {
		return nil, err
	}
	return f.Filesystem.Stat(inside)
}

func (f objectsOnly) ReadDir(name string) ([]os.FileInfo, error) {
	inside, err := f.mapPath(name)
	if err != nil {
		return nil, err
	}
	return f.Filesystem.ReadDir(inside)
}
