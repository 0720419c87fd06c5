// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/charts/monitoring"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// TestEachReasonHasOneAlert checks that each reason that does not resolve on its own raises exactly
// one alert, and that its advice links to the page of that alert.
func TestEachReasonHasOneAlert(t *testing.T) {
	reasons := regexp.MustCompile(`workspaces_import_problem\{[^}]*reason=~"([^"]*)"`)
	covering := map[state.Reason][]monitoring.Rule{}
	for _, r := range alerts(t) {
		for _, m := range reasons.FindAllStringSubmatch(r.Expr, -1) {
			for name := range strings.SplitSeq(m[1], "|") {
				covering[state.Reason(name)] = append(covering[state.Reason(name)], r)
			}
		}
		if r.Alert == "WorkspacesImportDrift" {
			covering[state.Drifted] = append(covering[state.Drifted], r)
		}
	}
	for _, r := range state.Reasons() {
		want := 1
		if r.IsTransient() {
			want = 0
		}
		if len(covering[r]) != want {
			t.Errorf("%d alerts cover %s, want %d", len(covering[r]), r, want)
		} else if want == 1 && covering[r][0].Runbook() != state.Advise(r).Runbook {
			t.Errorf("%s: the advice leads to %s, the alert to %s", r, state.Advise(r).Runbook, covering[r][0].Runbook())
		}
		delete(covering, r)
	}
	for r := range covering {
		t.Errorf("there is no reason %s", r)
	}
}

// TestEachAdviceHasAPage checks that the runbook of each advice belongs to an alert. The tests of
// the chart check that the pages exist.
func TestEachAdviceHasAPage(t *testing.T) {
	pages := map[string]bool{}
	for _, r := range alerts(t) {
		pages[r.Runbook()] = true
	}
	for _, r := range state.Reasons() {
		if name := state.Advise(r).Runbook; !pages[name] {
			t.Errorf("%s: no alert has the page %q", r, name)
		}
	}
}
