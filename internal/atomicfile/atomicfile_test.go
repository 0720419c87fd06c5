// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
)

func TestCommitAndDiscard(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*File) error
		want string
	}{
		"commit":               {(*File).Commit, "new"},
		"discard":              {(*File).Discard, "old"},
		"discard after close":  {func(f *File) error { return errors.Join(f.Close(), f.Discard()) }, "old"},
		"discard twice":        {func(f *File) error { return errors.Join(f.Discard(), f.Discard()) }, "old"},
		"discard after commit": {func(f *File) error { return errors.Join(f.Commit(), f.Discard()) }, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "report")
			if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			file, err := Create(path, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteString("new"); err != nil {
				t.Fatal(err)
			}
			if got := golden.ReadDir(t, dir)["report"]; got != "old" {
				t.Errorf("before the end, the file has %q", got)
			}
			if err := c.end(file); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(map[string]string{"report": c.want}, golden.ReadDir(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailedRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new"), 0o644); err == nil {
		t.Error("a directory was replaced")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || !entries[0].IsDir() {
		t.Errorf("left: %v, %v", entries, err)
	}
	missing := filepath.Join(dir, "no", "report")
	if err := WriteFile(missing, nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "verdicts")
	for _, c := range []struct{ perm, chmod, want fs.FileMode }{
		{perm: 0o600, want: 0o600}, {perm: 0o644, want: 0o600}, {perm: 0o600, chmod: 0o640, want: 0o640},
	} {
		if c.chmod != 0 {
			if err := os.Chmod(path, c.chmod); err != nil {
				t.Fatal(err)
			}
		}
		if err := WriteFile(path, []byte("x"), c.perm); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != c.want {
			t.Errorf("%v, %v, want %v", info.Mode(), err, c.want)
		}
	}
}
