// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/terminal"
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
	// submodules are the Git submodules of the commit, where they would ship.
	submodules []string
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
	if err := git.CheckFormat(storage); err != nil {
		return nil, err
	}
	refs, err := git.ReadReferences(storage)
	if err != nil {
		return nil, err
	}
	if refs.Head.IsZero() {
		return nil, errors.New("the repository has no commit")
	}
	commit, err := git.PeelCommit(storage, refs.Head)
	if err != nil {
		return nil, err
	}
	found := checkout{
		dir:  dir,
		info: release.Source{URL: originURL(storage), Commit: commit.Hash.String(), Ref: refs.HeadName, Subdir: subdir},
		time: commit.Committer.When,
	}
	if shipped := t.listShipped(storage, commit, subdir); shipped != nil {
		found.blobs = make(map[string]string, len(shipped.files))
		for _, e := range shipped.files {
			found.blobs[e.path] = e.hash
		}
		found.submodules = shipped.submodules
	}
	return &found, nil
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

// listShipped lists what a commit would ship, by the rules of every walk. It returns nil if the
// commit does not have the directory.
func (t *Tree) listShipped(objects storer.EncodedObjectStorer, commit *object.Commit, subdir string) *walker {
	if t.lone != nil {
		subdir = path.Join(subdir, t.lone.directory)
	}
	tree, err := findSubtree(commit, subdir)
	if err != nil {
		return nil
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
	return w
}

// reportSubmodules reports the submodules that were not checked out. Git leaves an empty directory in
// their place.
func (c *checkout) reportSubmodules(w *walker) {
	for _, name := range c.submodules {
		isBelow := func(e entry) bool { return strings.HasPrefix(e.path, name+"/") }
		if strings.Contains(name, "/") && !slices.ContainsFunc(w.files, isBelow) {
			w.refuseEntry(name, ruleSubmodule, "the Git submodule is not checked out")
		}
	}
}

// notifySubmodules reports the top-level submodules that were not checked out, which may be
// workspaces. It returns the other directories.
func (t *Tree) notifySubmodules(aside []string) []string {
	if t.checkout == nil {
		return aside
	}
	return slices.DeleteFunc(slices.Clone(aside), func(name string) bool {
		if !slices.Contains(t.checkout.submodules, name) {
			return false
		}
		t.notify("left out, because the Git submodule is not checked out (git submodule update --init): " +
			printableName(name) + "/")
		return true
	})
}

// comparison determines whether a walk shipped what the checkout's commit would.
type comparison struct {
	blobs map[string]string
	// committed counts the files whose paths are in the commit, same those with the same content.
	committed, same int
	other           bool
}

func (c *comparison) addFile(path string, data []byte) {
	if _, ok := c.blobs[path]; ok {
		c.committed++
	}
	if c.blobs[path] == plumbing.ComputeHash(plumbing.BlobObject, data).String() {
		c.same++
	} else {
		c.other = true
	}
}

func (c *comparison) isDifferent() bool { return c.other || c.same != len(c.blobs) }

// notifySparse reports the files of the commit that a sparse checkout leaves out.
func (t *Tree) notifySparse(compared comparison) {
	missing := len(compared.blobs) - compared.committed
	if t.checkout == nil || missing == 0 {
		return
	}
	if _, err := os.Stat(filepath.Join(t.checkout.dir, "info", "sparse-checkout")); err != nil {
		return
	}
	t.notify("the checkout is sparse, so that the release lacks " + terminal.Plural(missing, "file") +
		" of the commit (git sparse-checkout disable)")
}
