// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"math"
	"net/url"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// checkout is the commit that a directory was checked out from.
type checkout struct {
	// dir is where Git keeps the repository.
	dir  string
	info release.Source
	time time.Time
	// blobs maps the paths that the commit ships to the hashes of their content. It is
	// empty if that cannot be told, so that everything differs.
	blobs map[string]string
}

// identify finds out which commit a directory is of. A directory that is in no Git
// work tree, or in one that cannot be read, has no commit: that is no error.
func identify(dir string) (*checkout, bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, false
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, false
	}
	top, err := workTree(dir)
	if err != nil {
		return nil, false
	}
	subdir, err := filepath.Rel(top, dir)
	if err != nil {
		return nil, false
	}
	if subdir = filepath.ToSlash(subdir); subdir == "." {
		subdir = ""
	}
	c, err := readCheckout(top, subdir)
	return c, err == nil
}

func readCheckout(top, subdir string) (*checkout, error) {
	dir, err := gitDir(top)
	if err != nil {
		return nil, err
	}
	storage, err := openStorage(dir)
	if err != nil {
		return nil, err
	}
	defer storage.Close()
	refs, err := storedReferences(storage)
	if err != nil {
		return nil, err
	}
	commit, err := object.GetCommit(storage, refs.head)
	if err != nil {
		return nil, err
	}
	return &checkout{
		dir:   dir,
		info:  release.Source{URL: origin(storage), Commit: commit.Hash.String(), Ref: refs.headName, Subdir: subdir},
		time:  commit.Committer.When,
		blobs: shipped(storage, commit, subdir),
	}, nil
}

// origin returns the URL of the remote that the work tree was cloned from, without
// user-info, or nothing if it is no URL.
func origin(storage config.ConfigStorer) string {
	settings, err := storage.Config()
	if err != nil {
		return ""
	}
	remote, ok := settings.Remotes["origin"]
	if !ok || len(remote.URLs) == 0 {
		return ""
	}
	if spec, err := Parse(remote.URLs[0]); err == nil && spec.url != nil {
		return spec.url.String()
	}
	if u, err := url.Parse(remote.URLs[0]); err == nil && u.Host != "" {
		clean, _, _ := secret.SplitURL(u)
		return clean.String()
	}
	return ""
}

// shipped lists what a commit would ship, by the rules of every walk.
func shipped(objects storer.EncodedObjectStorer, commit *object.Commit, subdir string) map[string]string {
	tree, err := subtree(commit, subdir)
	if err != nil {
		return nil // it is not in the commit
	}
	w := newWalker(Limits{FileSize: math.MaxInt64, TotalSize: math.MaxInt64, Files: math.MaxInt})
	if err := w.list(context.Background(), gitDirectory{objects: objects, tree: tree}); err != nil {
		return nil
	}
	blobs := make(map[string]string, len(w.files))
	for _, e := range w.files {
		blobs[e.path] = e.hash
	}
	return blobs
}

// comparison tells whether a walk has shipped what a checkout's commit would.
type comparison struct {
	blobs map[string]string
	same  int
	other bool
}

func (c *comparison) add(path string, data []byte) {
	if c.blobs[path] == plumbing.ComputeHash(plumbing.BlobObject, data).String() {
		c.same++
	} else {
		c.other = true
	}
}

func (c *comparison) differs() bool { return c.other || c.same != len(c.blobs) }
