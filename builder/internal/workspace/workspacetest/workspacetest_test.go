// SPDX-License-Identifier: AGPL-3.0-or-later

package workspacetest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

func TestManyAreValid(t *testing.T) {
	const n, size = 40, 20_000
	files := workspacetest.Repository(workspacetest.Many(n, size, "base1", "base2", "extended")...)
	c := workspace.NewCollector(workspace.Options{
		Groups: []workspace.Group{{Name: "base1"}, {Name: "base2"}, {Name: "extended"}},
	})
	for name, text := range files {
		c.Add(source.NewFile(name, []byte(text)))
	}
	repo, ds := c.Finish()
	_, order := repo.Plan()
	for _, d := range append(ds, order...) {
		t.Errorf("%s %s: %s", d.Rule, d.Position(), d.Message)
	}
	if len(repo.Workspaces) != n {
		t.Errorf("%d workspaces, want %d", len(repo.Workspaces), n)
	}
	for _, w := range repo.Workspaces {
		if w.Bytes < size || w.Bytes > 2*size {
			t.Errorf("%s has %d bytes, want about %d", w.Slug, w.Bytes, size)
		}
	}
}

func TestSamplesAreTheSameEachTime(t *testing.T) {
	files := func() workspacetest.Files { return workspacetest.Repository(workspacetest.Many(5, 1000, "base1")...) }
	if diff := cmp.Diff(files(), files()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

func TestWrite(t *testing.T) {
	dir := workspacetest.Write(t, workspacetest.Files{"a/imports/Custom Code.yml": "x: 1\n"})
	got, err := os.ReadFile(filepath.Join(dir, "a", "imports", "Custom Code.yml"))
	if err != nil || string(got) != "x: 1\n" {
		t.Errorf("read %q, %v", got, err)
	}
}
