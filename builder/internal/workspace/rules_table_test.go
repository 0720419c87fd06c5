// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"regexp"
	"testing"
)

var ruleID = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// TestRulesAreComplete checks the table that diagnostics and documentation are generated from.
func TestRulesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || !ruleID.MatchString(r.ID) {
			t.Errorf("rule id %q is there twice, or not in kebab case", r.ID)
		}
		seen[r.ID] = true
		for field, text := range map[string]string{
			"title":    r.Title,
			"meaning":  r.Meaning,
			"example":  r.Example,
			"remedy":   r.Remedy,
			"severity": string(r.Severity),
		} {
			if text == "" {
				t.Errorf("rule %s has no %s", r.ID, field)
			}
		}
	}
}
