// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Each row of the table decides about the error that it was recorded from.
func TestErrorTexts(t *testing.T) {
	for _, known := range errorTexts {
		if got := classifyProblem(platform.Problem{Message: known.recorded}); got != known.reason || known.version == "" {
			t.Errorf("%s of version %q: %s, want %s", known.recorded, known.version, got, known.reason)
		}
	}
}

// Of all errors that were recorded from the service, only these have a reason of their own.
func TestRecordedErrors(t *testing.T) {
	cases, err := platformtest.Cases()
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	got := map[string]state.Reason{}
	for _, c := range cases {
		for _, e := range c.Platform.Errors {
			texts++
			if r := classifyProblem(platform.Problem{Message: e.Error}); r != state.ImportErrors {
				got[e.Error] = r
			}
		}
	}
	want := map[string]state.Reason{}
	for _, known := range errorTexts {
		if known.version == recorded2024 {
			want[known.recorded] = known.reason
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || texts < 50 {
		t.Errorf("%d errors (-want +got):\n%s", texts, diff)
	}
}

func TestFinalStatus(t *testing.T) {
	for status, want := range map[platform.Status]bool{
		platform.StatusImported:      true,
		platform.StatusSkipped:       true,
		"upToDate":                   true,
		"":                           true, // a missing status has a reason of its own
		platform.StatusError:         false,
		platform.StatusMergeConflict: false,
		platform.StatusInProgress:    false,
		platform.StatusCandidate:     false,
		"Failed":                     false,
	} {
		if got := isFinalStatus(status); got != want {
			t.Errorf("%q: %t", status, got)
		}
	}
}
