// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
)

// TestGettingStarted runs the Helm commands of docs/getting-started.md, and compares what the
// other commands name with what exists. builder/internal/cli runs the builder's commands.
func TestGettingStarted(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "charts/workspaces-release"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	page := readFile(t, root+"/docs/getting-started.md")
	values := regexp.MustCompile("(?s)```yaml\n# values.yaml\n(.*?)```").FindStringSubmatch(page)
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(values[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	rendered, err := helm(t, "template", "workspaces", chart, "--namespace", "prismeai-core", "--kube-version", latest,
		"--values", filepath.Join(dir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			args := strings.Fields(strings.ReplaceAll(line, "registry.example.com", host))
			seen = append(seen, args[0])
			switch args[0] {
			case "builder", "cd", "export", "docker":
			case "make":
				wantTarget(t, args[1])
			case "kubectl":
				wantRendered(t, rendered, args[1:])
			case "helm":
				if args[1] != "rollback" {
					follow(t, dir, args[1:])
				}
			default:
				t.Errorf("no test runs %q", line)
			}
		}
	}
	want := []string{"builder", "cd", "docker", "export", "helm", "kubectl", "make"}
	slices.Sort(seen)
	if diff := cmp.Diff(want, slices.Compact(seen)); diff != "" {
		t.Errorf("the page runs other programs:\n%s", diff)
	}
}

// wantTarget fails unless a makefile has the target.
func wantTarget(t *testing.T, target string) {
	t.Helper()
	all := readFile(t, root+"/Makefile") + readFile(t, root+"/images/images.mk")
	if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(all) {
		t.Errorf("there is no target %s", target)
	}
}

// wantRendered fails unless the chart renders what a kubectl command names: namespace,
// labels, Deployment and container.
func wantRendered(t *testing.T, rendered string, args []string) {
	t.Helper()
	for i, arg := range args {
		var want string
		switch {
		case arg == "-n":
			want = "namespace: " + args[i+1]
		case arg == "-l":
			want = strings.Replace(args[i+1], "=", ": ", 1)
		case arg == "-c":
			want = "- name: " + args[i+1]
		case strings.HasPrefix(arg, "deployment/"):
			want = "kind: Deployment\nmetadata:\n  name: " + strings.TrimPrefix(arg, "deployment/")
		}
		if !strings.Contains(rendered, want) {
			t.Errorf("kubectl %s: the chart does not render %q", strings.Join(args, " "), want)
		}
	}
}
