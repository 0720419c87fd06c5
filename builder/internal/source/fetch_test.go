// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"os"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// history is a repository with four commits on main, a branch, and tags.
type history struct {
	*gittest.Repository
	first, unnamed, second, tip, branch plumbing.Hash
}

func newHistory(t *testing.T) history {
	t.Helper()
	h := history{Repository: gittest.NewRepository(t)}
	h.first = h.Commit(t, "main", gittest.Index("first"))
	h.unnamed = h.Commit(t, "main", gittest.Index("unnamed"))
	h.second = h.Commit(t, "main", gittest.Index("second"))
	h.tip = h.Commit(t, "main", gittest.Index("tip"), gittest.File{Path: ".deep/er/shop/index.yml", Data: "deep"})
	h.branch = h.Commit(t, "team/branch", gittest.Index("branch"))
	h.Reference(t, "refs/tags/light", h.first)
	tag := h.Tag(t, "v1", plumbing.CommitObject, h.second)
	h.Tag(t, "v1-signed-off", plumbing.TagObject, tag)
	h.Reference(t, "refs/tags/both", h.first)
	h.Reference(t, "refs/heads/both", h.second)
	h.Reference(t, "refs/merge-requests/7/head", h.branch)
	return h
}

func TestRefsAndSubdirectories(t *testing.T) {
	h := newHistory(t)
	server := gittest.ServeHTTP(t, h.Repository, gittest.HTTPOptions{})
	for _, test := range []struct {
		name, fragment, content string
		want                    release.Source
	}{
		{"default branch", "", "tip", release.Source{Commit: h.tip.String(), Ref: "main"}},
		{"branch", "#main", "tip", release.Source{Commit: h.tip.String(), Ref: "main"}},
		{"branch with slash", "#team/branch", "branch", release.Source{Commit: h.branch.String(), Ref: "team/branch"}},
		{"light tag", "#light", "first", release.Source{Commit: h.first.String(), Ref: "light"}},
		{"annotated tag", "#v1", "second", release.Source{Commit: h.second.String(), Ref: "v1"}},
		{"tag of a tag", "#v1-signed-off", "second", release.Source{Commit: h.second.String(), Ref: "v1-signed-off"}},
		{"branch before tag", "#both", "second", release.Source{Commit: h.second.String(), Ref: "both"}},
		{"tag by its whole name", "#refs/tags/both", "first", release.Source{Commit: h.first.String(), Ref: "refs/tags/both"}},
		{"reference of a forge", "#refs/merge-requests/7/head", "branch", release.Source{Commit: h.branch.String(), Ref: "refs/merge-requests/7/head"}},
		{"commit", "#" + h.unnamed.String(), "unnamed", release.Source{Commit: h.unnamed.String()}},
		{"commit in capitals", "#" + strings.ToUpper(h.first.String()), "first", release.Source{Commit: h.first.String()}},
		{"subdirectory", "#main:.deep/er", "deep", release.Source{Commit: h.tip.String(), Ref: "main", Subdir: ".deep/er"}},
		{"subdirectory of the default", "#:./.deep/er/", "deep", release.Source{Commit: h.tip.String(), Ref: "main", Subdir: ".deep/er"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := server.URL() + gittest.Path
			tree := open(t, url+test.fragment, Options{TempDir: t.TempDir()})
			files, report := walk(t, tree)
			if files["shop/index.yml"] != test.content {
				t.Errorf("files %v, want %q", files, test.content)
			}
			test.want.URL = url
			equal(t, "source", report.Source, test.want)
			if at, ok := tree.CommitTime(); !ok || !at.Equal(gittest.CommitTime) {
				t.Errorf("committed at %v", at)
			}
		})
	}
}

func TestRefsThatAreNotThere(t *testing.T) {
	h := newHistory(t)
	server := gittest.ServeHTTP(t, h.Repository, gittest.HTTPOptions{})
	poor := gittest.ServeHTTP(t, h.Repository,
		gittest.HTTPOptions{Without: []capability.Capability{capability.AllowReachableSHA1InWant}})
	blob := h.Object(t, plumbing.BlobObject, []byte("blob"))
	h.Reference(t, "refs/tags/blob", blob)
	empty := gittest.ServeHTTP(t, gittest.NewRepository(t), gittest.HTTPOptions{})
	headless := gittest.NewRepository(t)
	headless.Commit(t, "other", gittest.Index(""))
	for _, test := range []struct {
		name string
		*gittest.HTTPServer
		fragment string
		want     []string
	}{
		{"unknown branch", server, "#nope", []string{`no branch and no tag "nope"`, "full commit hash"}},
		{"short hash", server, "#" + h.tip.String()[:8], []string{"give all 40 digits"}},
		{"unknown commit", server, "#" + strings.Repeat("ab", 20), []string{"the server responded", "not our ref"}},
		{"commit without a name", poor, "#" + h.unnamed.String(), []string{"no branch and no tag is at commit", "name a branch or a tag"}},
		{"no commit", server, "#blob", []string{blob.String() + " is a blob: name a commit"}},
		{"subdirectory", server, "#main:.deep/nope", []string{"no directory .deep/nope in commit " + h.tip.String(), "--subdir"}},
		{"subdirectory that is a file", server, "#main:shop/index.yml", []string{"no directory shop/index.yml"}},
		{"nothing at all", empty, "", []string{"the repository is empty"}},
		{"no default", gittest.ServeHTTP(t, headless, gittest.HTTPOptions{}), "", []string{"no default branch", "--ref"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			temp := t.TempDir()
			openError(t, test.URL()+gittest.Path+test.fragment, Options{TempDir: temp}, test.want...)
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	t.Run("commit of a branch needs no capability", func(t *testing.T) {
		open(t, poor.URL()+gittest.Path+"#"+h.branch.String(), Options{TempDir: t.TempDir()})
	})
}

// One commit is asked for, sent and kept, however long the history is.
func TestDepthIsOne(t *testing.T) {
	h := newHistory(t)
	server := gittest.ServeHTTP(t, h.Repository, gittest.HTTPOptions{})
	for _, fragment := range []string{"", "#v1", "#" + h.unnamed.String()} {
		tree := open(t, server.URL()+gittest.Path+fragment, Options{TempDir: t.TempDir()})
		if got := commitsOf(t, tree); got != 1 {
			t.Errorf("%d commits are kept for %q", got, fragment)
		}
	}
	for _, upload := range server.Uploads() {
		if !upload.Shallow || upload.Commits != 1 {
			t.Errorf("the server has sent %+v", upload)
		}
	}
}

func commitsOf(t *testing.T, tree *Tree) int {
	t.Helper()
	objects := tree.root.(gitDirectory).objects
	all, err := objects.IterEncodedObjects(plumbing.CommitObject)
	if err != nil {
		t.Fatal(err)
	}
	commits := 0
	err = object.NewCommitIter(objects, all).ForEach(func(*object.Commit) error { commits++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return commits
}

// Servers lack what they lack.
func TestCapabilities(t *testing.T) {
	h := newHistory(t)
	for _, without := range [][]capability.Capability{
		{capability.Shallow},
		{capability.Sideband64k},
		{capability.Sideband64k, capability.Sideband},
		{capability.OFSDelta},
		{capability.MultiACKDetailed, capability.NoProgress},
	} {
		server := gittest.ServeHTTP(t, h.Repository, gittest.HTTPOptions{Without: without})
		files, _ := walk(t, open(t, server.URL()+gittest.Path, Options{TempDir: t.TempDir()}))
		if files["shop/index.yml"] != "tip" {
			t.Errorf("without %v: %v", without, files)
		}
	}
}

func TestCloseRemovesWhatWasFetched(t *testing.T) {
	server := gittest.ServeHTTP(t, newHistory(t).Repository, gittest.HTTPOptions{})
	temp := t.TempDir()
	tree, err := Open(t.Context(), parse(t, server.URL()+gittest.Path),
		Options{TempDir: temp, Auth: git.Auth{Getenv: gittest.Environment()}})
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadDir(temp); err != nil || len(kept) != 1 {
		t.Errorf("kept while open: %v, %v", kept, err)
	}
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
