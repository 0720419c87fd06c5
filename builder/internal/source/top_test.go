// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git"
)

// TestReadTop reads a file beside the workspaces, and nothing that is not one.
func TestReadTop(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"policy.yaml": "a: 1\n", "large.yaml": strings.Repeat("x", 11),
		"ws/index.yml": "name: x\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("policy.yaml", filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	spec, err := Parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Open(t.Context(), spec, Options{Auth: git.Auth{Getenv: func(string) string { return "" }}})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	const limit = 10
	if data, err := tree.ReadTop("policy.yaml", limit); string(data) != "a: 1\n" || err != nil {
		t.Errorf("%q, error %v", data, err)
	}
	for _, missing := range []string{"missing.yaml", "ws/index.yml", "../" + filepath.Base(dir) + "/policy.yaml"} {
		if data, err := tree.ReadTop(missing, limit); data != nil || err != nil {
			t.Errorf("%s: %q, error %v; want nothing", missing, data, err)
		}
	}
	for _, other := range []string{"large.yaml", "link.yaml", "ws"} {
		if data, err := tree.ReadTop(other, limit); data != nil || err == nil ||
			!strings.Contains(err.Error(), "is not a regular file of at most 10 bytes") {
			t.Errorf("%s: %q, error %v; want an error", other, data, err)
		}
	}
}
