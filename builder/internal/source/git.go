// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/internal/release"
)

// openGit fetches a commit of a remote repository, or opens a local one.
func openGit(ctx context.Context, spec Spec, opts Options) (*Tree, error) {
	if spec.remote.URL.Scheme == "file" {
		return openLocal(spec)
	}
	dir, err := os.MkdirTemp(opts.TempDir, "git-")
	if err != nil {
		return nil, fmt.Errorf("create a temporary directory (TMPDIR): %w", err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	want, err := git.Fetch(ctx, spec.remote, opts.fetchOptions(spec.ref), dir)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	storage, err := git.OpenStorage(dir)
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

// openLocal opens a local repository without fetching or running Git.
func openLocal(spec Spec) (*Tree, error) {
	dir, err := git.FindGitDir(git.LocalPath(spec.remote.URL))
	if err != nil {
		return nil, trimPathError(err)
	}
	storage, err := git.OpenStorage(dir)
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
	if err := git.CheckFormat(storage); err != nil {
		return nil, git.AdviseCheckout(err)
	}
	refs, err := git.ReadReferences(storage)
	if err != nil {
		return nil, fmt.Errorf("read its references: %w", err)
	}
	want, err := refs.Resolve(spec.ref)
	if err != nil {
		return nil, err
	}
	return openCommit(storage, want, spec)
}

// openCommit opens the tree of a commit or tag. Closing the tree closes the storage.
func openCommit(storage *filesystem.Storage, want git.Reference, spec Spec) (*Tree, error) {
	commit, err := git.PeelCommit(storage, want.Hash)
	if err != nil {
		return nil, err
	}
	root, err := findSubtree(commit, spec.subdir)
	if err != nil {
		return nil, err
	}
	return &Tree{
		root:    gitDirectory{objects: storage, tree: root},
		storage: storage,
		info: release.Source{
			URL:    spec.remote.URL.String(),
			Commit: commit.Hash.String(),
			Ref:    want.Name,
			Subdir: spec.subdir,
		},
		commit: commit.Committer.When,
		close:  []func() error{storage.Close},
	}, nil
}

func findSubtree(commit *object.Commit, subdir string) (*object.Tree, error) {
	root, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("read the tree of commit %s: %w", commit.Hash, git.ExplainMissing(err))
	}
	if subdir == "" {
		return root, nil
	}
	tree, err := root.Tree(subdir)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("read directory %s of commit %s: %w", subdir, commit.Hash, git.ExplainMissing(err))
	}
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
		e, err := d.newEntry(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", printableName(item.Name), err)
		}
		list = append(list, e)
	}
	return list, nil
}

func (d gitDirectory) newEntry(item object.TreeEntry) (entry, error) {
	e := entry{name: item.Name, kind: unsupported, hash: item.Hash.String()}
	switch item.Mode {
	case filemode.Dir:
		e.kind = folder
		e.open = func() (directory, error) {
			tree, err := object.GetTree(d.objects, item.Hash)
			return gitDirectory{objects: d.objects, tree: tree}, git.ExplainMissing(err)
		}
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		size, err := git.BlobSize(d.objects, item.Hash)
		if err != nil {
			return entry{}, err
		}
		e.kind = regular
		e.size = size
		e.read = func() ([]byte, error) { return git.ReadBlob(d.objects, item.Hash, size) }
	case filemode.Symlink:
		e.kind = symlink
	case filemode.Submodule:
		e.kind = submodule
	}
	return e, nil
}
