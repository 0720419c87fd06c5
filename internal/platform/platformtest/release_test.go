// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// write creates files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadRelease(t *testing.T) {
	dir := t.TempDir()
	const metadata = "workspaceId: abc_-12\nversion: {name: v1}\ngroups: [base1]\ndependsOn: [app/Custom Code]\napp: " +
		"{slug: Mail}\nother: 1"
	write(t, dir, map[string]string{
		"README.md": "x", ".git/config": "x", "mail/logo.png": "x",
		"mail/index.yml":            "name: Mail",
		"mail/automations/send.yml": "slug: send",
		"mail/.import.yml":          metadata,
		"plain/index.yml":           "name: Plain",
		"plain/.import.yml":         "{}",
	})
	got, err := platformtest.ReadRelease(dir, "release", "Release v1")
	if err != nil {
		t.Fatal(err)
	}
	want := &platformtest.Release{ID: "release", Name: "Release v1", Workspaces: []platformtest.Workspace{
		{Slug: "mail", ID: "abc_-12", Name: "Mail", Version: "v1", AppSlug: "Mail", Groups: []string{"base1"},
			DependsOn: []string{"app/Custom Code"}, Files: 3,
			Content: map[string]string{"index.yml": "name: Mail", "automations/send.yml": "slug: send",
				".import.yml": metadata}},
		{Slug: "plain", Name: "Plain", Files: 1, Content: map[string]string{"index.yml": "name: Plain", ".import.yml": "{}"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadReleaseRefuses(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no index":    {"a/.import.yml": "{}"},
		"no metadata": {"a/index.yml": "name: A"},
		"not YAML":    {"a/index.yml": "name: A", "a/.import.yml": "groups: {"},
	} {
		dir := t.TempDir()
		write(t, dir, files)
		if _, err := platformtest.ReadRelease(dir, "release", "R"); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := platformtest.ReadRelease(filepath.Join(t.TempDir(), "none"), "release", "R"); err == nil {
		t.Error("a missing directory is accepted")
	}
}

func TestLinksOutOfTheReleaseAreNotFollowed(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, map[string]string{"index.yml": "name: Outside"})
	write(t, dir, map[string]string{"a/.import.yml": "{}"})
	if err := os.Symlink(filepath.Join(outside, "index.yml"), filepath.Join(dir, "a", "index.yml")); err != nil {
		t.Fatal(err)
	}
	if _, err := platformtest.ReadRelease(dir, "release", "R"); err == nil {
		t.Error("the link is followed")
	}
}

func TestSelectOrders(t *testing.T) {
	ws := func(slug string, deps ...string) platformtest.Workspace {
		return platformtest.Workspace{Slug: slug, AppSlug: slug, Groups: []string{"g"}, DependsOn: deps}
	}
	for name, c := range map[string]struct {
		in   []platformtest.Workspace
		want []string
	}{
		"independent": {[]platformtest.Workspace{ws("a"), ws("b")}, []string{"a", "b"}},
		"chain":       {[]platformtest.Workspace{ws("a", "app/b"), ws("b", "app/c"), ws("c")}, []string{"c", "b", "a"}},
		"cycle":       {[]platformtest.Workspace{ws("a", "app/b"), ws("b", "app/a")}, []string{"b", "a"}},
		"elsewhere":   {[]platformtest.Workspace{ws("a", "app/x", "b"), ws("b")}, []string{"a", "b"}},
	} {
		r := &platformtest.Release{Workspaces: c.in}
		var got []string
		for _, w := range r.Select([]string{"other", "g"}) {
			got = append(got, w.Slug)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := release().Groups(); !slices.Equal(got, []string{"base1", "base2"}) {
		t.Errorf("groups are %v", got)
	}
}
