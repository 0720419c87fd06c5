// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"os"
	"os/exec"
	"testing"
)

// TestExpressionsParse compiles the expressions of all detectors, which are otherwise compiled
// on first use.
func TestExpressionsParse(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "RE2_COMPILE=eager")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
