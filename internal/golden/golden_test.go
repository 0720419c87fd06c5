// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// recorder is a test that records its failure instead of failing.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { r.failure = fmt.Sprintf(format, args...) }

// Fatalf ends the goroutine, as that of a test does.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// compare returns how a test fails that compares got with a file.
func compare(t *testing.T, file, got string) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Compare(r, file, got)
	}()
	<-done
	return r.failure
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	present := filepath.Join(dir, "present.txt")
	if err := os.WriteFile(present, []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ file, got, failure string }{
		"equal":     {present, "one\n", ""},
		"different": {present, "two\n", present + " (-want +got); run the test with -update to accept the change:"},
		"missing":   {filepath.Join(dir, "none.txt"), "one\n", "no such file or directory; run the test with -update to create it"},
	} {
		t.Run(name, func(t *testing.T) {
			failure := compare(t, tt.file, tt.got)
			if (failure == "") != (tt.failure == "") || !strings.Contains(failure, tt.failure) {
				t.Errorf("failure %q instead of %q", failure, tt.failure)
			}
		})
	}
	if data, err := os.ReadFile(present); err != nil || string(data) != "one\n" {
		t.Errorf("the file has changed without -update: %q, %v", data, err)
	}
}

func TestUpdateWritesTheFile(t *testing.T) {
	was := flag.Lookup("update").Value.String()
	if err := flag.Set("update", "true"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { flag.Set("update", was) })
	file := filepath.Join(t.TempDir(), "new", "file.txt")
	for _, got := range []string{"one\n", "two\n"} {
		if failure := compare(t, file, got); failure != "" {
			t.Error(failure)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != got {
			t.Errorf("the file has %q, %v instead of %q", data, err, got)
		}
	}
}
