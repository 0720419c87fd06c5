// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
)

const (
	print1 = "11111111111111111111111111111111"
	print2 = "22222222222222222222222222222222"
	print3 = "33333333333333333333333333333333"
)

var day = time.Date(2026, 11, 25, 23, 59, 0, 0, time.UTC)

func entry(print, owner, reason, expires string) string {
	return fmt.Sprintf("  - fingerprint: %q\n    rule: Word\n    file: a/index.yml\n    where: x\n    owner: %q\n    "+
		"reason: %q\n    expires: %s\n", print, owner, reason, expires)
}

func baseline(t *testing.T, entries ...string) *Baseline {
	t.Helper()
	b, err := ReadBaseline("b.yaml", []byte("version: 1\naccepted:\n"+strings.Join(entries, "")))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func found(print string, line int) Finding {
	return Finding{Rule: "Word", Path: "a/index.yml", Line: line, Fingerprint: print, Severity: Error, Where: "x"}
}

func TestBaselineAccepts(t *testing.T) {
	other := found(print1, 9)
	other.Path = "b/index.yml"
	r := &Report{Findings: []Finding{found(print1, 1), found(print2, 2), found(print1, 7), other}}
	baseline(t, entry(print1, "me", "why", "2026-11-25")).Apply(r, day)
	want := &Report{
		Findings: []Finding{found(print2, 2), other},
		Accepted: []Accepted{{found(print1, 1), ByBaseline, "me", "why", "2026-11-25"},
			{found(print1, 7), ByBaseline, "me", "why", "2026-11-25"}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestBaselineDaysAreUTC: the result of a build does not depend on the time zone.
func TestBaselineDaysAreUTC(t *testing.T) {
	evening := time.Date(2026, 11, 25, 20, 0, 0, 0, time.FixedZone("EST", -5*3600)) // the 26th in UTC
	r := &Report{Findings: []Finding{found(print1, 1)}}
	if baseline(t, entry(print1, "me", "why", "2026-11-25")).Apply(r, evening); len(r.Accepted) > 0 {
		t.Error("an entry is accepted after its last day in UTC")
	}
	b := NewBaseline("b.yaml").Renewed(Proposal{})
	if b.Apply(r, evening); b.entries[0].Expires != "2027-02-24" {
		t.Errorf("a new entry expires on %s, want 90 days after the day in UTC", b.entries[0].Expires)
	}
}

// TestBaselineProblems: an invalid entry accepts nothing and is reported with the reason.
func TestBaselineProblems(t *testing.T) {
	tests := map[string]struct {
		entry, rule, message string
		kept                 int
	}{
		"on its last day":   {entry(print1, "me", "why", "2026-11-25"), "", "", 0},
		"on the day after":  {entry(print1, "me", "why", "2026-11-24"), "baseline-expired", "Word in a/index.yml was accepted until 2026-11-24 by me", 1},
		"without an owner":  {entry(print1, "", "why", "2027-01-01"), "baseline-incomplete", "no owner or no reason", 1},
		"without a reason":  {entry(print1, "me", "", "2027-01-01"), "baseline-incomplete", "no owner or no reason", 1},
		"with blanks alone": {entry(print1, "me", " \t", "2027-01-01"), "baseline-incomplete", "no owner or no reason", 1},
		"unused":            {entry(print2, "me", "why", "2027-01-01"), "baseline-unused", "the scan no longer finds this secret: Word in a/index.yml", 1},
		"unused and over":   {entry(print2, "me", "why", "2020-01-01"), "baseline-unused", "the scan no longer finds this secret", 1},
		"of another rule":   {strings.Replace(entry(print1, "me", "why", "2027-01-01"), "Word", "Other", 1), "baseline-unused", "Other in a/index.yml", 1},
		"of another file":   {strings.Replace(entry(print1, "me", "why", "2027-01-01"), "a/index", "b/index", 1), "baseline-unused", "Word in b/index.yml", 1},
		"unused, not known": {entry(print3, "", "", "2027-01-01"), "baseline-unused", "the scan no longer finds this secret", 1},
	}
	for name, test := range tests {
		r := &Report{Findings: []Finding{found(print1, 1)}}
		baseline(t, test.entry).Apply(r, day)
		if len(r.Findings) != test.kept || len(r.Accepted) != 1-test.kept {
			t.Errorf("%s: %d findings and %d accepted", name, len(r.Findings), len(r.Accepted))
		}
		if test.rule == "" && len(r.Problems) > 0 || test.rule != "" && len(r.Problems) != 1 {
			t.Errorf("%s: problems %+v", name, r.Problems)
			continue
		}
		if test.rule != "" {
			p := r.Problems[0]
			if p.Rule != test.rule || !strings.Contains(p.Message, test.message) || p.Help == "" ||
				p.Position() != "b.yaml:3:5" {
				t.Errorf("%s: problem %+v at %s", name, p, p.Position())
			}
		}
		renewed := &Report{Findings: []Finding{found(print1, 1)}}
		baseline(t, test.entry).Renewed(Proposal{}).Apply(renewed, day)
		if unused := test.rule == "baseline-unused"; unused != (len(renewed.Problems) == 0 && test.rule != "") {
			t.Errorf("%s, about to be written anew: problems %+v", name, renewed.Problems)
		}
	}
}

// TestBaselineUpdate: an update keeps edits, drops entries without findings, and adds new
// findings. The written baseline reads back as the same.
func TestBaselineUpdate(t *testing.T) {
	warning := found("44444444444444444444444444444444", 4)
	warning.Severity = Warning
	r := &Report{
		Findings: []Finding{found(print3, 1), found(print3, 8), found(print1, 2), warning},
		Accepted: []Accepted{{Finding: found("55555555555555555555555555555555", 5), By: ByComment}},
	}
	old := baseline(t, entry(print1, "me: #1", "because\nof 'it'", "2027-01-01"),
		entry(print2, "you", "gone", "2027-01-01"))
	updated := old.Renewed(Proposal{})
	updated.Apply(r, day)
	var out bytes.Buffer
	if err := updated.Write(&out); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/baseline.yaml", out.String())
	if all, incomplete := updated.Entries(); all != 2 || incomplete != 1 {
		t.Errorf("%d entries, %d of them incomplete; want 2 and 1", all, incomplete)
	}
	again, err := ReadBaseline("b.yaml", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	again = again.Renewed(Proposal{})
	again.Apply(r, day.AddDate(1, 0, 0))
	var second bytes.Buffer
	if err := again.Write(&second); err != nil || second.String() != out.String() {
		t.Errorf("error %v; the baseline changes when it is written again:\n%s", err, cmp.Diff(out.String(), second.String()))
	}
}

func TestBaselineMistakes(t *testing.T) {
	good := entry(print1, "me", "why", "2027-01-01")
	for text, want := range map[string]string{
		"":                                     "b.yaml: its version is 0, this program reads 1",
		"version: 2\naccepted: []\n":           "b.yaml: its version is 2",
		"version: 1\naccepted: []\nextra: 1\n": `b.yaml:3:1: unknown key "extra"`,
		"version: 1\naccepted:\n" + good + "    ownr: x\n":                      `b.yaml:10:5: unknown key "ownr", want one of value, fingerprint, rule, path, file, where, fingerprints, real, owner, reason, expires`,
		"version: 1\naccepted:\n" + good + good:                                 "b.yaml:10:5: Word in a/index.yml is there twice",
		"version: 1\naccepted:\n" + entry("abc", "", "", "2027"):                `b.yaml:3:5: fingerprint "abc" is invalid`,
		"version: 1\naccepted:\n" + entry(print1, "", "", "x"):                  `b.yaml:3:5: expires "x" is not a date such as 2027-01-31`,
		"version: 1\naccepted:\n" + strings.Replace(good, "a/index.yml", "", 1): "b.yaml:3:5: the entry needs the rule and the file",
		"version: 1\naccepted:\n" + strings.Replace(good, "Word", "", 1):        "b.yaml:3:5: the entry needs the rule and the file",
	} {
		_, err := ReadBaseline("b.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if err := baseline(t, good).Write(full{}); !errors.Is(err, errFull) {
		t.Errorf("a full disk: error %v", err)
	}
}

// TestBaselineFollowsASecret scans a file before and after its lines move.
func TestBaselineFollowsASecret(t *testing.T) {
	s := newScanner(t, Policy{}, words("words"))
	first := mustScan(t, s, file("a/index.yml", "x: "+canary+"moves\n"))
	b := NewBaseline("b.yaml").Renewed(Proposal{Owner: "me", Reason: "test"})
	b.Apply(first, day)
	b.proposal = nil
	moved := mustScan(t, s, file("a/index.yml", strings.Repeat("# line\n", 9)+"  y: "+canary+"moves\n"))
	if b.Apply(moved, day); len(moved.Findings) != 0 || len(moved.Accepted) != 1 || len(moved.Problems) != 0 {
		t.Errorf("after a move: %+v", moved)
	}
	changed := mustScan(t, s, file("a/index.yml", "x: "+canary+"another\n"))
	if b.Apply(changed, day); len(changed.Findings) != 1 || len(changed.Problems) != 1 {
		t.Errorf("another secret in its place: %+v", changed)
	}
}

// FuzzReadBaseline: a baseline that can be read is written and reads back as the same.
func FuzzReadBaseline(f *testing.F) {
	f.Add([]byte("version: 1\naccepted:\n" + entry(print1, "me", "why", "2027-01-01")))
	f.Add([]byte("version: 1\naccepted: []\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBaseline("b.yaml", data)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := b.Write(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadBaseline("b.yaml", out.Bytes())
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, out.String())
		}
		for i, e := range again.entries {
			before := b.entries[i]
			before.Position = e.Position
			if diff := cmp.Diff(before, e); diff != "" {
				t.Errorf("an entry is read as another one:\n%s", diff)
			}
		}
		r := &Report{Findings: []Finding{found(print1, 1)}}
		if b.Apply(r, day); len(r.Findings)+len(r.Accepted) != 1 {
			t.Error("a finding is lost")
		}
	})
}
