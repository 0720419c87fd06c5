// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	format "github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"github.com/prismeai/workspaces-release/internal/limit"
)

const (
	// maxTags limits the number of tags between a hash and its commit.
	maxTags = 10
	// objectCache is the size of go-git's object cache in bytes.
	objectCache = 16 * cache.MiByte
	// largeObject is the size in bytes from which objects are streamed from disk.
	largeObject = 1 << 20
	// maxPointer limits the size of files that contain the path of a repository, in bytes.
	maxPointer = 64 << 10
)

// OpenStorage opens a Git directory (.git or a bare repository) for reading. It does not open a
// go-git repository, because go-git refuses sparse and partial clones.
func OpenStorage(dir string) (*filesystem.Storage, error) {
	files := osfs.New(dir)
	common, err := readPointer(filepath.Join(dir, "commondir"), "")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := files
	if err == nil { // a linked work tree
		if err := requireRepository(filepath.Join(dir, "commondir"), common); err != nil {
			return nil, err
		}
		all = dotgit.NewRepositoryFilesystem(files, osfs.New(common))
	}
	return NewStorage(all), nil
}

// NewStorage opens the Git directory at the root of a file system, like [OpenStorage].
func NewStorage(files billy.Filesystem) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(files, cache.NewObjectLRU(objectCache), filesystem.Options{
		LargeObjectThreshold: largeObject,
		KeepDescriptors:      true,
		AlternatesFS:         osfs.New("/"),
	})
}

// FindGitDir returns the Git directory of a repository: the directory itself, its .git, or the
// target of the file .git.
func FindGitDir(dir string) (string, error) {
	path := filepath.Join(dir, ".git")
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return path, nil
	case err == nil:
		target, err := readPointer(path, "gitdir:")
		if err != nil {
			return "", err
		}
		return target, requireRepository(path, target)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	for _, part := range []string{"HEAD", "objects"} {
		if _, err := os.Stat(filepath.Join(dir, part)); err != nil {
			return "", ErrRepositoryNotExists
		}
	}
	return dir, nil
}

// requireRepository returns an error if the directory that a pointer file names is not a repository.
// In a container, it often is outside of what was mounted.
func requireRepository(pointer, dir string) error {
	_, err := os.Stat(filepath.Join(dir, "HEAD"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s names the repository %s, which does not exist on this machine: mount it at this path, "+
			"or use a clone of its own", pointer, dir)
	}
	return err
}

// FindWorkTree returns the closest directory with a .git, from dir upwards.
func FindWorkTree(dir string) (string, error) {
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrRepositoryNotExists
		}
		dir = parent
	}
}

// readPointer reads a file that contains a path, which may be relative to the file's directory.
func readPointer(file, prefix string) (string, error) {
	data, err := limit.ReadFile(file, maxPointer)
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

// ReadReferences lists the references of a local repository.
func ReadReferences(storage storer.ReferenceStorer) (References, error) {
	list := References{ByName: map[string]plumbing.Hash{}, AnyCommit: true}
	all, err := storage.IterReferences()
	if err != nil {
		return References{}, err
	}
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference {
			list.ByName[r.Name().String()] = r.Hash()
		}
		return nil
	})
	if err != nil {
		return References{}, err
	}
	head, err := storer.ResolveReference(storage, plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return list, nil // a repository without commits
	} else if err != nil {
		return References{}, err
	}
	list.Head = head.Hash()
	if head.Name().IsBranch() {
		list.HeadName = head.Name().Short()
	}
	return list, nil
}

// CheckFormat returns an error for a repository whose hashes or references go-git cannot read.
func CheckFormat(storage *filesystem.Storage) error {
	settings, err := storage.Config()
	if err != nil {
		return fmt.Errorf("read its configuration: %w", err)
	}
	// go-git (v5.17) does not read these settings.
	extensions := settings.Raw.Section("extensions")
	switch {
	case extensions.Option("objectformat") == string(format.SHA256):
		return errSHA256
	case strings.EqualFold(extensions.Option("refstorage"), "reftable"):
		return errReftable
	}
	return nil
}

// PeelCommit returns the commit with the given hash, or the commit that an annotated tag points to.
func PeelCommit(objects storer.EncodedObjectStorer, hash plumbing.Hash) (*object.Commit, error) {
	for range maxTags {
		tag, err := object.GetTag(objects, hash)
		if err != nil {
			break
		}
		hash = tag.Target
	}
	commit, err := object.GetCommit(objects, hash)
	if err == nil {
		return commit, nil
	}
	if other, err := objects.EncodedObject(plumbing.AnyObject, hash); err == nil && other.Type() != plumbing.TagObject {
		return nil, fmt.Errorf("%s is a %s: name a commit, or a tag of one", hash, other.Type())
	}
	return nil, fmt.Errorf("read commit %s: %w", hash, ExplainMissing(err))
}

// ExplainMissing adds a remedy to the error of an object that a local repository lacks.
func ExplainMissing(err error) error {
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return err
	}
	return fmt.Errorf("%w: use a full clone (git fetch --refetch --no-filter completes a partial one), and mount the "+
		"repositories that objects/info/alternates names", err)
}
