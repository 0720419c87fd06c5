// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	hooks = "../examples/hooks"
	// leak is a file with a secret, clean one without.
	leak  = "password: sunrise77x\n"
	clean = "name: shop\n"
)

// hooked runs git, with the builder and more directories on the path.
type hooked struct {
	git  string
	path string
}

func newHooked(t *testing.T, more ...string) *hooked {
	t.Helper()
	git := needs.Program(t, "git")
	dirs := append([]string{filepath.Dir(link(t, "builder")), filepath.Dir(git)}, more...)
	return &hooked{git: git, path: strings.Join(append(dirs, "/usr/bin", "/bin"), ":")}
}

// command prepares a program in a directory, without any configuration of this machine.
func (h *hooked) command(t *testing.T, dir, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + h.path, "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=A",
		"GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	return cmd
}

// run runs git and wants that it succeeds.
func (h *hooked) run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := h.command(t, dir, h.git, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// refused runs git and wants that it fails because of the secret, and that it shows none of it.
func (h *hooked) refused(t *testing.T, dir string, args ...string) {
	t.Helper()
	out, err := h.command(t, dir, h.git, args...).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("password in plain text")) ||
		bytes.Contains(out, []byte("sunrise77x")) {
		t.Errorf("git %v: error %v, and it says\n%s", args, err, out)
	}
}

// repository makes a repository with a commit.
func (h *hooked) repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	h.run(t, dir, "init", "-q", "-b", "main")
	put(t, dir, "shop/index.yml", clean)
	h.commit(t, dir, "shop/index.yml")
	return dir
}

func (h *hooked) commit(t *testing.T, dir, file string, more ...string) {
	t.Helper()
	h.run(t, dir, "add", file)
	h.run(t, dir, append([]string{"commit", "-q", "-m", "change"}, more...)...)
}

func put(t *testing.T, dir, name, data string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// install copies a hook to where Git runs it.
func install(t *testing.T, hook, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(hooks, hook))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// checkCommits wants that a hook refuses what is staged with a secret, and nothing else.
func (h *hooked) checkCommits(t *testing.T, dir string) {
	t.Helper()
	put(t, dir, "shop/index.yml", leak)
	h.run(t, dir, "add", ".")
	h.refused(t, dir, "commit", "-m", "staged")
	put(t, dir, "shop/index.yml", clean+"label: x\n")
	h.refused(t, dir, "commit", "-m", "staged, and clean in the work tree")
	h.run(t, dir, "add", ".")
	h.run(t, dir, "commit", "-q", "-m", "clean")
	put(t, dir, "shop/index.yml", leak)
	put(t, dir, "shop/other.yml", clean)
	h.run(t, dir, "add", "shop/other.yml")
	h.run(t, dir, "commit", "-q", "-m", "a secret that is not staged")
	h.refused(t, dir, "commit", "-a", "-m", "staged by the commit itself")
	h.refused(t, dir, "commit", "-m", "only a file", "shop/index.yml")
}

func TestPreCommitHook(t *testing.T) {
	h := newHooked(t)
	for name, set := range map[string]func(dir string){
		"Git": func(dir string) { install(t, "pre-commit", filepath.Join(dir, ".git/hooks/pre-commit")) },
		// husky sets core.hooksPath to a directory whose hooks run those in .husky.
		"husky": func(dir string) {
			install(t, "pre-commit", filepath.Join(dir, ".husky/pre-commit"))
			h.run(t, dir, "config", "core.hooksPath", ".husky")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := h.repository(t)
			set(dir)
			h.checkCommits(t, dir)
			linked := filepath.Join(t.TempDir(), "linked")
			h.run(t, dir, "worktree", "add", "-q", linked)
			if name == "Git" {
				put(t, linked, "shop/leak.yml", leak)
				h.run(t, linked, "add", ".")
				h.refused(t, linked, "commit", "-m", "in another work tree")
			}
		})
	}
}

func TestLefthook(t *testing.T) {
	program := needs.Program(t, "lefthook")
	h := newHooked(t, filepath.Dir(program))
	dir := h.repository(t)
	install(t, "lefthook.yml", filepath.Join(dir, "lefthook.yml"))
	if out, err := h.command(t, dir, program, "install").CombinedOutput(); err != nil {
		t.Fatalf("lefthook install: %v\n%s", err, out)
	}
	h.checkCommits(t, dir)
}

// TestPreCommitFramework runs the entries of .pre-commit-hooks.yaml as pre-commit does: with
// the names of files, in the work tree.
func TestPreCommitFramework(t *testing.T) {
	data, err := os.ReadFile("../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ ID, Entry, Language string }
	if err := yaml.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	h := newHooked(t)
	dir := h.repository(t)
	put(t, dir, "leak.yml", leak)
	languages := map[string]bool{}
	for _, hook := range list {
		languages[hook.Language] = true
		for file, want := range map[string]bool{"leak.yml": false, "shop/index.yml": true} {
			words := strings.Fields(hook.Entry + " " + file)
			out, err := h.command(t, dir, "/usr/bin/env", words...).CombinedOutput()
			if (err == nil) != want {
				t.Errorf("%s of %s: error %v\n%s", hook.ID, file, err, out)
			}
		}
	}
	if !languages["golang"] || !languages["system"] {
		t.Errorf("languages %v", languages)
	}
}

// TestPreReceiveHook pushes to a repository with the hook of a server.
func TestPreReceiveHook(t *testing.T) {
	h := newHooked(t)
	server := filepath.Join(t.TempDir(), "server.git")
	h.run(t, t.TempDir(), "init", "-q", "--bare", "-b", "main", server)
	install(t, "pre-receive", filepath.Join(server, "hooks/pre-receive"))
	dir := h.repository(t)
	h.run(t, dir, "remote", "add", "origin", server)
	put(t, dir, "leak.yml", leak)
	h.commit(t, dir, "leak.yml")
	h.refused(t, dir, "push", "origin", "main") // the first push
	h.run(t, dir, "reset", "-q", "--hard", "HEAD~1")
	h.run(t, dir, "push", "-q", "origin", "main")

	h.run(t, dir, "checkout", "-q", "-b", "topic")
	put(t, dir, "leak.yml", leak)
	h.commit(t, dir, "leak.yml")
	h.run(t, dir, "rm", "-q", "leak.yml")
	h.run(t, dir, "commit", "-q", "-m", "removed again")
	h.refused(t, dir, "push", "origin", "topic") // a new branch, whose tip is clean
	h.refused(t, dir, "push", "origin", "topic:refs/tags/v1")
	h.run(t, dir, "reset", "-q", "--hard", "main")
	put(t, dir, "more.yml", clean)
	h.commit(t, dir, "more.yml")
	h.run(t, dir, "push", "-q", "origin", "topic")
	h.run(t, dir, "tag", "-a", "-m", "annotated", "v2")
	h.run(t, dir, "push", "-q", "origin", "v2")

	put(t, dir, "more.yml", leak)
	h.run(t, dir, "add", ".")
	h.run(t, dir, "commit", "-q", "--amend", "-m", "rewritten")
	h.refused(t, dir, "push", "--force", "origin", "topic")
	h.run(t, dir, "reset", "-q", "--hard", "main")
	h.run(t, dir, "push", "-q", "--force", "origin", "topic")
	h.run(t, dir, "push", "-q", "origin", ":topic")
	if branches := h.run(t, server, "branch", "--format", "%(refname:short)"); branches != "main" {
		t.Errorf("the server has %s", branches)
	}

	// Many objects come as a pack.
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		for _, dirs := range []string{"a", "b", "c", "d"} {
			put(t, dir, dirs+"/"+name+".yml", clean+"# "+dirs+name+"\n")
		}
	}
	h.commit(t, dir, ".")
	h.run(t, dir, "push", "-q", "origin", "HEAD:packed")
	put(t, dir, "a/a.yml", leak)
	h.commit(t, dir, ".")
	h.refused(t, dir, "-c", "transfer.unpackLimit=1", "push", "origin", "HEAD:packed")
	h.run(t, server, "config", "receive.unpackLimit", "1")
	h.refused(t, dir, "push", "origin", "HEAD:packed")
}
