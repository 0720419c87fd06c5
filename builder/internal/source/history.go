// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/builder/internal/git"
)

// maxHistoryDepth bounds the depth of directories in a commit.
const maxHistoryDepth = 500

// errShallow reports a clone that lacks the requested history.
var errShallow = errors.New("the clone is shallow and lacks a part of the history: fetch all of it (git fetch " +
	"--unshallow; in GitLab CI GIT_DEPTH: 0, in GitHub Actions fetch-depth: 0)")

// Version is a file in a commit.
type Version struct {
	// Path is relative to the root of the workspaces, with slashes. All files below it count,
	// including those at the top, hidden ones, and those that never shipped.
	Path string
	// Size in bytes. Data is nil if the file exceeds the limit.
	Size int64
	Data []byte
	// Commit is the hash of the first commit with the file, Time when it was made.
	Commit string
	Time   time.Time
	// Within is the path in the workspace, prefixed with the name of the workspace's directory;
	// empty if equal to Path or unknown.
	Within string
}

// History calls fn once for every content that a file has had in the source's commit or its
// ancestors, at its first occurrence, parents before children. Contents of the commit since and its
// ancestors are skipped; since is empty, or all zeros, for none. It returns the number of commits.
func (t *Tree) History(ctx context.Context, since string, fn func(Version) error) (commits int, err error) {
	storage, closeStorage, err := t.openHistory()
	if err != nil {
		return 0, fmt.Errorf("history of the source: %w", err)
	}
	defer func() { err = errors.Join(err, closeStorage()) }()
	h := historyWalker{
		objects: storage,
		subdir:  t.info.Subdir,
		limit:   t.limits.FileSize,
		seen:    map[plumbing.Hash]bool{},
		fn:      fn,
	}
	if strings.Trim(since, "0") == "" {
		since = "" // CI systems use zeros for the commit before the first one
	}
	list, err := h.listSince(ctx, storage, t.info.Commit, since)
	if err != nil {
		return 0, fmt.Errorf("history of the source: %w", err)
	}
	for _, hash := range list {
		if err := h.visitCommit(ctx, hash); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// openHistory returns the repository of the source with its complete history.
func (t *Tree) openHistory() (*filesystem.Storage, func() error, error) {
	storage := t.storage
	closeStorage := func() error { return nil }
	if storage == nil {
		if t.checkout == nil {
			return nil, nil, errors.New("the directory is in no Git work tree that can be read")
		}
		var err error
		if storage, err = git.OpenStorage(t.checkout.dir); err != nil {
			return nil, nil, err
		}
		closeStorage = storage.Close
	}
	shallow, err := storage.Shallow()
	if err == nil && len(shallow) > 0 {
		err = errShallow
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeStorage())
	}
	return storage, closeStorage, nil
}

// historyWalker walks the history of a directory.
type historyWalker struct {
	objects storer.EncodedObjectStorer
	subdir  string
	limit   int64
	// seen are trees and blobs: their content is the same wherever they occur.
	seen map[plumbing.Hash]bool
	fn   func(Version) error
	// shallow are commits whose parents are missing.
	shallow []plumbing.Hash
}

// listSince lists the commits to visit. The contents of the commit since count as seen.
func (h *historyWalker) listSince(
	ctx context.Context,
	storage *filesystem.Storage,
	tip, since string,
) ([]plumbing.Hash, error) {
	known := map[plumbing.Hash]bool{}
	if since != "" {
		commit, err := resolver{h.objects, storage}.resolveCommit(since)
		if err != nil {
			return nil, fmt.Errorf("commit to start after: %w", err)
		}
		if _, err := h.listAncestors(ctx, commit.Hash, known); err != nil {
			return nil, fmt.Errorf("commit %s to start after: %w", since, err)
		}
		all := h.fn
		h.fn = nil
		if err := h.visitCommit(ctx, commit.Hash); err != nil {
			return nil, err
		}
		h.fn = all
	}
	return h.listAncestors(ctx, plumbing.NewHash(tip), known)
}

// listAncestors lists a commit and its unknown ancestors, parents first, and marks them as known.
func (h *historyWalker) listAncestors(
	ctx context.Context,
	tip plumbing.Hash,
	known map[plumbing.Hash]bool,
) (list []plumbing.Hash, err error) {
	type step struct {
		hash plumbing.Hash
		done bool // its parents are listed
	}
	for stack := []step{{hash: tip}}; len(stack) > 0; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		next := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if next.done {
			list = append(list, next.hash)
			continue
		}
		if known[next.hash] {
			continue
		}
		known[next.hash] = true
		commit, err := object.GetCommit(h.objects, next.hash)
		if err != nil {
			return nil, fmt.Errorf("read commit %s: %w", next.hash, err)
		}
		stack = append(stack, step{next.hash, true})
		if slices.Contains(h.shallow, next.hash) {
			continue
		}
		for _, parent := range slices.Backward(commit.ParentHashes) {
			stack = append(stack, step{hash: parent})
		}
	}
	return list, nil
}

// visitCommit visits the directory in a commit, if it exists there.
func (h *historyWalker) visitCommit(ctx context.Context, hash plumbing.Hash) error {
	commit, err := object.GetCommit(h.objects, hash)
	if err != nil {
		return fmt.Errorf("read commit %s: %w", hash, err)
	}
	tree, err := commit.Tree()
	if err == nil && h.subdir != "" {
		tree, err = tree.Tree(h.subdir)
	}
	if errors.Is(err, object.ErrDirectoryNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read the tree of commit %s: %w", hash, err)
	}
	return h.visitTree(ctx, commit, tree, "", 0)
}

// visitTree visits a directory of a commit recursively.
func (h *historyWalker) visitTree(
	ctx context.Context,
	commit *object.Commit,
	tree *object.Tree,
	dir string,
	depth int,
) error {
	if h.seen[tree.Hash] {
		return nil
	}
	h.seen[tree.Hash] = true
	if depth > maxHistoryDepth {
		return fmt.Errorf("commit %s: directories are nested too deeply", commit.Hash)
	}
	for _, item := range tree.Entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := h.visitEntry(ctx, commit, item, joinPath(dir, item.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (h *historyWalker) visitEntry(
	ctx context.Context,
	commit *object.Commit,
	item object.TreeEntry,
	path string,
	depth int,
) error {
	switch item.Mode {
	case filemode.Dir:
		tree, err := object.GetTree(h.objects, item.Hash)
		if err != nil {
			return fmt.Errorf("commit %s: read directory %s: %w", commit.Hash, printableName(path), err)
		}
		return h.visitTree(ctx, commit, tree, path, depth+1)
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		if h.seen[item.Hash] {
			return nil
		}
		h.seen[item.Hash] = true
		if h.fn == nil {
			return nil
		}
		return h.visitVersion(commit, item.Hash, path)
	default:
		return nil // links and submodules have no content
	}
}

func (h *historyWalker) visitVersion(commit *object.Commit, hash plumbing.Hash, path string) error {
	v := Version{Path: path, Commit: commit.Hash.String(), Time: commit.Committer.When}
	var err error
	if v.Size, err = git.BlobSize(h.objects, hash); err == nil && v.Size <= h.limit {
		v.Data, err = git.ReadBlob(h.objects, hash, v.Size)
	}
	if err != nil {
		return fmt.Errorf("commit %s: read %s: %w", commit.Hash, printableName(path), err)
	}
	return h.fn(v)
}
