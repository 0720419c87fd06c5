// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"maps"
	"math"
	"net/url"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// identify finds out which commit a directory is of. A directory that is in no Git
// work tree, or in one that cannot be read, has no commit: that is no error.
func (t *Tree) identify(dir string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	repository, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return
	}
	worktree, err := repository.Worktree()
	if err != nil {
		return
	}
	head, err := repository.Head()
	if err != nil {
		return
	}
	commit, err := repository.CommitObject(head.Hash())
	if err != nil {
		return
	}
	subdir, err := filepath.Rel(worktree.Filesystem.Root(), dir)
	if err != nil || !filepath.IsLocal(subdir) {
		return
	}
	if subdir = filepath.ToSlash(subdir); subdir == "." {
		subdir = ""
	}
	t.info = release.Source{URL: origin(repository), Commit: commit.Hash.String(), Subdir: subdir}
	if head.Name().IsBranch() {
		t.info.Ref = head.Name().Short()
	}
	t.commit = commit.Committer.When
	t.compare = newComparison(repository.Storer, commit, subdir)
}

// origin returns the URL of the remote that the work tree was cloned from, without
// user-info, or nothing if it is no URL.
func origin(repository *git.Repository) string {
	remote, err := repository.Remote(git.DefaultRemoteName)
	if err != nil || len(remote.Config().URLs) == 0 {
		return ""
	}
	spec, err := Parse(remote.Config().URLs[0])
	if err == nil && spec.url != nil {
		return spec.url.String()
	}
	if u, err := url.Parse(remote.Config().URLs[0]); err == nil && u.Host != "" {
		clean, _, _ := secret.SplitURL(u)
		return clean.String()
	}
	return ""
}

// comparison tells whether what ships is what a commit would ship.
type comparison struct {
	// committed and walked map paths to the hashes of blobs.
	committed, walked map[string]string
}

// newComparison lists what the commit would ship, by the rules of every walk.
func newComparison(objects storer.EncodedObjectStorer, commit *object.Commit, subdir string) *comparison {
	c := &comparison{committed: map[string]string{}, walked: map[string]string{}}
	tree, err := subtree(commit, subdir)
	if err != nil {
		return c // it is not in the commit, so that everything differs
	}
	w := &walker{limits: Limits{FileSize: math.MaxInt64, TotalSize: math.MaxInt64, Files: math.MaxInt}}
	if err := w.list(context.Background(), gitDirectory{objects: objects, tree: tree}); err != nil {
		return c
	}
	for _, e := range w.files {
		c.committed[e.path] = e.hash
	}
	return c
}

func (c *comparison) add(path string, data []byte) {
	c.walked[path] = plumbing.ComputeHash(plumbing.BlobObject, data).String()
}

func (c *comparison) differs() bool { return !maps.Equal(c.committed, c.walked) }
