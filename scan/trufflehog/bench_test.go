// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// BenchmarkDetectors scans published workspaces with each detector: what the second
// one costs beside the first.
func BenchmarkDetectors(b *testing.B) {
	ours, err := dsul.New(dsul.Options{})
	if err != nil {
		b.Fatal(err)
	}
	theirs, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	files := map[string][]byte{}
	scantest.AddTree(files, os.DirFS("../scantest/testdata/samples"))
	total := 0
	for _, data := range files {
		total += len(data)
	}
	for name, d := range map[string]scan.Detector{"trufflehog": theirs, "dsul": ours} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(total))
			for b.Loop() {
				for path, data := range files {
					if _, err := d.Scan(b.Context(), scan.File{Path: path, Data: data}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
