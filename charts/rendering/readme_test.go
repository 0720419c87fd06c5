// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// TestReadme generates the README in a copy of the chart, because helm-docs writes into the chart.
func TestReadme(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "workspaces-release")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	if _, err := tool(t, "helm-docs", "", "--chart-search-root", dir, "--sort-values-order", "file"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join(chart, "README.md"), text)
}

// TestReadmeCanBeFollowed runs the README's Helm commands against a registry. Commands that need a cluster
// are rendered instead, from the registry and from the clone.
func TestReadmeCanBeFollowed(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://") + "/team"
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "charts/workspaces-release"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	readme := readFile(t, chart+"/README.md")
	values := regexp.MustCompile("(?s)```yaml\n# values.yaml\n(.*?)```").FindStringSubmatch(readme)
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(values[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	blocks := regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$").FindAllStringSubmatch(readme, -1)
	for _, block := range blocks {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			args := strings.Fields(strings.ReplaceAll(line, "$REGISTRY", host))
			if len(args) < 2 || args[0] != "helm" {
				continue
			}
			count[args[1]]++
			follow(t, dir, args[1:])
		}
	}
	for verb, want := range map[string]int{"package": 1, "push": 1, "upgrade": 2, "template": 2} {
		if count[verb] != want {
			t.Errorf("the README has %d times helm %s, want %d", count[verb], verb, want)
		}
	}
}

// follow runs one command of the README in a directory.
func follow(t *testing.T, dir string, args []string) {
	t.Helper()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), needs.Program(t, "helm"), args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	switch args[0] {
	case "package":
		run(args...)
		return
	case "push":
		run(append(args, "--plain-http")...)
		return
	}
	args = strings.Fields(strings.NewReplacer("upgrade ", "template ", " --install", "", " --wait", "", " --timeout 1h",
		"").Replace(strings.Join(args, " ")))
	args = append(args, "--kube-version", latest)
	fromRegistry := run(append(args, "--plain-http")...)
	clone := regexp.MustCompile(`oci://\S+ --version \S+`).ReplaceAllString(strings.Join(args, " "),
		"charts/workspaces-release")
	if fromClone := run(strings.Fields(clone)...); !strings.Contains(fromRegistry, fromClone) ||
		!strings.Contains(fromClone, "release-sidecar") {
		t.Errorf("helm %s renders other resources from the clone:\n%s", clone, fromClone)
	}
}
