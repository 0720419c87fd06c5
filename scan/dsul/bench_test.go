// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// BenchmarkScan scans published and example workspaces, file by file.
func BenchmarkScan(b *testing.B) {
	files := scantest.Clean()
	scantest.AddTree(files, os.DirFS("../../examples/workspaces"))
	total := 0
	for _, data := range files {
		total += len(data)
	}
	d := newDetector(b)
	b.SetBytes(int64(total))
	for b.Loop() {
		for path, data := range files {
			if _, err := d.Scan(b.Context(), scan.File{Path: path, Data: data}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
