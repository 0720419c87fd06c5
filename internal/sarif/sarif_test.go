// SPDX-License-Identifier: Apache-2.0

package sarif

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/release"
)

// TestLimit checks that a run with more results than GitHub shows keeps the worst ones and counts the
// others.
func TestLimit(t *testing.T) {
	run := NewRun(release.Tool{Name: "builder"}, release.Source{}, "test/")
	add := func(level string, suppressions ...Suppression) {
		id := fmt.Sprintf("%s-%d", level, len(run.Results))
		run.Results = append(run.Results, Result{RuleID: id, Level: level, Suppressions: suppressions})
	}
	for range 10 {
		add(LevelError, Suppression{Kind: "external"})
		add(LevelNote)
		add(LevelWarning)
	}
	for range MaxResults - 15 {
		add(LevelError)
	}
	before := slices.Clone(run.Results)
	run.Limit("findings")
	if len(run.Results) != MaxResults {
		t.Fatalf("%d results, want %d", len(run.Results), MaxResults)
	}
	kept := map[string]int{}
	for _, r := range run.Results {
		level, _, _ := strings.Cut(r.RuleID, "-")
		if len(r.Suppressions) > 0 {
			level = "suppressed"
		}
		kept[level]++
	}
	if kept[LevelError] != MaxResults-15 || kept[LevelWarning] != 10 || kept[LevelNote] != 5 || kept["suppressed"] != 0 {
		t.Errorf("kept %v", kept)
	}
	notes := run.Invocations[0].Notifications
	want := fmt.Sprintf("%d more findings are not in this report", len(before)-MaxResults)
	if len(notes) != 1 || !strings.HasPrefix(notes[0].Message.Text, want) {
		t.Errorf("notifications %+v, want %q", notes, want)
	}

	run.Results = before[:MaxResults]
	run.Invocations[0].Notifications = nil
	run.Limit("findings")
	if len(run.Results) != MaxResults || run.Invocations[0].Notifications != nil {
		t.Errorf("%d results and notifications %+v at the limit", len(run.Results), run.Invocations[0].Notifications)
	}
}
