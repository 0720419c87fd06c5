// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAuditDecides: one decision covers all occurrences of a secret, and replaces an existing
// entry.
func TestAuditDecides(t *testing.T) {
	files := []File{file("a/x.yml", canary+"one"), file("b/x.yml", canary+"one"), file("c/x.yml", canary+"two"),
		file("d/x.yml", canary+"three")}
	incomplete, _ := renew(t, NewBaseline("b.yaml"), Proposal{Path: "a/**"}, files...)
	b := incomplete.Audited()
	report := scanWith(t, b, files...)
	b.Apply(report, day)
	cases := b.Undecided(report)
	if len(cases) != 3 || len(cases[0]) != 2 {
		t.Fatalf("cases %+v", cases)
	}
	b = b.Accept(cases[0], Proposal{Owner: "me", Reason: "why", Expires: "2027-01-01"}, day)
	b = b.MarkReal(cases[1], day)
	b = reread(t, b).Audited()
	report = scanWith(t, b, files...)
	b.Apply(report, day)
	if left := b.Undecided(report); len(left) != 1 || len(report.Accepted) != 2 || len(report.Findings) != 2 ||
		len(report.Problems) != 0 {
		t.Errorf("%d left, %d accepted, %d found, problems %+v", len(left), len(report.Accepted), len(report.Findings),
			report.Problems)
	}
	if all, lacking := b.Entries(); all != 2 || lacking != 0 {
		t.Errorf("%d entries, %d incomplete", all, lacking)
	}
}

func TestStats(t *testing.T) {
	b := baseline(t, entry(print1, "me", "why", "2026-12-01"), entry(print2, "me", "why", "2020-01-31"),
		entry(print3, "", "", "2027-01-01"),
		"  - rule: Other\n    owner: you\n    reason: why\n    expires: 2027-06-01\n",
		"  - fingerprint: "+strings.Repeat("4", 32)+"\n    rule: Word\n    file: c.yml\n    real: true\n    expires: 2027-01-01\n")
	stale := 4
	want := Stats{
		File: "b.yaml", Entries: 5, Accepting: 2, Incomplete: 1, Expired: 1, ExpiringSoon: 1, Real: 1,
		Stale:    &stale,
		ByRule:   []NamedCount{{"Other", 1}, {"Word", 4}},
		ByOwner:  []NamedCount{{"", 2}, {"me", 2}, {"you", 1}},
		ByExpiry: []NamedCount{{"2020-01", 1}, {"2026-12", 1}, {"2027-01", 2}, {"2027-06", 1}},
		Unused:   []string{"Word in a/index.yml", "Word in a/index.yml", "findings of Other", "Word in c.yml"},
	}
	r := &Report{Findings: []Finding{found(print1, 1)}}
	b.Partial().Apply(r, day)
	if diff := cmp.Diff(want, b.Stats(r, day)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s := b.Stats(nil, day); s.Stale != nil || s.Unused != nil {
		t.Errorf("without a scan: %+v", s)
	}
}
