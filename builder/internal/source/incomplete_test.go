// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// A directory whose repository is incomplete or unreadable ships without a commit. The note and the
// error of a ref say why.
func TestUnreadableRepositories(t *testing.T) {
	git := newUpstream(t)
	for name, test := range map[string]struct {
		// breaks changes the files in .git, and returns the work tree.
		breaks func(t *testing.T, dir string) string
		want   string
	}{
		"SHA-256": {func(t *testing.T, dir string) string {
			git.run(t, dir, "config", "extensions.objectFormat", "sha256")
			return dir
		}, "SHA-256 hashes, which the builder does not read yet"},
		"reftable": {func(t *testing.T, dir string) string {
			git.run(t, dir, "config", "extensions.refStorage", "reftable")
			must(t, os.WriteFile(filepath.Join(dir, ".git/HEAD"), []byte("ref: refs/heads/.invalid\n"), 0o644))
			return dir
		}, "in a reftable, which the builder does not read yet"},
		"broken configuration": {func(t *testing.T, dir string) string {
			must(t, os.WriteFile(filepath.Join(dir, ".git/config"), []byte("[core\n"), 0o644))
			return dir
		}, "read its configuration"},
		"submodule or linked work tree without its repository": {func(t *testing.T, dir string) string {
			must(t, os.RemoveAll(filepath.Join(dir, ".git")))
			must(t, os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: /nonexistent/worktrees/a\n"), 0o644))
			return dir
		}, "names the repository /nonexistent/worktrees/a, which does not exist"},
		"linked work tree without the common directory": {func(t *testing.T, dir string) string {
			linked := filepath.Join(t.TempDir(), "linked")
			git.run(t, dir, "worktree", "add", "-q", "-b", "other", linked)
			private := filepath.Join(t.TempDir(), "private")
			must(t, os.Rename(filepath.Join(dir, ".git/worktrees/linked"), private))
			must(t, os.WriteFile(filepath.Join(private, "commondir"), []byte("/nonexistent\n"), 0o644))
			must(t, os.WriteFile(filepath.Join(linked, ".git"), []byte("gitdir: "+private), 0o644))
			return linked
		}, "commondir names the repository /nonexistent, which does not exist"},
		"objects of an absent alternate": {func(t *testing.T, dir string) string {
			shared := filepath.Join(t.TempDir(), "shared")
			git.run(t, dir, "clone", "-q", "--shared", dir, shared)
			must(t, os.WriteFile(filepath.Join(shared, ".git/objects/info/alternates"), []byte("/nonexistent\n"), 0o644))
			return shared
		}, "object not found: use a full clone"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.breaks(t, git.repository(t, map[string]string{"shop/index.yml": "slug: shop\n"}))
			files, notes, _, found := noted(t, dir, Options{})
			equal(t, "files", files, []string{"shop/index.yml"})
			if text := strings.Join(notes, "\n"); !strings.Contains(text, test.want) || found.Commit != "" {
				t.Errorf("notes %q, source %+v", notes, found)
			}
			openError(t, dir+"#main", Options{}, test.want)
		})
	}
}

// A partial clone lacks content that no checkout has fetched.
func TestPartialCloneWithoutContent(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"shop/index.yml": "slug: shop\n"})
	git.run(t, dir, "config", "uploadpack.allowFilter", "true")
	for _, filter := range []string{"blob:none", "tree:0"} {
		partial := filepath.Join(t.TempDir(), "partial")
		git.run(t, dir, "clone", "-q", "--no-checkout", "--filter="+filter, "file://"+dir, partial)
		tree, err := Open(t.Context(), parse(t, partial+"#main"), Options{})
		if err == nil {
			_, err = tree.Walk(t.Context(), func(File) error { return nil })
			tree.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "object not found: use a full clone") {
			t.Errorf("%s: error %v", filter, err)
		}
	}
}

// What a checkout lacks of its commit is told, unless the user has deleted it.
func TestIncompleteCheckouts(t *testing.T) {
	git := newUpstream(t)
	module := git.repository(t, map[string]string{"index.yml": "slug: desk\n"})
	dir := git.repository(t, map[string]string{"shop/index.yml": "slug: shop\n", "mail/index.yml": "slug: mail\n"})
	git.run(t, dir, "submodule", "add", "-q", module, "desk")
	git.run(t, dir, "submodule", "add", "-q", module, "shop/pages")
	git.commit(t, dir, nil)
	clone := func(args ...string) string {
		to := filepath.Join(t.TempDir(), "clone")
		git.run(t, dir, append(append([]string{"clone", "-q"}, args...), dir, to)...)
		return to
	}
	sparse := clone("--recurse-submodules")
	git.run(t, sparse, "sparse-checkout", "set", "--no-cone", "/shop/")
	deleted := clone("--recurse-submodules")
	must(t, os.RemoveAll(filepath.Join(deleted, "mail")))
	for name, test := range map[string]struct{ dir, note, refused string }{
		"complete":   {clone("--recurse-submodules"), "", ""},
		"deleted":    {deleted, "", ""},
		"sparse":     {sparse, "the checkout is sparse, so that the release lacks 1 file of the commit", ""},
		"submodules": {clone(), "the Git submodule is not checked out (git submodule update --init): desk/", "shop/pages submodule"},
	} {
		t.Run(name, func(t *testing.T) {
			var notes []string
			_, report := walk(t, open(t, test.dir, Options{Notify: func(note string) { notes = append(notes, note) }}))
			equal(t, "diagnostics", strings.Join(rules(t, report), "\n"), test.refused)
			if text := strings.Join(notes, "\n"); !strings.Contains(text, test.note) || test.note == "" && text != "" {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// References are named as git fetch would accept them.
func TestNamesOfReferences(t *testing.T) {
	h := newHistory(t)
	url := serve(t, h.Repository)
	for fragment, want := range map[string]string{
		"@": h.tip.String(), "heads/team/branch": h.branch.String(), "tags/both": h.first.String(),
	} {
		if tree := open(t, url+"#"+fragment, Options{TempDir: t.TempDir()}); tree.Info().Commit != want {
			t.Errorf("%s: commit %s, want %s", fragment, tree.Info().Commit, want)
		}
	}
	openError(t, url+"#origin/main", Options{TempDir: t.TempDir()},
		`no branch and no tag "origin/main", but it has the branch "main"`)
	openError(t, url+"#origin/nope", Options{TempDir: t.TempDir()}, "name a branch, a tag or a full commit hash")
	blob := h.Object(t, plumbing.BlobObject, []byte("blob"))
	openError(t, "file://"+bare(t, h)+"#"+blob.String(), Options{}, blob.String()+" is a blob: name a commit")
}
