// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	format "github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/internal/release"
)

// maxTags is how many tags of tags lead to a commit.
const maxTags = 10

// openGit fetches one commit of a repository, or opens a repository of this machine.
func openGit(ctx context.Context, spec Spec, opts Options) (*Tree, error) {
	if spec.url.Scheme == "file" {
		return openLocal(spec)
	}
	dir, err := os.MkdirTemp(opts.TempDir, "git-")
	if err != nil {
		return nil, fmt.Errorf("create a temporary directory: %w", err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	want, err := fetch(ctx, spec, opts, dir)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	storage, err := openStorage(dir)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	tree, err := openCommit(storage, want, spec)
	if err != nil {
		return nil, errors.Join(err, storage.Close(), remove())
	}
	tree.close = append(tree.close, remove)
	return tree, nil
}

// openLocal reads a repository where it is: nothing is fetched, and no program runs.
func openLocal(spec Spec) (*Tree, error) {
	dir, err := gitDir(spec.url.Path)
	if err != nil {
		return nil, pathError(err)
	}
	storage, err := openStorage(dir)
	if err != nil {
		return nil, err
	}
	tree, err := openStored(storage, spec)
	if err != nil {
		return nil, errors.Join(err, storage.Close())
	}
	return tree, nil
}

func openStored(storage *filesystem.Storage, spec Spec) (*Tree, error) {
	if err := checkObjectFormat(storage); err != nil {
		return nil, err
	}
	refs, err := storedReferences(storage)
	if err != nil {
		return nil, fmt.Errorf("read its references: %w", err)
	}
	want, err := choose(refs, spec.ref)
	if err != nil {
		return nil, err
	}
	return openCommit(storage, want, spec)
}

// checkObjectFormat refuses repositories whose hashes go-git cannot read.
func checkObjectFormat(storage *filesystem.Storage) error {
	settings, err := storage.Config()
	if err != nil {
		return fmt.Errorf("read its configuration: %w", err)
	}
	// go-git (v5.17) writes this setting, and does not read it.
	if settings.Raw.Section("extensions").Option("objectformat") == string(format.SHA256) {
		return errSHA256
	}
	return nil
}

// openCommit opens the tree of a commit, or of the commit that a tag names. Closing
// the tree closes the storage.
func openCommit(storage *filesystem.Storage, want named, spec Spec) (*Tree, error) {
	commit, err := commitOf(storage, want.hash)
	if err != nil {
		return nil, err
	}
	root, err := subtree(commit, spec.subdir)
	if err != nil {
		return nil, err
	}
	return &Tree{
		root:    gitDirectory{objects: storage, tree: root},
		storage: storage,
		info:    release.Source{URL: spec.url.String(), Commit: commit.Hash.String(), Ref: want.ref, Subdir: spec.subdir},
		commit:  commit.Committer.When,
		close:   []func() error{storage.Close},
	}, nil
}

func commitOf(objects storer.EncodedObjectStorer, hash plumbing.Hash) (*object.Commit, error) {
	for range maxTags {
		tag, err := object.GetTag(objects, hash)
		if err != nil {
			break
		}
		hash = tag.Target
	}
	commit, err := object.GetCommit(objects, hash)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", hash, err)
	}
	return commit, nil
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

func (d gitDirectory) entries(limit int) ([]entry, error) {
	if len(d.tree.Entries) > limit {
		return nil, errTooMany
	}
	list := make([]entry, 0, len(d.tree.Entries))
	for _, item := range d.tree.Entries {
		e, err := d.entry(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", printable(item.Name), err)
		}
		list = append(list, e)
	}
	return list, nil
}

func (d gitDirectory) entry(item object.TreeEntry) (entry, error) {
	e := entry{name: item.Name, kind: unsupported, hash: item.Hash.String()}
	switch item.Mode {
	case filemode.Dir:
		e.kind = folder
		e.open = func() (directory, error) {
			tree, err := object.GetTree(d.objects, item.Hash)
			return gitDirectory{objects: d.objects, tree: tree}, err
		}
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		size, err := blobSize(d.objects, item.Hash)
		if err != nil {
			return entry{}, err
		}
		e.kind, e.size = regular, size
		e.read = func() ([]byte, error) { return readBlob(d.objects, item.Hash, size) }
	case filemode.Symlink:
		e.kind = symlink
	case filemode.Submodule:
		e.kind = submodule
	}
	return e, nil
}

// blobSize looks for the object itself where go-git does not look for its size: in the
// repositories that this one borrows objects from.
func blobSize(objects storer.EncodedObjectStorer, hash plumbing.Hash) (int64, error) {
	size, err := objects.EncodedObjectSize(hash)
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return size, err
	}
	blob, err := objects.EncodedObject(plumbing.BlobObject, hash)
	if err != nil {
		return 0, fmt.Errorf("read blob %s: %w", hash, err)
	}
	return blob.Size(), nil
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
