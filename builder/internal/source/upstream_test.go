// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"bytes"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// upstream is Git's own program, by which we check what our test server makes us believe.
type upstream struct{ program string }

func newUpstream(t *testing.T) upstream {
	t.Helper()
	return upstream{needs.Program(t, "git")}
}

// run runs git in a directory, without any configuration of this machine.
func (u upstream) run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(u.program, append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "PATH=" + os.Getenv("PATH"), "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2025-03-01T12:00:00Z", "GIT_COMMITTER_DATE=2025-03-01T12:00:00Z",
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// repository makes a repository with the branch main, and commits files to it.
func (u upstream) repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	u.run(t, dir, "init", "-q", "-b", "main")
	u.commit(t, dir, files)
	return dir
}

func (u upstream) commit(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	u.run(t, dir, "add", "-A")
	u.run(t, dir, "commit", "-q", "-m", "change")
	return u.run(t, dir, "rev-parse", "HEAD")
}

// serve serves the repositories below a directory by git http-backend.
func (u upstream) serve(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewServer(&cgi.Handler{
		Path: u.program,
		Args: []string{"http-backend"},
		Env: []string{
			"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir(),
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
		Stderr: testWriter{t},
	})
	t.Cleanup(server.Close)
	return server.URL
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("git: %s", p)
	return len(p), nil
}

// What is fetched from Git's own server is what was committed, at depth 1.
func TestUpstreamServer(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"shop/index.yml": strings.Repeat("name: first\n", 5000),
		"shop/a.bin": "\x00\xff\r\n"})
	first := git.run(t, dir, "rev-parse", "HEAD")
	git.run(t, dir, "tag", "-a", "v1", "-m", "one")
	tip := git.commit(t, dir, map[string]string{"shop/index.yml": strings.Repeat("name: first\n", 5000) + "second"})
	git.run(t, dir, "repack", "-adq", "--depth=50", "--window=10") // deltas
	git.run(t, dir, "config", "uploadpack.allowAnySHA1InWant", "true")
	url := git.serve(t, filepath.Dir(dir)) + "/" + filepath.Base(dir) + "/.git"

	for fragment, want := range map[string]string{"": tip, "#main": tip, "#v1": first, "#" + first: first} {
		tree := open(t, url+fragment, Options{TempDir: t.TempDir()})
		files, _ := walk(t, tree)
		if tree.Info().Commit != want || files["shop/a.bin"] != "\x00\xff\r\n" || strings.HasSuffix(files["shop/index.yml"],
			"second") != (want == tip) {
			t.Errorf("%q: %+v with %q", fragment, tree.Info(), files["shop/a.bin"])
		}
		if n := commitsOf(t, tree); n != 1 {
			t.Errorf("%q: %d commits", fragment, n)
		}
	}
	openError(t, url+"#"+tip[:8], Options{TempDir: t.TempDir()}, "give all 40 digits")
	openError(t, url+"#nope", Options{TempDir: t.TempDir()}, `no branch and no tag "nope"`)
	openError(t, strings.Replace(url, "/.git", "x/.git", 1), Options{TempDir: t.TempDir()}, "no such repository")
}

// A stock server gives a commit that no reference names by version 2 of the protocol.
func TestUpstreamServerGivesUnnamedCommits(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"shop/index.yml": "name: first\n"})
	first := git.run(t, dir, "rev-parse", "HEAD")
	second := git.commit(t, dir, map[string]string{"shop/index.yml": "name: second\n"})
	git.commit(t, dir, map[string]string{"shop/index.yml": "name: third\n"})
	url := git.serve(t, filepath.Dir(dir)) + "/" + filepath.Base(dir) + "/.git"
	for commit, want := range map[string]string{first: "name: first\n", second: "name: second\n"} {
		tree := open(t, url+"#"+commit, Options{TempDir: t.TempDir()})
		files, _ := walk(t, tree)
		if files["shop/index.yml"] != want || tree.Info().Commit != commit || commitsOf(t, tree) != 1 {
			t.Errorf("%s: %q of %+v", commit, files["shop/index.yml"], tree.Info())
		}
	}
	withHistory := open(t, url+"#"+second, Options{TempDir: t.TempDir(), History: true})
	if n := commitsOf(t, withHistory); n != 2 {
		t.Errorf("%d commits with the history, want 2", n)
	}
	openError(t, url+"#"+strings.Repeat("ab", 20), Options{TempDir: t.TempDir()}, "no branch and no tag is at commit")
}

func TestSHA256RepositoriesAreRefused(t *testing.T) {
	git := newUpstream(t)
	dir := t.TempDir()
	git.run(t, dir, "init", "-q", "-b", "main", "--object-format=sha256")
	git.commit(t, dir, map[string]string{"shop/index.yml": "name: shop\n"})
	url := git.serve(t, filepath.Dir(dir)) + "/" + filepath.Base(dir) + "/.git"
	for _, source := range []string{url, "file://" + dir} {
		openError(t, source, Options{TempDir: t.TempDir()}, "SHA-256", "build from a checkout")
	}
}

// Neither attributes nor configuration change bytes, in a fetched repository, in one of
// this machine, or in a directory.
func TestBytesAreThoseThatWereCommitted(t *testing.T) {
	git := newUpstream(t)
	content := map[string]string{
		"shop/unix.txt": "a\nb\n",
		"shop/dos.txt":  "a\r\nb\r\n",
		"shop/id.txt":   "$Id$ $Format:%H$\n",
		"shop/utf16":    "a\x00\n\x00",
	}
	dir := git.repository(t, content)
	attributes := "*.txt text eol=crlf ident export-subst\nshop/dos.txt -text\nshop/unix.txt filter=upper\nshop/utf16 " +
		"working-tree-encoding=UTF-16LE\n"
	if err := os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte(attributes), 0o644); err != nil {
		t.Fatal(err)
	}
	git.run(t, dir, "add", ".gitattributes") // and nothing else, which it would convert
	git.run(t, dir, "commit", "-q", "-m", "attributes")
	for _, setting := range []string{"core.autocrlf=true", "core.eol=crlf", "filter.upper.smudge=tr a-z A-Z",
		"filter.upper.clean=tr A-Z a-z"} {
		name, value, _ := strings.Cut(setting, "=")
		git.run(t, dir, "config", name, value)
	}
	fetched, _ := walk(t, open(t, git.serve(t, filepath.Dir(dir))+"/"+filepath.Base(dir)+"/.git",
		Options{TempDir: t.TempDir()}))
	local, _ := walk(t, open(t, "file://"+dir, Options{}))
	equal(t, "fetched", fetched, content)
	equal(t, "local", local, content)

	// git's own checkout does change them, which is what a directory then holds.
	clone := filepath.Join(t.TempDir(), "clone")
	git.run(t, dir, "-c", "core.autocrlf=true", "clone", "-q", dir, clone)
	tree := open(t, clone, Options{})
	checkedOut, report := walk(t, tree)
	if checkedOut["shop/unix.txt"] != "a\r\nb\r\n" || !report.Source.Dirty {
		t.Errorf("checked out as %q, dirty %v", checkedOut["shop/unix.txt"], report.Source.Dirty)
	}
}
