// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

const gettingStartedPage = "../../../docs/getting-started.md"

// TestGettingStarted runs the commands of docs/getting-started.md that call the builder, in
// their order, on the example workspaces. charts/rendering runs those that call Helm.
func TestGettingStarted(t *testing.T) {
	data, err := os.ReadFile(gettingStartedPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	registry := registrytest.New(t, registrytest.Options{})
	registry.PushBase(t, "prismeai/prismeai-workspaces:v27.5.5", registrytest.Base{Platforms: []string{"linux/amd64"}})
	local := func(text string) string { return strings.ReplaceAll(text, "registry.example.com", registry.Host()) }

	dir := filepath.Join(t.TempDir(), "workspaces")
	if err := os.CopyFS(dir, os.DirFS(exampleWorkspaces)); err != nil {
		t.Fatal(err)
	}
	settings := regexp.MustCompile("(?s)```yaml\n(# release.yaml\n.*?)```").FindStringSubmatch(page)
	if settings == nil {
		t.Fatal("the page has no release.yaml")
	}
	if err := os.WriteFile(filepath.Join(dir, "release.yaml"), []byte(local(settings[1])), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)

	var ran []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			args := strings.Fields(line)
			if args[0] != "builder" {
				continue
			}
			ran = append(ran, args[1])
			runBuilder(t, strings.Fields(local(line))[1:])
		}
	}
	want := "version validate plan scan build build inspect verify"
	if got := strings.Join(ran, " "); got != want {
		t.Errorf("the page runs the builder with %q, want %q", got, want)
	}
}

// runBuilder runs the builder in this process, and wants it to succeed.
func runBuilder(t *testing.T, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	streams := cli.IO{In: strings.NewReader(""), Out: &stdout, Err: &stderr,
		Env: []string{"HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}}
	if code := cli.Run(t.Context(), args, streams); code != 0 {
		t.Errorf("builder %s: exit code %d\n%s%s", strings.Join(args, " "), code, &stdout, &stderr)
	}
}
