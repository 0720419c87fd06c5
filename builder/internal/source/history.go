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

// maxHistoryDepth is how deep the directories of a commit are, at most.
const maxHistoryDepth = 500

// errShallow is a clone without the history that was asked for.
var errShallow = errors.New("the clone is shallow, so that its history is not here: fetch all of it (git fetch --unshallow; in GitLab CI GIT_DEPTH: 0, in GitHub Actions fetch-depth: 0)")

// Version is a file as it was in a commit.
type Version struct {
	// Path is relative to the root of the workspaces, with slashes. Everything below it
	// counts: files at the top, hidden ones, and what never shipped.
	Path string
	// Size in bytes. Data is nil if it is over the limit for a file.
	Size int64
	Data []byte
	// Commit is the hash of the first commit with the file, and Time when that was made.
	Commit string
	Time   time.Time
	// Within is the path in its workspace, with the name of the workspace's directory in
	// front; empty where that is Path, or not known.
	Within string
}

// History hands fn every content that a file ever had in the commit that is the source
// and in those before it, each once: where it was first, parents before children. Since
// names a commit of which, and of what is before it, everything is known already; it is
// empty, or of zeros only, for none. It returns how many commits were looked at.
//
// The repository needs its history: [Options.History], or a full clone.
func (t *Tree) History(ctx context.Context, since string, fn func(Version) error) (commits int, err error) {
	storage, closeStorage, err := t.openHistory()
	if err != nil {
		return 0, fmt.Errorf("history of the source: %w", err)
	}
	defer func() { err = errors.Join(err, closeStorage()) }()
	h := historian{objects: storage, subdir: t.info.Subdir, limit: t.limits.FileSize, seen: map[plumbing.Hash]bool{}, fn: fn}
	if strings.Trim(since, "0") == "" {
		since = "" // as a CI system names the commit before the first one
	}
	list, err := h.since(ctx, storage, t.info.Commit, since)
	if err != nil {
		return 0, fmt.Errorf("history of the source: %w", err)
	}
	for _, hash := range list {
		if err := h.commit(ctx, hash); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// openHistory returns what Git keeps of the source, with all of its history.
func (t *Tree) openHistory() (*filesystem.Storage, func() error, error) {
	storage, closeStorage := t.storage, func() error { return nil }
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

// historian walks the history of a directory.
type historian struct {
	objects storer.EncodedObjectStorer
	subdir  string
	limit   int64
	// seen are trees and blobs: what is in one is the same wherever it stands.
	seen map[plumbing.Hash]bool
	fn   func(Version) error
	// shallow are commits whose parents are not here.
	shallow []plumbing.Hash
}

// since lists the commits to look at. Everything in the commit since is seen already.
func (h *historian) since(ctx context.Context, storage *filesystem.Storage, tip, since string) ([]plumbing.Hash, error) {
	known := map[plumbing.Hash]bool{}
	if since != "" {
		commit, err := resolver{h.objects, storage}.commit(since)
		if err != nil {
			return nil, fmt.Errorf("commit since which to look: %w", err)
		}
		if _, err := h.ancestors(ctx, commit.Hash, known); err != nil {
			return nil, fmt.Errorf("commit %s, since which to look: %w", since, err)
		}
		all := h.fn
		h.fn = nil
		if err := h.commit(ctx, commit.Hash); err != nil {
			return nil, err
		}
		h.fn = all
	}
	return h.ancestors(ctx, plumbing.NewHash(tip), known)
}

// ancestors lists a commit and those before it that are not known yet, and makes them
// known. Parents come before their children.
func (h *historian) ancestors(ctx context.Context, tip plumbing.Hash, known map[plumbing.Hash]bool) (list []plumbing.Hash, err error) {
	type step struct {
		hash plumbing.Hash
		done bool // its parents are in the list
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

// commit looks at the directory in one commit, if it is there.
func (h *historian) commit(ctx context.Context, hash plumbing.Hash) error {
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
	return h.tree(ctx, commit, tree, "", 0)
}

// tree looks at a directory of a commit, and at what is below it.
func (h *historian) tree(ctx context.Context, commit *object.Commit, tree *object.Tree, dir string, depth int) error {
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
		if err := h.entry(ctx, commit, item, join(dir, item.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (h *historian) entry(ctx context.Context, commit *object.Commit, item object.TreeEntry, path string, depth int) error {
	switch item.Mode {
	case filemode.Dir:
		tree, err := object.GetTree(h.objects, item.Hash)
		if err != nil {
			return fmt.Errorf("commit %s: read directory %s: %w", commit.Hash, printable(path), err)
		}
		return h.tree(ctx, commit, tree, path, depth+1)
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		if h.seen[item.Hash] {
			return nil
		}
		h.seen[item.Hash] = true
		if h.fn == nil {
			return nil
		}
		return h.version(commit, item.Hash, path)
	default:
		return nil // links and submodules have no content
	}
}

func (h *historian) version(commit *object.Commit, hash plumbing.Hash, path string) error {
	v := Version{Path: path, Commit: commit.Hash.String(), Time: commit.Committer.When}
	var err error
	if v.Size, err = git.BlobSize(h.objects, hash); err == nil && v.Size <= h.limit {
		v.Data, err = git.ReadBlob(h.objects, hash, v.Size)
	}
	if err != nil {
		return fmt.Errorf("commit %s: read %s: %w", commit.Hash, printable(path), err)
	}
	return h.fn(v)
}
