// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// openChanges opens the repository of a directory, with variables KEY=value of a hook.
func openChanges(t *testing.T, dir string, env ...string) *Changes {
	t.Helper()
	c, err := OpenChanges(dir, ChangeOptions{Limits: DefaultLimits(), Getenv: getenvOf(env)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func getenvOf(env []string) func(string) string {
	return func(key string) string {
		for _, entry := range env {
			if name, value, _ := strings.Cut(entry, "="); name == key {
				return value
			}
		}
		return ""
	}
}

// collect lists versions as path=content, in the order of their paths.
func collect(t *testing.T, walk func(fn func(Version) error) error) []string {
	t.Helper()
	var list []string
	if err := walk(func(v Version) error { list = append(list, v.Path+"="+string(v.Data)); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func staged(t *testing.T, c *Changes) []string {
	t.Helper()
	return collect(t, func(fn func(Version) error) error { return c.Staged(t.Context(), fn) })
}

func since(t *testing.T, dir, revisions string) []string {
	t.Helper()
	c := openChanges(t, dir)
	return collect(t, func(fn func(Version) error) error { _, err := c.Since(t.Context(), revisions, fn); return err })
}

func put(t *testing.T, dir, name, data string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
}

// TestStaged: what is in the index and not in HEAD, as it is in the index.
func TestStaged(t *testing.T) {
	git := newUpstream(t)
	for name, test := range map[string]struct {
		change func(t *testing.T, dir string)
		want   []string
	}{
		"nothing":    {func(*testing.T, string) {}, nil},
		"not staged": {func(t *testing.T, dir string) { put(t, dir, "a.yml", "edited") }, nil},
		"edited":     {func(t *testing.T, dir string) { put(t, dir, "a.yml", "new"); git.run(t, dir, "add", ".") }, []string{"a.yml=new"}},
		"removed":    {func(t *testing.T, dir string) { git.run(t, dir, "rm", "-q", "a.yml") }, nil},
		"renamed":    {func(t *testing.T, dir string) { git.run(t, dir, "mv", "a.yml", "c.yml") }, []string{"c.yml=one"}},
		"announced":  {func(t *testing.T, dir string) { put(t, dir, "n.yml", "new"); git.run(t, dir, "add", "-N", "n.yml") }, nil},
		"link": {func(t *testing.T, dir string) {
			must(t, os.Symlink("a.yml", filepath.Join(dir, "l")))
			git.run(t, dir, "add", ".")
		}, nil},
		"staged in part": {func(t *testing.T, dir string) {
			put(t, dir, "a.yml", "staged")
			git.run(t, dir, "add", ".")
			put(t, dir, "a.yml", "later")
		}, []string{"a.yml=staged"}},
		"without checksum": {func(t *testing.T, dir string) {
			put(t, dir, "a.yml", "x")
			git.run(t, dir, "-c", "index.skipHash=true", "add", ".")
		}, []string{"a.yml=x"}},
		"version 4": {func(t *testing.T, dir string) {
			put(t, dir, "d/e.yml", "x")
			git.run(t, dir, "add", ".")
			git.run(t, dir, "update-index", "--index-version", "4")
		}, []string{"d/e.yml=x"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := git.repository(t, map[string]string{"a.yml": "one", "d/b.yml": "two"})
			test.change(t, dir)
			if diff := cmp.Diff(test.want, staged(t, openChanges(t, filepath.Join(dir, "d")))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestStagedBeforeTheFirstCommit: everything is new; also in another work tree, and in the
// index that Git names to a hook.
func TestStagedElsewhere(t *testing.T) {
	git := newUpstream(t)
	empty := t.TempDir()
	git.run(t, empty, "init", "-q")
	if got := staged(t, openChanges(t, empty)); got != nil {
		t.Errorf("of an empty repository: %v", got)
	}
	put(t, empty, "a.yml", "one")
	git.run(t, empty, "add", ".")
	if got := staged(t, openChanges(t, empty)); !slices.Equal(got, []string{"a.yml=one"}) {
		t.Errorf("before the first commit: %v", got)
	}
	dir := git.repository(t, map[string]string{"a.yml": "one"})
	linked := filepath.Join(t.TempDir(), "linked")
	git.run(t, dir, "worktree", "add", "-q", linked)
	put(t, linked, "b.yml", "two")
	git.run(t, linked, "add", ".")
	if got := staged(t, openChanges(t, linked)); !slices.Equal(got, []string{"b.yml=two"}) {
		t.Errorf("in another work tree: %v", got)
	}
	if got := staged(t, openChanges(t, dir, "GIT_DIR="+filepath.Join(dir, ".git/worktrees/linked"))); !slices.Equal(got,
		[]string{"b.yml=two"}) {
		t.Errorf("of GIT_DIR: %v", got)
	}
	if got := staged(t, openChanges(t, dir, "GIT_INDEX_FILE=.git/worktrees/linked/index")); !slices.Equal(got,
		[]string{"b.yml=two"}) {
		t.Errorf("of GIT_INDEX_FILE: %v", got)
	}
}

// TestSince: what commits add, each content once, also what is removed later.
func TestSince(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"a.yml": "one", "w/.import.yml": ""})
	git.commit(t, dir, map[string]string{"a.yml": "two", "w/x.yml": "secret"})
	git.run(t, dir, "rm", "-q", "w/x.yml")
	third := git.commit(t, dir, map[string]string{"a.yml": "three"})
	git.run(t, dir, "tag", "-a", "-m", "v", "v1")
	git.run(t, dir, "checkout", "-q", "-b", "side", "HEAD~2")
	git.commit(t, dir, map[string]string{"side.yml": "side"})
	git.run(t, dir, "checkout", "-q", "main")
	git.run(t, dir, "merge", "-q", "--no-edit", "side")
	git.run(t, dir, "gc", "-q")
	all := []string{"a.yml=one", "a.yml=three", "a.yml=two", "side.yml=side", "w/.import.yml=", "w/x.yml=secret"}
	for revisions, want := range map[string][]string{
		"HEAD":                             nil,
		"HEAD~1":                           {"side.yml=side"},
		"@^1":                              {"side.yml=side"},
		"HEAD^2":                           {"a.yml=three", "a.yml=two", "w/x.yml=secret"},
		"v1~2..v1":                         {"a.yml=three", "a.yml=two", "w/x.yml=secret"},
		third[:7] + "~1.." + third[:7]:     {"a.yml=three"},
		"side..main":                       {"a.yml=three", "a.yml=two", "w/x.yml=secret"},
		"main..side":                       nil,
		strings.Repeat("0", 40):            all,
		strings.Repeat("0", 40) + "..main": all,
	} {
		if diff := cmp.Diff(want, since(t, dir, revisions)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", revisions, diff)
		}
	}
	for revisions, want := range map[string]string{
		"nothing":     `there is no branch, tag or commit "nothing"`,
		"HEAD~99":     "has no parent 1",
		"HEAD^3":      "has no parent 3",
		"a...b":       "with two dots",
		"HEAD@{1}":    "no branch, tag or commit",
		"~1":          "is not a revision",
		"main..no":    `"no"`,
		"beefbeef":    `"beefbeef"`,
		"main..HEAD ": "is not a revision",
	} {
		_, err := openChanges(t, dir).Since(t.Context(), revisions, func(Version) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", revisions, err, want)
		}
	}
}

// TestSinceInShallowClones: the commits are enough, as long as all of the range is there.
func TestSinceInShallowClones(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"a.yml": "one"})
	git.commit(t, dir, map[string]string{"a.yml": "two"})
	git.commit(t, dir, map[string]string{"a.yml": "three"})
	shallow := filepath.Join(t.TempDir(), "shallow")
	git.run(t, dir, "clone", "-q", "--depth", "2", "file://"+dir, shallow)
	if got := since(t, shallow, "HEAD~1"); !slices.Equal(got, []string{"a.yml=three"}) {
		t.Errorf("versions %v", got)
	}
	for _, revisions := range []string{"HEAD~2", strings.Repeat("0", 40)} {
		if _, err := openChanges(t, shallow).Since(t.Context(), revisions,
			func(Version) error { return nil }); !errors.Is(err, errShallow) {
			t.Errorf("%s: error %v", revisions, err)
		}
	}
}

// TestBefore: what a file had in the parent, in HEAD, and under its earlier name.
func TestBefore(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"shop/a.yml": "one", "shop/b.yml": "bee"})
	second := git.commit(t, dir, map[string]string{"shop/a.yml": "two"})
	git.run(t, dir, "mv", "shop", "store")
	for name, test := range map[string]struct {
		path, commit string
		want         []string
	}{
		"of a commit":  {"shop/a.yml", second, []string{"one"}},
		"of the first": {"shop/a.yml", git.run(t, dir, "rev-parse", "HEAD~1"), nil},
		"renamed":      {"store/a.yml", "", []string{"two", "bee"}},
		"another kind": {"store/a.txt", "", nil},
	} {
		contents, err := openChanges(t, dir).Before(test.path, test.commit)
		var got []string
		for _, data := range contents {
			got = append(got, string(data))
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v, -want +got:\n%s", name, err, diff)
		}
	}
}

// TestWithin: a file knows its workspace, wherever that is in the repository.
func TestWithin(t *testing.T) {
	for name, want := range map[string]string{
		"exports/shop/imports/x.yml": "shop/imports/x.yml", "shop/index.yml": "shop/index.yml", "other/x.yml": "", "top.yml": "",
	} {
		mark := func(dir string) bool { return dir == "exports/shop" || dir == "shop" }
		if got := inWorkspace(name, mark); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestChangesThatAreNotThere(t *testing.T) {
	git := newUpstream(t)
	if _, err := OpenChanges(t.TempDir(), ChangeOptions{Getenv: getenvOf(nil)}); !errors.Is(err, errNoWorkTree) {
		t.Errorf("outside of a work tree: error %v", err)
	}
	if _, err := OpenChanges(t.TempDir(), ChangeOptions{Getenv: getenvOf([]string{"GIT_DIR=/nowhere"})}); err == nil {
		t.Error("a GIT_DIR that is not there is opened")
	}
	sha256 := t.TempDir()
	git.run(t, sha256, "init", "-q", "--object-format=sha256")
	if _, err := OpenChanges(sha256, ChangeOptions{Getenv: getenvOf(nil)}); err == nil ||
		!strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("SHA-256: error %v", err)
	}
	dir := git.repository(t, map[string]string{"a.yml": "one"})
	put(t, dir, "a.yml", "larger")
	git.run(t, dir, "add", ".")
	git.commit(t, dir, nil)
	put(t, dir, "b.yml", "larger still")
	git.run(t, dir, "add", ".")
	c, err := OpenChanges(dir, ChangeOptions{Limits: Limits{FileSize: 5}, Getenv: getenvOf(nil)})
	must(t, err)
	defer c.Close()
	ignore := func(Version) error { return nil }
	if err := c.Staged(t.Context(), ignore); err == nil ||
		!strings.Contains(err.Error(), "b.yml: it is larger than 5 bytes") {
		t.Errorf("a large staged file: error %v", err)
	}
	if _, err := c.Since(t.Context(), "HEAD~1", ignore); err == nil || !strings.Contains(err.Error(), "a.yml in commit") {
		t.Errorf("a large file in a commit: error %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := openChanges(t, dir).Staged(canceled, ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
	for _, updates := range []string{"", "nonsense", "a b c"} {
		if _, err := openChanges(t, dir).Pushed(t.Context(), strings.NewReader(updates), ignore); err == nil {
			t.Errorf("updates %q are accepted", updates)
		}
	}
	put(t, dir, ".git/index", "broken")
	if err := openChanges(t, dir).Staged(t.Context(), ignore); err == nil ||
		!strings.Contains(err.Error(), "read the index") {
		t.Errorf("a broken index: error %v", err)
	}
}

// TestReadFiles: regular files alone, within the limit, named from here.
func TestReadFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	put(t, dir, "shop/.import.yml", "")
	put(t, dir, "shop/index.yml", "index")
	read := func(names ...string) ([]string, error) {
		var list []string
		err := ReadFiles(t.Context(), names, 5, func(v Version) error {
			list = append(list, v.Path+" "+v.Within+" "+string(v.Data))
			return nil
		})
		return list, err
	}
	got, err := read("./shop/index.yml", filepath.Join(dir, "shop/index.yml"))
	want := "shop/index.yml shop/index.yml index"
	if err != nil || !slices.Equal(got, []string{want, want}) {
		t.Errorf("files %q, error %v", got, err)
	}
	put(t, dir, "large", "123456")
	for name, want := range map[string]string{"large": "larger than 5 bytes", "shop": "it is a directory",
		"gone": "no such file", "/dev/null": "not a regular file"} {
		if _, err := read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	if err := ReadStream(strings.NewReader("123456"), "x", 5, nil); err == nil ||
		!strings.Contains(err.Error(), "larger than 5 bytes") {
		t.Errorf("a long stream: error %v", err)
	}
	for _, name := range []string{"", ".", "/", "a\nb"} {
		if _, err := CleanName(name); err == nil {
			t.Errorf("%q is the name of a file", name)
		}
	}
}
