// SPDX-License-Identifier: Apache-2.0

// Package golden compares what a program writes with files that the tests keep. Only tests import
// it: it registers the flag -update, with which a test writes these files instead.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the files that the tests compare with")

// Updating reports whether the test was started with -update. A test that generates only a part of
// a file, or derives other files, asks for it; [Compare] does so itself.
func Updating() bool { return *update }

// Compare fails the test if got is not the content of the file. With -update it first writes the
// file, in a directory that it makes if there is none.
func Compare[T string | []byte](t testing.TB, file string, got T) {
	t.Helper()
	if Updating() {
		Write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); if this is what you want, run the test with -update:\n%s", file, diff)
	}
}

// Write writes a file, in a directory that it makes if there is none.
func Write[T string | []byte](t testing.TB, file string, data T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}
