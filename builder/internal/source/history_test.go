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

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

// past opens a source with its history and lists the versions in it: commit, path, content.
func past(t *testing.T, spec, since string) (list []string, commits int, err error) {
	t.Helper()
	tree := open(t, spec, Options{TempDir: t.TempDir(), History: true})
	commits, err = tree.History(t.Context(), since, func(v Version) error {
		if v.Size != int64(len(v.Data)) || v.Time.IsZero() {
			t.Errorf("version %+v", v)
		}
		list = append(list, v.Commit[:8]+" "+v.Path+" "+string(v.Data))
		return nil
	})
	return list, commits, err
}

func version(commit plumbing.Hash, path, data string) string {
	return commit.String()[:8] + " " + path + " " + data
}

// TestHistory: from a server and from the disk, each content once, where it was first.
func TestHistory(t *testing.T) {
	h := newHistory(t)
	top := h.Commit(t, "main", gittest.Index("first"), gittest.File{Path: ".env", Data: "deep"},
		gittest.File{Path: "shop/.env", Data: "new"})
	again := h.Commit(t, "main", gittest.Index("again"), gittest.File{Path: "link", Mode: filemode.Symlink,
		Data: "shop/index.yml"})
	server := gittest.ServeHTTP(t, h.Repository, gittest.HTTPOptions{})
	before := []string{
		version(h.first, "shop/index.yml", "first"), version(h.unnamed, "shop/index.yml", "unnamed"),
		version(h.second, "shop/index.yml", "second"),
		version(h.tip, ".deep/er/shop/index.yml", "deep"), version(h.tip, "shop/index.yml", "tip"),
	}
	for _, url := range []string{server.URL() + gittest.Path, "file://" + bare(t, h)} {
		for _, test := range []struct {
			name, fragment, since string
			commits               int
			want                  []string
		}{
			{"all", "#main", "", 6, append(before[:5:5], version(top, "shop/.env", "new"), version(again, "shop/index.yml", "again"))},
			{"up to a commit", "#v1", "", 3, before[:3]},
			{"since a commit", "#" + h.tip.String(), h.unnamed.String(), 2, before[2:5]},
			{"since zeros", "#v1", strings.Repeat("0", 40), 3, before[:3]},
			{"since a short hash", "#" + h.tip.String(), h.unnamed.String()[:9], 2, before[2:5]},
			{"since an ancestor", "#" + h.tip.String(), h.tip.String() + "~2", 2, before[2:5]},
			{"since itself", "#v1", h.second.String(), 0, nil},
			{"subdirectory", "#" + h.tip.String() + ":.deep/er", "", 4, []string{version(h.tip, "shop/index.yml", "deep")}},
		} {
			t.Run(test.name, func(t *testing.T) {
				got, commits, err := past(t, url+test.fragment, test.since)
				slices.Sort(got)
				if err != nil || commits != test.commits || !slices.Equal(got, slices.Sorted(slices.Values(test.want))) {
					t.Errorf("%d commits, %v, error %v; want %d, %v", commits, got, err, test.commits, test.want)
				}
			})
		}
	}
}

// TestHistoryOfDirectories: that of the work tree that the directory is in, whatever
// merges are in it, and however it was cloned.
func TestHistoryOfDirectories(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"exports/shop/index.yml": "one"})
	git.run(t, dir, "checkout", "-q", "-b", "side")
	git.commit(t, dir, map[string]string{"exports/shop/side.yml": "side"})
	git.run(t, dir, "checkout", "-q", "main")
	git.commit(t, dir, map[string]string{"exports/shop/index.yml": "two", "README.md": "elsewhere"})
	git.run(t, dir, "merge", "-q", "--no-edit", "side")
	git.run(t, dir, "gc", "-q")
	if err := os.WriteFile(filepath.Join(dir, "exports/shop/index.yml"), []byte("not committed"), 0o644); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(t.TempDir(), "linked")
	git.run(t, dir, "worktree", "add", "-q", linked)
	for _, top := range []string{dir, linked} {
		got, commits, err := past(t, filepath.Join(top, "exports"), "")
		var texts []string
		for _, v := range got {
			texts = append(texts, v[9:])
		}
		slices.Sort(texts)
		want := []string{"shop/index.yml one", "shop/index.yml two", "shop/side.yml side"}
		if err != nil || commits != 4 || !slices.Equal(texts, want) {
			t.Errorf("%d commits, %q, error %v; want %q", commits, texts, err, want)
		}
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	git.run(t, dir, "clone", "-q", "--depth", "1", "file://"+dir, shallow)
	for _, spec := range []string{filepath.Join(shallow, "exports"), "file://" + shallow} {
		if _, _, err := past(t, spec, ""); !errors.Is(err, errShallow) {
			t.Errorf("%s: error %v", spec, err)
		}
	}
}

func TestHistoryThatIsNotThere(t *testing.T) {
	h := newHistory(t)
	local := "file://" + bare(t, h)
	plain := t.TempDir()
	if err := os.MkdirAll(filepath.Join(plain, "shop"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ spec, since, want string }{
		{plain, "", "no Git work tree"},
		{local, "main~99", "has no parent 1"},
		{local, "nothing", "no branch, tag or commit"},
		{local, "abcdef01", "no branch, tag or commit"},
		{local, strings.Repeat("ab", 20), "object not found"},
	} {
		if _, _, err := past(t, test.spec, test.since); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v", test, err)
		}
	}
	missing := gittest.NewRepository(t)
	missing.Commit(t, "main", gittest.File{Path: "shop/index.yml", Hash: plumbing.NewHash(strings.Repeat("ab", 20))})
	missing.Commit(t, "main", gittest.Index("there"))
	if _, _, err := past(t, "file://"+bare(t, history{Repository: missing}), ""); err == nil ||
		!strings.Contains(err.Error(), "shop/index.yml") {
		t.Errorf("of a file that is not there: error %v", err)
	}
}

// TestLargeVersions are told, and not read.
func TestLargeVersions(t *testing.T) {
	r := gittest.NewRepository(t)
	r.Commit(t, "main", gittest.Index(strings.Repeat("x", 11)))
	r.Commit(t, "main", gittest.Index("small"))
	limits := DefaultLimits()
	limits.FileSize = 10
	tree := open(t, "file://"+bare(t, history{Repository: r}), Options{Limits: limits})
	read := map[int64]int{}
	if _, err := tree.History(t.Context(), "",
		func(v Version) error { read[v.Size] = len(v.Data); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := map[int64]int{11: 0, 5: 5}; len(read) != 2 || read[11] != want[11] || read[5] != want[5] {
		t.Errorf("read %v, want %v", read, want)
	}
}

// TestHistoryEnds early with an error of who takes it, or of the context.
func TestHistoryEnds(t *testing.T) {
	tree := open(t, "file://"+bare(t, newHistory(t)), Options{})
	enough := errors.New("enough")
	if _, err := tree.History(t.Context(), "", func(Version) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, err := tree.History(ctx, "", func(Version) error { return nil }); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
}
