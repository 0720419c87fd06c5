// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReadme makes the README of a copy of the chart: helm-docs writes beside it.
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
	same(t, filepath.Join(chart, "README.md"), string(text))
}
