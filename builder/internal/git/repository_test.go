// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// A pointer file larger than any path is not read to its end.
func TestPointerIsBounded(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"pointer": "gitdir: " + strings.Repeat("a", maxPointer)})
	path, err := readPointer(filepath.Join(dir, "pointer"), "gitdir:")
	if tooLarge := new(limit.Error); !errors.As(err, &tooLarge) {
		t.Errorf("%d bytes, %v", len(path), err)
	}
}

func TestPointers(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"relative": "gitdir: ../a/.git\n", "absolute": "gitdir: /srv/a",
		"other": "none"})
	for name, want := range map[string]string{"relative": filepath.Join(dir, "../a/.git"), "absolute": "/srv/a",
		"other": ""} {
		if got, err := readPointer(filepath.Join(dir, name), "gitdir:"); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
