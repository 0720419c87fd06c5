// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"path/filepath"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

// One workspace is found wherever it is, and is below its slug.
func TestOneWorkspace(t *testing.T) {
	two := map[string]string{"a/index.yml": indexOf("shop"), "b/index.yml": indexOf("bank"), "docs/x.md": "x"}
	for name, tt := range map[string]struct {
		files map[string]string
		slug  string
		want  string
	}{
		"at the top":                 {map[string]string{"index.yml": indexOf("shop"), "automations/index.yml": "x: 1\n"}, "", "shop/automations/index.yml"},
		"in a directory":             {map[string]string{"current/index.yml": indexOf("shop"), "README.md": "x"}, "", "shop/index.yml"},
		"one of two, by slug":        {two, "bank", "bank/index.yml"},
		"one of two, by directory":   {two, "a", "shop/index.yml"},
		"without slug, asked for":    {map[string]string{"index.yml": "name: Shop\n"}, "shop", "shop/index.yml"},
		"without slug, in directory": {map[string]string{"shop/index.yml": "name: Shop\n"}, "", "shop/index.yml"},
		"broken":                     {map[string]string{"shop/index.yml": "a: [\n"}, "", "shop/index.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			files, report := walk(t, open(t, gittest.WriteFiles(t, tt.files), Options{One: true, Workspace: tt.slug}))
			if _, ok := files[tt.want]; !ok {
				t.Errorf("files %v, without %s", files, tt.want)
			}
			equal(t, "diagnostics", rules(t, report), []string(nil))
		})
	}
	for name, tt := range map[string]struct {
		files map[string]string
		slug  string
		words []string
	}{
		"none":      {map[string]string{"automations/a.yml": ""}, "", []string{"no workspace in it", "index.yml"}},
		"empty":     {map[string]string{}, "", []string{"no workspace in it"}},
		"two":       {two, "", []string{"shop, bank", "--workspace"}},
		"another":   {two, "other", []string{"shop, bank"}},
		"not it":    {map[string]string{"index.yml": indexOf("shop")}, "bank", []string{"it has the workspaces shop"}},
		"only .git": {map[string]string{".git/index.yml": ""}, "", []string{"no workspace in it"}},
	} {
		t.Run(name, func(t *testing.T) {
			openError(t, gittest.WriteFiles(t, tt.files), Options{One: true, Workspace: tt.slug}, tt.words...)
		})
	}
}

// Without a slug, one at the top is called as its directory is.
func TestOneWorkspaceIsCalledAsItsDirectory(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"shop/index.yml": "name: Shop\n", "x y/index.yml": "name: Shop\n"})
	for below, want := range map[string]string{"shop": "shop/index.yml", "x y": "workspace/index.yml"} {
		files, _ := walk(t, open(t, filepath.Join(dir, below), Options{One: true}))
		if _, ok := files[want]; !ok {
			t.Errorf("files %v, without %s", files, want)
		}
	}
}

// A directory that is a workspace is a repository of it for every command.
func TestADirectoryThatIsOneWorkspace(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"index.yml": "slug: shop\n", "automations/a.yml": "do: []\n",
		"docs/index.yml": "slug: docs\n"})
	files, _ := walk(t, open(t, dir, Options{}))
	for _, path := range []string{"shop/index.yml", "shop/automations/a.yml", "shop/docs/index.yml"} {
		if _, ok := files[path]; !ok {
			t.Errorf("no %s in %v", path, files)
		}
	}
	// So is not a repository with an index.yml of its own.
	several := gittest.WriteFiles(t, map[string]string{"index.yml": "title: docs\n", "shop/index.yml": "slug: shop\n"})
	if files, _ := walk(t, open(t, several, Options{})); files["shop/index.yml"] == "" {
		t.Errorf("%v", files)
	}
	// One below the top is a repository of several, however many there are.
	below := gittest.WriteFiles(t, map[string]string{"b/index.yml": "slug: shop\n"})
	if files, _ := walk(t, open(t, below, Options{})); files["b/index.yml"] == "" {
		t.Errorf("%v", files)
	}
}
