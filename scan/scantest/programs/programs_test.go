// SPDX-License-Identifier: AGPL-3.0-or-later

package programs

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRead reads a report of each program.
func TestRead(t *testing.T) {
	reports := []string{
		`{"findings": [{"path": "w/index.yml", "line": 3, "rule": "dsul-password"}]}`,
		`{"SourceMetadata": {"Data": {"Filesystem": {"file": "/in/w/index.yml", "line": 3}}}, "DetectorName": "Github"}
		 {"SourceMetadata": {"Data": {"Filesystem": {"file": "/in/w/a.yml"}}}, "DetectorName": "JWT"}`,
		`[{"File": "/in/w/index.yml", "StartLine": 3, "RuleID": "jwt"}]`,
	}
	want := [][]Finding{
		{{"w/index.yml", 3, "dsul-password"}},
		{{"w/index.yml", 3, "Github"}, {"w/a.yml", 0, "JWT"}},
		{{"w/index.yml", 3, "jwt"}},
	}
	for i, p := range All(Paths{}) {
		report := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(report, []byte(reports[i]), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := p.Read("/in", report)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", p.Name, diff)
		}
		if err := os.WriteFile(report, []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Read("/in", report); err == nil {
			t.Errorf("%s: no error for half a report", p.Name)
		}
	}
}

// TestRunFails: a program that does not run is an error, and not a report without findings.
func TestRunFails(t *testing.T) {
	for _, p := range All(Paths{"/no/builder", "/no/trufflehog", "/no/gitleaks"}) {
		if _, err := p.Run(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "out")); err == nil {
			t.Errorf("%s: no error", p.Name)
		}
	}
}

func TestAddIndexes(t *testing.T) {
	files := map[string][]byte{"a/README.md": nil, "a/b/c.md": nil, "b/index.yml": []byte("mine")}
	AddIndexes(files)
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got,
		[]string{"a/README.md", "a/b/c.md", "a/index.yml", "b/index.yml"}) {
		t.Errorf("files %v", got)
	}
	if string(files["b/index.yml"]) != "mine" {
		t.Errorf("an index was replaced: %s", files["b/index.yml"])
	}
}

func TestReplaceSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.md")
	if err := os.WriteFile(path, []byte("# T\n\n## A\n\nold\n\n### Part\n\n## B\n\nkept\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceSection(path, "A", "\nnew\n"); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceSection(path, "B", "\nlast\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# T\n\n## A\n\nnew\n\n## B\n\nlast\n"; string(got) != want {
		t.Errorf("document %q, want %q", got, want)
	}
	if err := ReplaceSection(path, "C", ""); err == nil {
		t.Error("a missing section is no error")
	}
}
