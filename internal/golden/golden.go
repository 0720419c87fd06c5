// SPDX-License-Identifier: Apache-2.0

// Package golden compares output with golden files. Only tests import it, because it registers the
// flag -update, which makes tests write their golden files.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// Updating reports whether -update is set. Only tests that write a file themselves need it, for
// example those that generate a part of a file.
func Updating() bool { return *update }

// Compare fails the test if got differs from the golden file. With -update it first writes the file.
func Compare[T string | []byte](t testing.TB, file string, got T) {
	t.Helper()
	if Updating() {
		Write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run the test with -update to create it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); run the test with -update to accept the change:\n%s", file, diff)
	}
}

// Write writes a file and creates its directory if necessary.
func Write[T string | []byte](t testing.TB, file string, data T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ReadDir returns the content of each file of a directory, by name.
func ReadDir(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}
