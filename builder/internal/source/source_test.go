// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

func parse(t testing.TB, s string) Spec {
	t.Helper()
	spec, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// open opens a source until the test ends.
func open(t testing.TB, s string, opts Options) *Tree {
	t.Helper()
	if opts.Getenv == nil {
		opts.Getenv = gittest.Environment()
	}
	tree, err := Open(t.Context(), parse(t, s), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	})
	return tree
}

// openError opens a source that cannot be opened, and expects words in the error.
func openError(t testing.TB, s string, opts Options, words ...string) error {
	t.Helper()
	if opts.Getenv == nil {
		opts.Getenv = gittest.Environment()
	}
	tree, err := Open(t.Context(), parse(t, s), opts)
	if err == nil {
		tree.Close()
		t.Fatalf("%s can be opened", s)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q, without %q", err, word)
		}
	}
	return err
}

// walk returns what a tree hands out, by path.
func walk(t testing.TB, tree *Tree) (map[string]string, Report) {
	t.Helper()
	files := map[string]string{}
	var paths []string
	report, err := tree.Walk(t.Context(), func(f File) error {
		paths = append(paths, f.Path)
		files[f.Path] = string(f.Data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(paths) || len(paths) != len(files) || report.Files != len(paths) {
		t.Errorf("%d files reported, these handed out: %v", report.Files, paths)
	}
	return files, report
}

// rules lists path and rule of diagnostics, each of which must be complete.
func rules(t testing.TB, report Report) []string {
	t.Helper()
	var list []string
	for _, d := range report.Diagnostics {
		if d.Severity != ruleByID(d.Rule).Severity || ruleByID(d.Rule).Title == "" || d.Message == "" || d.Help == "" {
			t.Errorf("incomplete diagnostic %+v", d)
		}
		list = append(list, d.File+" "+d.Rule)
	}
	return list
}

// dropped lists the paths that were dropped, each of which must have a reason.
func dropped(t testing.TB, report Report) []string {
	t.Helper()
	var list []string
	for _, d := range report.Dropped {
		if d.Reason == "" {
			t.Errorf("%s is dropped without a reason", d.Path)
		}
		list = append(list, d.Path)
	}
	return list
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// read opens a source and returns the content of its one file.
func read(t *testing.T, source string, opts Options) string {
	t.Helper()
	opts.TempDir = t.TempDir()
	files, _ := walk(t, open(t, source, opts))
	return files["shop/index.yml"]
}
