// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
)

// BuildKit runs the exporters of a build concurrently, and no output file may get lost. The race
// detector always reports the bug; without it, a file is lost only occasionally.
func TestOutputsAreWrittenAtTheSameTime(t *testing.T) {
	const outputs = 100
	dir := t.TempDir()
	var written pendingFiles
	var group errgroup.Group
	start := make(chan struct{})
	for i := range outputs {
		group.Go(func() error {
			<-start
			w, err := written.createFile(filepath.Join(dir, fmt.Sprint(i)))
			if err == nil {
				_, err = io.WriteString(w, "image")
			}
			return err
		})
	}
	close(start)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := written.publishFiles(); err != nil {
		t.Fatal(err)
	}
	if err := written.discardFiles(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != outputs {
		t.Errorf("%d of %d outputs: %v", len(entries), outputs, err)
	}
	for i := range outputs {
		if data, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i))); err != nil || string(data) != "image" {
			t.Errorf("output %d: %q, %v", i, data, err)
		}
	}
}
