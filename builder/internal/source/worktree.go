// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"math"
	"net/url"
	"path"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// checkout is the commit that a directory was checked out from.
type checkout struct {
	// dir is the Git directory.
	dir  string
	info release.Source
	time time.Time
	// blobs maps the shipped paths of the commit to the hashes of their content. It is empty if
	// they are unknown, so that everything differs.
	blobs map[string]string
}

// identifyCheckout determines the commit of a directory. A directory outside of a Git work tree, or in an
// unreadable one, has none; the user is notified of the latter.
func (t *Tree) identifyCheckout(spec Spec) {
	dir := filepath.Join(spec.dir, spec.subdir, filepath.FromSlash(t.place))
	found, err := t.findCheckout(dir)
	switch {
	case errors.Is(err, git.ErrRepositoryNotExists):
	case err != nil:
		t.notify("the commit of the directory is unknown, so that the release does not name it: " + err.Error())
	default:
		t.checkout = found
		t.info = found.info
		t.commit = found.time
	}
}

func (t *Tree) findCheckout(dir string) (*checkout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, trimPathError(err)
	}
	top, err := git.FindWorkTree(dir)
	if err != nil {
		return nil, err
	}
	subdir, err := filepath.Rel(top, dir)
	if err != nil {
		return nil, err
	}
	if subdir = filepath.ToSlash(subdir); subdir == "." {
		subdir = ""
	}
	return t.readCheckout(top, subdir)
}

func (t *Tree) readCheckout(top, subdir string) (*checkout, error) {
	dir, err := git.FindGitDir(top)
	if err != nil {
		return nil, err
	}
	storage, err := git.OpenStorage(dir)
	if err != nil {
		return nil, err
	}
	defer storage.Close()
	if err := git.CheckObjectFormat(storage); err != nil {
		return nil, errors.New("the builder does not read repositories with SHA-256 hashes yet")
	}
	refs, err := git.ReadReferences(storage)
	if err != nil {
		return nil, err
	}
	if refs.Head.IsZero() {
		return nil, errors.New("the repository has no commit")
	}
	commit, err := object.GetCommit(storage, refs.Head)
	if err != nil {
		return nil, err
	}
	return &checkout{
		dir:   dir,
		info:  release.Source{URL: originURL(storage), Commit: commit.Hash.String(), Ref: refs.HeadName, Subdir: subdir},
		time:  commit.Committer.When,
		blobs: t.listShipped(storage, commit, subdir),
	}, nil
}

// originURL returns the URL of the remote that the work tree was cloned from, without user-info, or ""
// if it is not a URL.
func originURL(storage config.ConfigStorer) string {
	settings, err := storage.Config()
	if err != nil {
		return ""
	}
	remote, ok := settings.Remotes["origin"]
	if !ok || len(remote.URLs) == 0 {
		return ""
	}
	if spec, err := Parse(remote.URLs[0]); err == nil && spec.remote.URL != nil {
		return spec.remote.URL.String()
	}
	if u, err := url.Parse(remote.URLs[0]); err == nil && u.Host != "" {
		clean, _, _ := secret.SplitURL(u)
		return clean.String()
	}
	return ""
}

// listShipped lists what a commit would ship, by the rules of every walk.
func (t *Tree) listShipped(objects storer.EncodedObjectStorer, commit *object.Commit, subdir string) map[string]string {
	if t.lone != nil {
		subdir = path.Join(subdir, t.lone.directory)
	}
	tree, err := findSubtree(commit, subdir)
	if err != nil {
		return nil // not in the commit
	}
	var root directory = gitDirectory{objects: objects, tree: tree}
	if t.lone != nil {
		root = singleWorkspace{t.slug, root}
	}
	w := newWalker(Limits{FileSize: math.MaxInt64, TotalSize: math.MaxInt64, Files: math.MaxInt})
	w.ignored = t.ignored
	if err := w.listFiles(context.Background(), root); err != nil {
		return nil
	}
	blobs := make(map[string]string, len(w.files))
	for _, e := range w.files {
		blobs[e.path] = e.hash
	}
	return blobs
}

// comparison determines whether a walk shipped what the checkout's commit would.
type comparison struct {
	blobs map[string]string
	same  int
	other bool
}

func (c *comparison) addFile(path string, data []byte) {
	if c.blobs[path] == plumbing.ComputeHash(plumbing.BlobObject, data).String() {
		c.same++
	} else {
		c.other = true
	}
}

func (c *comparison) isDifferent() bool { return c.other || c.same != len(c.blobs) }
