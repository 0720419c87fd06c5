// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// What ships is the commit's, or the source is dirty: whatever has changed, and nothing else.
func TestDirty(t *testing.T) {
	git := newUpstream(t)
	committed := map[string]string{
		"work/shop/index.yml": "shop", "work/shop/b.yml": "b", "work/shop/.gitignore": "*.log\n", "work/desk/index.yml": "desk", "work/.hidden": "x", "README.md": "top",
	}
	for _, test := range []struct {
		name   string
		change func(dir string) error
		want   bool
	}{
		{"clean", func(string) error { return nil }, false},
		{"edited", func(dir string) error { return os.WriteFile(filepath.Join(dir, "work/shop/b.yml"), []byte("B"), 0o644) }, true},
		{"touched", func(dir string) error {
			return os.Chtimes(filepath.Join(dir, "work/shop/b.yml"), time.Unix(1, 0), time.Unix(1, 0))
		}, false},
		{"executable", func(dir string) error { return os.Chmod(filepath.Join(dir, "work/shop/b.yml"), 0o755) }, false},
		{"removed", func(dir string) error { return os.Remove(filepath.Join(dir, "work/shop/b.yml")) }, true},
		{"added", func(dir string) error { return os.WriteFile(filepath.Join(dir, "work/shop/c.yml"), nil, 0o644) }, true},
		{"ignored by Git, and yet it ships", func(dir string) error { return os.WriteFile(filepath.Join(dir, "work/shop/a.log"), nil, 0o644) }, true},
		{"renamed", func(dir string) error {
			return os.Rename(filepath.Join(dir, "work/shop/b.yml"), filepath.Join(dir, "work/shop/c.yml"))
		}, true},
		{"swapped", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "work/shop/b.yml"), []byte("shop"), 0o644),
				os.WriteFile(filepath.Join(dir, "work/shop/index.yml"), []byte("b"), 0o644))
		}, true},
		{"elsewhere", func(dir string) error { return os.WriteFile(filepath.Join(dir, "README.md"), []byte("new"), 0o644) }, false},
		{"dropped", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "work/.hidden"), []byte("new"), 0o644),
				os.Mkdir(filepath.Join(dir, "work/shop/node_modules"), 0o755))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := git.repository(t, committed)
			head := git.run(t, dir, "rev-parse", "HEAD")
			must(t, test.change(dir))
			tree := open(t, filepath.Join(dir, "work"), Options{})
			for range 2 { // a walk forgets the one before
				_, report := walk(t, tree)
				equal(t, "source", report.Source, release.Source{Commit: head, Ref: "main", Subdir: "work", Dirty: test.want})
			}
			if at, ok := tree.CommitTime(); !ok || !at.Equal(time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)) {
				t.Errorf("committed at %v", at)
			}
		})
	}
}

func TestCheckouts(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"shop/index.yml": "shop", "other/index.yml": "other"})
	head := git.run(t, dir, "rev-parse", "HEAD")
	url := git.serve(t, filepath.Dir(dir)) + "/" + filepath.Base(dir) + "/.git"
	clone := func(t *testing.T, args ...string) string {
		to := filepath.Join(t.TempDir(), "clone")
		git.run(t, dir, append(append([]string{"clone", "-q"}, args...), url, to)...)
		return to
	}
	git.run(t, dir, "config", "uploadpack.allowFilter", "true")
	for _, test := range []struct {
		name string
		make func(t *testing.T) string
		want release.Source
	}{
		{"clone", func(t *testing.T) string { return clone(t) }, release.Source{URL: url, Commit: head, Ref: "main"}},
		{"shallow", func(t *testing.T) string { return clone(t, "--depth=1") }, release.Source{URL: url, Commit: head, Ref: "main"}},
		{"partial", func(t *testing.T) string { return clone(t, "--filter=blob:none") }, release.Source{URL: url, Commit: head, Ref: "main"}},
		{"sparse", func(t *testing.T) string {
			to := clone(t)
			git.run(t, to, "sparse-checkout", "set", "shop")
			return to
		}, release.Source{URL: url, Commit: head, Ref: "main", Dirty: true}}, // it lacks what the commit would ship
		{"shared", func(t *testing.T) string {
			to := filepath.Join(t.TempDir(), "clone")
			git.run(t, dir, "clone", "-q", "--shared", dir, to)
			return to
		}, release.Source{Commit: head, Ref: "main"}}, // its origin is no URL
		{"detached", func(t *testing.T) string {
			to := clone(t)
			git.run(t, to, "checkout", "-q", "--detach")
			return to
		}, release.Source{URL: url, Commit: head}},
		{"through a link", func(t *testing.T) string {
			link := filepath.Join(t.TempDir(), "link")
			must(t, os.Symlink(clone(t), link))
			return link
		}, release.Source{URL: url, Commit: head, Ref: "main"}},
		{"untracked directory", func(t *testing.T) string {
			to := filepath.Join(clone(t), "new")
			must(t, os.MkdirAll(filepath.Join(to, "desk"), 0o755))
			must(t, os.WriteFile(filepath.Join(to, "desk/index.yml"), nil, 0o644))
			return to
		}, release.Source{URL: url, Commit: head, Ref: "main", Subdir: "new", Dirty: true}},
		{"no commit yet", func(t *testing.T) string {
			to := gittest.WriteFiles(t, map[string]string{"shop/index.yml": ""})
			git.run(t, to, "init", "-q")
			return to
		}, release.Source{}},
		{"no repository", func(t *testing.T) string { return gittest.WriteFiles(t, map[string]string{"shop/index.yml": ""}) }, release.Source{}},
		{"broken repository", func(t *testing.T) string {
			return gittest.WriteFiles(t, map[string]string{"shop/index.yml": "", ".git/HEAD": "ref: refs/heads/main",
				".git/refs/heads/main": head, ".git/objects/x": ""})
		}, release.Source{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := open(t, test.make(t), Options{})
			_, report := walk(t, tree)
			equal(t, "source", report.Source, test.want)
			if _, ok := tree.CommitTime(); ok != (test.want.Commit != "") {
				t.Errorf("there is a time of the commit: %v", ok)
			}
		})
	}
}

// CI systems put credentials into the URL of the remote.
func TestOriginHasNoCredentials(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"shop/index.yml": "shop"})
	git.run(t, dir, "remote", "add", "origin", "x")
	for remote, want := range map[string]string{
		"https://gitlab-ci-token:canary@host/org/repo.git": "https://host/org/repo.git",
		"https://canary@host/org/repo.git":                 "https://host/org/repo.git",
		"http://u:canary@host/org/repo.git":                "http://host/org/repo.git",
		"https://u:canary@host/repo?token=canary":          "https://host/repo",
		"git@host:org/repo.git":                            "ssh://host/org/repo.git",
		"git://u:canary@host/repo":                         "git://host/repo",
		"u:canary@host:org/repo":                           "",
		"https://u:can/ary@host/repo":                      "",
		"../elsewhere":                                     "",
	} {
		git.run(t, dir, "config", "remote.origin.url", remote)
		if got := open(t, dir, Options{}).Info().URL; got != want || strings.Contains(got, "can") {
			t.Errorf("%s: %q, want %q", remote, got, want)
		}
	}
}
