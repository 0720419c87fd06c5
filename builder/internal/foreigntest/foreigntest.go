// SPDX-License-Identifier: AGPL-3.0-or-later

// Package foreigntest runs programs that are not ours in tests of what ours have made.
package foreigntest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// Run runs a program and returns what it writes. It must be there in CI, and its absence
// is told elsewhere.
func Run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: apt-get install %s", err, name)
		}
		t.Skipf("NOT TESTED against %s: %v", name, err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	}
	return out
}

// Skopeo runs skopeo without its policy of signatures.
func Skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	return Run(t, "skopeo", append([]string{"--insecure-policy"}, args...)...)
}
