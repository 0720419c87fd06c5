// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/internal/golden"
)

const examples = "../../../examples/workspaces"

// readTree returns the files below a directory.
func readTree(tb testing.TB, dir string) files {
	tb.Helper()
	fsys, out := os.DirFS(dir), files{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		out[name] = string(data)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// rewriteChecksums replaces the checksums of each .import.yml with those of its workspace.
func rewriteChecksums(t *testing.T, repo files) {
	t.Helper()
	for name, text := range repo {
		slug, isMetadata := strings.CutSuffix(name, "/"+metadataFile)
		if !isMetadata {
			continue
		}
		own := files{}
		for other, content := range repo {
			if rel, ok := strings.CutPrefix(other, slug+"/"); ok {
				own[rel] = content
			}
		}
		head, _, _ := strings.Cut(text, "checksums:")
		repo[name] = head + workspacetest.Checksums(own)
		golden.Write(t, filepath.Join(examples, name), repo[name])
	}
}

func TestExamplesAreValid(t *testing.T) {
	repo := readTree(t, examples)
	if golden.Updating() {
		rewriteChecksums(t, repo)
	}
	groups := []Group{
		{Name: "base1", Labels: []string{"production:app:base1"}},
		{Name: "base2", Labels: []string{"production:app:base2"}},
		{Name: "extended", Labels: []string{"production:app:extended"}},
	}
	facts, plan, ds := collect(Options{Groups: groups}, repo)
	for _, d := range ds {
		t.Errorf("%s %s %s: %s", d.Severity, d.Rule, d.Position(), d.Message)
	}
	if got := len(facts.Workspaces); got < 8 {
		t.Errorf("%d workspaces instead of 8 or more", got)
	}
	got := map[string][]string{}
	for _, g := range plan.Manifest() {
		got[g.Name] = g.Workspaces
	}
	want := map[string][]string{
		"base1":    {"audit-trail", "knowledge-client-next", "mail-sender"},
		"base2":    {"customer-directory", "document-reader", "ticket-classifier"},
		"extended": {"claims-intake", "back-office-portal"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order of import (-want +got):\n%s", diff)
	}
}

// samples are published workspaces.
const samples = "../../../scan/scantest/testdata/samples"

// TestSamplesAreValid validates workspaces that run on platforms today: no rule about the content
// of files may report them. The dsul package checks automations.
func TestSamplesAreValid(t *testing.T) {
	_, _, ds := collect(Options{Alone: true}, readTree(t, samples))
	for _, d := range ds {
		switch d.Rule {
		case "outside-workspace", "slug-mismatch", "import-metadata-missing":
		default:
			if d.Severity != diagnostic.Info && !strings.HasPrefix(d.Rule, "secret-") &&
				!strings.HasPrefix(d.Rule, "dsul-") {
				t.Errorf("%s %s %s: %s", d.Severity, d.Rule, d.Position(), d.Message)
			}
		}
	}
}
