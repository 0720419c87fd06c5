// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

const (
	// objectCache is what go-git may keep of a repository in memory.
	objectCache = 16 * cache.MiByte
	// largeObject is the size in bytes from which objects are streamed from disk.
	largeObject = 1 << 20
	// maxPointer bounds the files that say where a repository is, in bytes.
	maxPointer = 64 << 10
)

// errNoRepository is a directory in which Git keeps nothing.
var errNoRepository = errors.New("there is no Git repository in it")

// openStorage opens what Git keeps of a repository: .git, or all of a bare one. It is
// only read. We do not open it as a go-git repository, which refuses clones that are
// sparse or partial.
func openStorage(dir string) (*filesystem.Storage, error) {
	files := osfs.New(dir)
	common, err := readPointer(filepath.Join(dir, "commondir"), "")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all billy.Filesystem = files
	if err == nil { // a work tree beside the main one
		all = dotgit.NewRepositoryFilesystem(files, osfs.New(common))
	}
	return newStorage(all), nil
}

func newStorage(files billy.Filesystem) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(files, cache.NewObjectLRU(objectCache), filesystem.Options{
		LargeObjectThreshold: largeObject,
		KeepDescriptors:      true,
		AlternatesFS:         osfs.New("/"),
	})
}

// gitDir returns where Git keeps the repository of a directory: in it, in its .git, or
// where the file .git says.
func gitDir(dir string) (string, error) {
	path := filepath.Join(dir, ".git")
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return path, nil
	case err == nil:
		return readPointer(path, "gitdir:")
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	for _, part := range []string{"HEAD", "objects"} {
		if _, err := os.Stat(filepath.Join(dir, part)); err != nil {
			return "", errNoRepository
		}
	}
	return dir, nil
}

// workTree returns the closest directory with a .git, from dir upwards.
func workTree(dir string) (string, error) {
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoRepository
		}
		dir = parent
	}
}

// readPointer reads a file that holds a path, which is relative to the file's own.
func readPointer(file, prefix string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPointer))
	if err != nil {
		return "", err
	}
	path, found := strings.CutPrefix(strings.TrimSpace(string(data)), prefix)
	if path = strings.TrimSpace(path); !found || path == "" {
		return "", fmt.Errorf("%s does not say where the repository is", file)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	return path, nil
}

// storedReferences lists the references of a repository on this machine.
func storedReferences(storage storer.ReferenceStorer) (references, error) {
	list := references{byName: map[string]plumbing.Hash{}, any: true}
	all, err := storage.IterReferences()
	if err != nil {
		return references{}, err
	}
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference {
			list.byName[r.Name().String()] = r.Hash()
		}
		return nil
	})
	if err != nil {
		return references{}, err
	}
	head, err := storer.ResolveReference(storage, plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return list, nil // a repository without commits
	} else if err != nil {
		return references{}, err
	}
	list.head = head.Hash()
	if head.Name().IsBranch() {
		list.headName = head.Name().Short()
	}
	return list, nil
}
