// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"strings"
	"testing"
	"time"
)

// atCommit returns a file from a history.
func atCommit(path, content, commit string, day int) File {
	return File{Path: path, Data: []byte(content), Commit: commit,
		Date: time.Date(2025, 3, day, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)}
}

// TestHistoryNamesTheFirstCommit: a secret in many commits is reported for the first one.
func TestHistoryNamesTheFirstCommit(t *testing.T) {
	s := newScanner(t, Policy{}, words("x"))
	report := mustScan(t, s,
		atCommit("w/a.yml", "second\n"+canary+"same", "b", 2), atCommit("w/a.yml", canary+"same", "a", 1),
		atCommit("w/a.yml", "third "+canary+"same", "c", 3),
		atCommit("w/other.yml", canary+"same", "c", 3), atCommit("w/a.yml", canary+"other", "c", 3),
	)
	h := NewHistory(report, 3, "")
	var got []string
	for _, f := range h.Findings {
		got = append(got, f.Position()+" "+f.Date[:10])
	}
	want := "c:w/a.yml:1:1 2025-03-03, a:w/a.yml:1:1 2025-03-01, c:w/other.yml:1:1 2025-03-03"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("findings %s, want %s", text, want)
	}
	if h.Coverage.Files != 5 || h.Commits != 3 || h.Errors() != 3 {
		t.Errorf("history %+v", h)
	}
	var none *History
	if none.Errors() != 0 {
		t.Error("what nobody looked at has errors")
	}
}

// TestBaselineOfHistory: a finding in the history uses an entry, too.
func TestBaselineOfHistory(t *testing.T) {
	s := newScanner(t, Policy{}, words("x"))
	past := NewHistory(mustScan(t, s, atCommit("w/a.yml", canary+"past", "a", 1)), 1, "")
	report := mustScan(t, s, file("w/a.yml", "clean"))
	report.History = past
	now := time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)
	updated := NewBaseline("baseline.yaml").Renewed(Proposal{})
	updated.Apply(report, now)
	if all, incomplete := updated.Entries(); all != 1 || incomplete != 1 {
		t.Fatalf("%d entries, %d incomplete", all, incomplete)
	}
	updated.entries[0].Owner = "platform"
	updated.entries[0].Reason = "revoked"
	updated.Apply(report, now)
	if len(report.Problems) > 0 || len(past.Findings) > 0 || len(past.Accepted) != 1 || len(report.Accepted) > 0 {
		t.Errorf("problems %v, history %+v", report.Problems, past)
	}
	again := updated.Renewed(Proposal{})
	if again.Apply(report, now); len(again.entries) != 1 || again.entries[0].Owner != "platform" {
		t.Errorf("entries %+v", again.entries)
	}
}

func TestSkippedVersionsAreCovered(t *testing.T) {
	run := newScanner(t, Policy{}, words("x")).Start(t.Context())
	run.Skip("w/huge.bin", 70, "too large")
	report, err := run.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if c := report.Coverage; c.Files != 1 || c.Bytes != 70 || c.SkippedBytes != 70 || len(c.Skipped) != 1 {
		t.Errorf("coverage %+v", c)
	}
}
