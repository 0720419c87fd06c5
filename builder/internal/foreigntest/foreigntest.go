// SPDX-License-Identifier: AGPL-3.0-or-later

// Package foreigntest runs other projects' programs in tests, to check what our programs produce.
package foreigntest

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// Run runs a program and returns its output. It skips the test if the program is not installed.
func Run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), needs.Program(t, name), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	}
	return out
}

// Skopeo runs skopeo with its signature policy disabled.
func Skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	return Run(t, "skopeo", append([]string{"--insecure-policy"}, args...)...)
}
