// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestExitCodes(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	failure := &importer.Failure{Reason: state.SlugTaken}
	for want, c := range map[int]struct {
		ctx context.Context
		err error
	}{
		0:               {ended, nil},
		exitInternal:    {t.Context(), errors.New("x")},
		exitUsage:       {ended, usageError(errors.New("x"))},
		exitImport:      {t.Context(), fmt.Errorf("wrapped: %w", failure)},
		exitUnknown:     {t.Context(), errTimeout},
		exitInterrupted: {ended, failure},
	} {
		if got := exitCode(c.ctx, c.err); got != want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, want)
		}
	}
}

// TestEveryReasonHasACode checks that each reason has a documented code, and that only timing
// reasons have the code for unknown outcomes.
func TestEveryReasonHasACode(t *testing.T) {
	unknown := []state.Reason{state.OutcomeUnknown, state.GroupTimeout, state.NotImportedYet, state.NothingToObserve,
		state.Draining}
	for _, r := range state.Reasons() {
		code := exitCodeFor(r)
		if (code == exitUnknown) != slices.Contains(unknown, r) {
			t.Errorf("%s has exit code %d", r, code)
		}
		if !slices.ContainsFunc(exitCodes(), func(c ExitCode) bool { return c.Code == code }) {
			t.Errorf("exit code %d of %s is not documented", code, r)
		}
	}
}
