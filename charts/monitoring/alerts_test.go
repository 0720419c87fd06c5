// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRulesAreValid(t *testing.T) {
	if out, err := exec.Command(promtool(t), "check", "rules", "--lint=all", "--lint-fatal",
		rulesFile).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAlerts(t *testing.T) {
	tool := promtool(t)
	for _, r := range alerts(t) {
		t.Run(r.Alert, func(t *testing.T) {
			t.Parallel()
			if out, err := try(t, tool, r, rebased(t, testFile(r.Alert))); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func testFile(alert string) string { return filepath.Join("testdata", "alerts", alert+".yaml") }

// alertTests is the part of a promtool test file that the tests read.
type alertTests struct {
	Tests []struct {
		Name  string `yaml:"name"`
		Cases []struct {
			At     string `yaml:"eval_time"`
			Alert  string `yaml:"alertname"`
			Alerts []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// TestEachAlertFiresStaysQuietAndResolves checks that the file of each alert has cases for all three.
func TestEachAlertFiresStaysQuietAndResolves(t *testing.T) {
	rules := alerts(t)
	for _, r := range rules {
		var file alertTests
		parse(t, readFile(t, testFile(r.Alert)), &file)
		var fires, quiet, resolves bool
		for _, test := range file.Tests {
			firing := false
			for _, c := range test.Cases {
				if c.Alert != r.Alert {
					t.Errorf("%s: %q is about %s", testFile(r.Alert), test.Name, c.Alert)
				}
				resolves = resolves || firing && len(c.Alerts) == 0
				firing = len(c.Alerts) > 0
				fires = fires || firing
			}
			quiet = quiet || strings.Contains(test.Name, "quiet") && !firing
		}
		if !fires || !quiet || !resolves {
			t.Errorf("%s: fires %t, stays quiet %t, resolves %t: want a case of each", r.Alert, fires, quiet, resolves)
		}
	}
	files, err := filepath.Glob(testFile("*"))
	if err != nil || len(files) != len(rules) {
		t.Errorf("%d files of tests for %d alerts, %v", len(files), len(rules), err)
	}
}

func TestAlertsAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, r := range alerts(t) {
		if names[r.Alert] || !strings.HasPrefix(r.Alert, "WorkspacesImport") {
			t.Errorf("%s is there twice, or not named WorkspacesImport…", r.Alert)
		}
		names[r.Alert] = true
		if d, err := time.ParseDuration(r.For); err != nil || d < 30*time.Second {
			t.Errorf("%s: for is %q: an alert of a single scrape is noise", r.Alert, r.For)
		}
		if s := r.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, s) {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		for _, a := range []string{"summary", "description", "runbook_url"} {
			if r.Annotations[a] == "" {
				t.Errorf("%s has no %s", r.Alert, a)
			}
		}
	}
}
