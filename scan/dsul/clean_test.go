// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// minClean is how many files without a leak are looked at.
const minClean = 150

// TestCleanFiles finds nothing in files without a leak.
func TestCleanFiles(t *testing.T) {
	files := scantest.Clean()
	scantest.AddTree(files, os.DirFS("../../examples/workspaces"))
	for path, data := range files {
		for _, m := range matches(t, path, string(data)) {
			t.Errorf("%s:%d:%d: %s at %q: %q", path, m.Line, m.Column, m.Rule, m.Where, m.Secret.Reveal())
		}
	}
	t.Logf("%d files are clean", len(files))
	if len(files) < minClean {
		t.Errorf("%d files are not enough, want %d", len(files), minClean)
	}
}
