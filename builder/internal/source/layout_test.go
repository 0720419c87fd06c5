// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// noted opens and walks a source, and returns its files and what the user is told.
func noted(t *testing.T, src string, opts Options) (files, notes, left []string, found release.Source) {
	t.Helper()
	opts.Notify = func(note string) { notes = append(notes, note) }
	walked, report := walk(t, open(t, src, opts))
	equal(t, "diagnostics", rules(t, report), []string(nil))
	return slices.Sorted(maps.Keys(walked)), notes, dropped(t, report), report.Source
}

// The workspaces are found wherever they are, and what is beside them is left out.
func TestLayouts(t *testing.T) {
	const shop, desk = "slug: shop\n", "slug: desk\n"
	for name, test := range map[string]struct {
		files map[string]string
		opts  Options
		want  []string
		left  []string
		notes []string
	}{
		"in a directory": {
			files: map[string]string{"workspaces/shop/index.yml": shop, "docs/a.md": "", "README.md": ""},
			want:  []string{"shop/index.yml"},
			notes: []string{"the workspaces are in workspaces: reading them as with --subdir workspaces"},
		},
		"further down": {
			files: map[string]string{"export/prod/shop/index.yml": shop, "export/prod/ci/a.yaml": ""},
			want:  []string{"shop/index.yml"}, left: []string{"ci"},
			notes: []string{"the workspaces are in export/prod: reading them as with --subdir export/prod",
				"left out, because they hold no workspace: ci/"},
		},
		"beside others": {
			files: map[string]string{
				"shop/index.yml": shop, "ci/scan-policy.yaml": "", "charts/x/Chart.yaml": "", "terraform/main.tf": "",
				"pages/shop/src/app.tsx": "", "desk/automations/a.yml": "",
			},
			want: []string{"desk/automations/a.yml", "shop/index.yml"}, left: []string{"charts", "ci", "pages", "terraform"},
			notes: []string{"left out, because they hold no workspace: charts/, ci/, pages/, terraform/"},
		},
		"index.yml of another name": {
			files: map[string]string{"shop/index.yml": shop, "desk/index.yaml": desk},
			want:  []string{"desk/index.yaml", "shop/index.yml"},
		},
		"an unfinished write": {
			files: map[string]string{"shop/index.yml": shop, "shop/.import.yml.builder-fmt": "groups: ["},
			want:  []string{"shop/index.yml"}, left: []string{"shop/.import.yml.builder-fmt"},
			notes: []string{"left out, an unfinished write of builder fmt, which removes it when it runs again: " +
				"shop/.import.yml.builder-fmt"},
		},
		"nothing is a workspace": {
			files: map[string]string{"ci/a.yaml": "", "docs/b.md": ""},
			want:  []string{"ci/a.yaml", "docs/b.md"},
		},
		"excluded": {
			files: map[string]string{
				"shop/index.yml": shop, "shop/notes/a.md": "", "desk/index.yml": desk, "old/w/index.yml": shop,
				IgnoreFile: "\ufeff/old\r\n# comment\n\nnotes/\n", "shop/" + IgnoreFile: "index.yml\n",
			},
			opts: Options{Exclude: []string{"desk"}},
			want: []string{"shop/index.yml"}, left: []string{".releaseignore", "desk", "old", "shop/.releaseignore",
				"shop/notes"},
		},
		"excluded, further down": {
			files: map[string]string{
				"a/b/shop/index.yml": shop, "a/b/shop/x.md": "", "a/b/shop/y.md": "", "a/b/shop/z.md": "",
				IgnoreFile: "/a/b/shop/x.md\n", "a/b/" + IgnoreFile: "/shop/y.md\n",
			},
			opts: Options{Exclude: []string{"/shop/z.md"}},
			want: []string{"shop/index.yml"}, left: []string{".releaseignore", "shop/x.md", "shop/y.md", "shop/z.md"},
			notes: []string{"the workspaces are in a/b: reading them as with --subdir a/b"},
		},
		"one workspace": {
			files: map[string]string{"index.yml": "name: Shop\n", "automations/a.yml": "", "docs/x.md": "",
				IgnoreFile: "/docs\n"},
			opts: Options{Workspace: "shop"},
			want: []string{"shop/automations/a.yml", "shop/index.yml"}, left: []string{"shop/.releaseignore", "shop/docs"},
			notes: []string{"the source is one workspace without a slug in index.yml: it ships as shop (--workspace names it)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := gittest.WriteFiles(t, test.files)
			files, notes, left, _ := noted(t, dir, test.opts)
			equal(t, "files", files, test.want)
			tree := open(t, dir, test.opts)
			for _, f := range files {
				if _, there := test.files[tree.RepositoryPath(f)]; !there {
					t.Errorf("the path of %s in the repository is %s", f, tree.RepositoryPath(f))
				}
			}
			if test.left != nil {
				equal(t, "left out", left, test.left)
			}
			equal(t, "notes", notes, test.notes)
		})
	}
}

// Where several directories qualify, the user has to say which.
func TestSeveralPlaces(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"a/shop/index.yml": "", "b/c/desk/index.yml": "",
		"b/c/desk/automations/x/index.yml": ""})
	openError(t, dir, Options{}, "several directories", ".releaseignore", "\n  --subdir a\n  --subdir b/c")
	files, _, _, _ := noted(t, dir, Options{Exclude: []string{"/a"}})
	equal(t, "files", files, []string{"desk/automations/x/index.yml", "desk/index.yml"})
	top := gittest.WriteFiles(t, map[string]string{"docs/index.yml": "", "workspaces/shop/index.yml": ""})
	openError(t, top, Options{}, "\n  --subdir .\n  --subdir workspaces")
	spec, err := parse(t, top).With("", ".")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Open(t.Context(), spec, Options{Auth: git.Auth{Getenv: gittest.Environment()}})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	found, _ := walk(t, tree)
	equal(t, "files at the top", slices.Sorted(maps.Keys(found)), []string{"docs/index.yml"})
}

func TestMistakesOfExclusions(t *testing.T) {
	files := map[string]string{"shop/index.yml": ""}
	openError(t, gittest.WriteFiles(t, files), Options{Exclude: []string{"[a"}}, `"[a" is not a glob`)
	openError(t, gittest.WriteFiles(t, files), Options{Workspace: "shop"}, "no index.yml at its top", "--workspace")
	files[IgnoreFile] = "ok\n/\n"
	openError(t, gittest.WriteFiles(t, files), Options{}, ".releaseignore, line 2", "empty")
	files[IgnoreFile] = strings.Repeat("x", maxIgnoreFile+1)
	openError(t, gittest.WriteFiles(t, files), Options{}, ".releaseignore is not a regular file of at most")
}

// What is found is recorded as if it had been named, from a commit and from a work tree.
func TestFoundPlaceIsRecorded(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"workspaces/shop/index.yml": "slug: shop\n", "ci/x.yaml": "",
		IgnoreFile: "*.log\n"})
	bare := filepath.Join(t.TempDir(), "mirror.git")
	git.run(t, dir, "clone", "-q", "--bare", dir, bare)
	for _, src := range []string{dir, "file://" + dir, dir + "#main", dir + "#main:workspaces", bare, bare + "#main"} {
		if _, _, _, info := noted(t, src, Options{}); info.Subdir != "workspaces" || info.Commit == "" || info.Dirty {
			t.Errorf("%s: %+v", src, info)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "workspaces/shop/a.log"), nil, 0o600))
	if _, _, _, info := noted(t, dir, Options{}); info.Dirty {
		t.Error("a file that is left out makes the source dirty")
	}
	openError(t, dir+"#nope", Options{}, `no branch and no tag "nope"`)
}

// A repository that is one workspace is called by its slug, else as the repository is.
func TestRepositoryThatIsOneWorkspace(t *testing.T) {
	git := newUpstream(t)
	dir := git.repository(t, map[string]string{"index.yml": "name: Shop\n", "automations/a.yml": "do: []\n"})
	bare := filepath.Join(t.TempDir(), "my-shop.git")
	git.run(t, dir, "clone", "-q", "--bare", dir, bare)
	files, _, _, _ := noted(t, bare, Options{})
	equal(t, "files", files, []string{"my-shop/automations/a.yml", "my-shop/index.yml"})
	files, _, _, info := noted(t, dir, Options{Workspace: "shop"})
	equal(t, "files", files, []string{"shop/automations/a.yml", "shop/index.yml"})
	if info.Commit == "" || info.Dirty {
		t.Errorf("%+v", info)
	}
	must(t, os.WriteFile(filepath.Join(dir, "index.yml"), []byte("name: Other\n"), 0o600))
	if _, _, _, info := noted(t, dir, Options{Workspace: "shop"}); !info.Dirty {
		t.Error("an edited workspace is not dirty")
	}
}

// A work tree that cannot be read is told: the release does not name its commit.
func TestUnknownCommitIsTold(t *testing.T) {
	git := newUpstream(t)
	for args, want := range map[string]string{"--object-format=sha256": "SHA-256", "--initial-branch=main": "no commit"} {
		dir := gittest.WriteFiles(t, map[string]string{"shop/index.yml": "slug: shop\n"})
		git.run(t, dir, "init", "-q", args)
		_, notes, _, info := noted(t, dir, Options{})
		if len(notes) != 1 || !strings.Contains(notes[0], "the commit of the directory is unknown") ||
			!strings.Contains(notes[0], want) {
			t.Errorf("%s: notes %q", args, notes)
		}
		if info.Commit != "" {
			t.Errorf("%s: %+v", args, info)
		}
	}
}
