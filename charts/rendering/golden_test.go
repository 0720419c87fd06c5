// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/golden"
)

// ways are the files of testdata/values.
func ways(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 9 {
		t.Fatalf("%v, %d files of values", err, len(files))
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	return names
}

// TestGolden shows what a change of the chart changes.
func TestGolden(t *testing.T) {
	for _, way := range ways(t) {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			golden.Compare(t, "testdata/golden/"+way+".yaml", mustTemplate(t, way))
		})
	}
}

// TestLint lints the manifests that are installed; the other outputs are text for people.
func TestLint(t *testing.T) {
	for _, way := range ways(t) {
		if way == "snippet" || way == "patch" {
			continue
		}
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			if _, err := helm(t, "lint", "--strict", chart, "--kube-version", latest, "--values",
				"testdata/values/"+way+".yaml"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNotes renders the notes as a template of a copy of the chart, because Helm prints them only when it
// installs.
func TestNotes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "workspaces-release")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "templates/NOTES.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"notes.txt": string(text),
		"templates/z.yaml": `{{ dict "notes" (tpl (.Files.Get "notes.txt") .) | toYaml }}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, way := range []string{"standalone", "everything", "inject", "watch"} {
		out, err := helm(t, "template", "acme", dir, "--namespace", "prod", "--kube-version", latest, "--values",
			"testdata/values/"+way+".yaml", "--show-only", "templates/z.yaml")
		if err != nil {
			t.Fatal(err)
		}
		notes, _ := decode(t, out)[""].(map[string]any)["notes"].(string)
		golden.Compare(t, "testdata/golden/"+way+"-notes.txt", strings.TrimSpace(notes)+"\n")
	}
}
