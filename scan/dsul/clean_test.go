// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// minClean is the minimum number of files without a leak.
const minClean = 150

// TestCleanFiles: files without a leak have no findings.
func TestCleanFiles(t *testing.T) {
	files := scantest.Clean()
	scantest.AddTree(files, os.DirFS("../../examples/workspaces"))
	quiet := 0
	for path, data := range files {
		if newScan(t, path, data).isSurelyClean() {
			quiet++
		}
		for _, m := range matches(t, path, string(data)) {
			t.Errorf("%s:%d:%d: %s at %q: %q", path, m.Line, m.Column, m.Rule, m.Where, m.Secret.Reveal())
		}
	}
	t.Logf("%d files are clean, %d of them at a glance", len(files), quiet)
	if len(files) < minClean {
		t.Errorf("%d files are not enough, want %d", len(files), minClean)
	}
}
