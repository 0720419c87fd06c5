// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"os"
	"os/exec"
	"testing"
)

// Expressions are compiled when they are first used. This compiles those of all detectors.
func TestExpressionsParse(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "RE2_COMPILE=eager")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
