// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	// objectCache is what go-git may keep of a repository in memory.
	objectCache = 16 * cache.MiByte
	// largeObject is the size in bytes from which objects are streamed from disk.
	largeObject = 1 << 20
)

// openGit fetches one commit of a repository, or opens a repository of this machine.
func openGit(ctx context.Context, spec Spec, opts Options) (*Tree, error) {
	if spec.url.Scheme == "file" {
		return openLocal(spec)
	}
	dir, err := os.MkdirTemp(opts.TempDir, "git-")
	if err != nil {
		return nil, fmt.Errorf("create a temporary directory: %w", err)
	}
	storage := filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(objectCache),
		filesystem.Options{LargeObjectThreshold: largeObject, KeepDescriptors: true})
	remove := func() error { return errors.Join(storage.Close(), os.RemoveAll(dir)) }
	got, err := fetch(ctx, spec, opts, storage)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	tree, err := commitTree(storage, got.hash, spec, got.ref)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	tree.info.URL, tree.close = spec.url.String(), remove
	return tree, nil
}

// openLocal reads a repository where it is: nothing is fetched, and no program runs.
func openLocal(spec Spec) (*Tree, error) {
	repository, err := git.PlainOpen(spec.url.Path)
	if err != nil {
		return nil, err
	}
	name := spec.ref
	if name == "" {
		name = plumbing.HEAD.String()
	}
	hash, err := repository.ResolveRevision(plumbing.Revision(name))
	if err != nil {
		return nil, fmt.Errorf("there is no %s in it: %w", name, err)
	}
	tree, err := commitTree(repository.Storer, *hash, spec, spec.ref)
	if err != nil {
		return nil, err
	}
	tree.info.URL, tree.close = spec.url.String(), func() error { return nil }
	return tree, nil
}

// commitTree is the tree of a commit, or of the commit that a tag names.
func commitTree(objects storer.EncodedObjectStorer, hash plumbing.Hash, spec Spec, ref string) (*Tree, error) {
	if tag, err := object.GetTag(objects, hash); err == nil {
		hash = tag.Target
	}
	commit, err := object.GetCommit(objects, hash)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", hash, err)
	}
	root, err := subtree(commit, spec.subdir)
	if err != nil {
		return nil, err
	}
	return &Tree{
		root:   gitDirectory{objects: objects, tree: root},
		info:   release.Source{Commit: commit.Hash.String(), Ref: ref, Subdir: spec.subdir},
		commit: commit.Committer.When,
	}, nil
}

func subtree(commit *object.Commit, subdir string) (*object.Tree, error) {
	root, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("read the tree of commit %s: %w", commit.Hash, err)
	}
	if subdir == "" {
		return root, nil
	}
	tree, err := root.Tree(subdir)
	if err != nil {
		return nil, fmt.Errorf("there is no directory %s in commit %s: correct --subdir", subdir, commit.Hash)
	}
	return tree, nil
}

// gitDirectory is a tree of a commit.
type gitDirectory struct {
	objects storer.EncodedObjectStorer
	tree    *object.Tree
}

var _ directory = gitDirectory{}

func (d gitDirectory) entries() ([]entry, error) {
	list := make([]entry, 0, len(d.tree.Entries))
	for _, item := range d.tree.Entries {
		e := entry{name: item.Name, hash: item.Hash.String()}
		switch item.Mode {
		case filemode.Dir:
			e.kind = folder
			e.open = func() (directory, error) {
				tree, err := object.GetTree(d.objects, item.Hash)
				return gitDirectory{objects: d.objects, tree: tree}, err
			}
		case filemode.Regular, filemode.Executable, filemode.Deprecated:
			size, err := d.objects.EncodedObjectSize(item.Hash)
			if err != nil {
				return nil, fmt.Errorf("%s: read blob %s: %w", item.Name, item.Hash, err)
			}
			e.kind, e.size = regular, size
			e.read = func() ([]byte, error) { return readBlob(d.objects, item.Hash, size) }
		case filemode.Symlink:
			e.kind = symlink
		case filemode.Submodule:
			e.kind = submodule
		default:
			e.kind = unsupported
		}
		list = append(list, e)
	}
	return list, nil
}

// readBlob reads a blob of the listed size.
func readBlob(objects storer.EncodedObjectStorer, hash plumbing.Hash, size int64) (data []byte, err error) {
	blob, err := object.GetBlob(objects, hash)
	if err != nil {
		return nil, err
	}
	r, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data = make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", hash, err)
	}
	return data, nil
}
