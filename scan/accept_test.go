// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// renew writes a baseline for the findings in the files, reads it, and returns it with the
// report.
func renew(t *testing.T, b *Baseline, p Proposal, files ...File) (*Baseline, *Report) {
	t.Helper()
	b = b.Renewed(p)
	report := scanWith(t, b, files...)
	b.Apply(report, day)
	return reread(t, b), report
}

// reread writes a baseline and reads it back.
func reread(t *testing.T, b *Baseline) *Baseline {
	t.Helper()
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), canary) {
		t.Fatalf("the baseline shows a secret:\n%s", out.String())
	}
	again, err := ReadBaseline("b.yaml", out.Bytes())
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	return again
}

func scanWith(t *testing.T, b *Baseline, files ...File) *Report {
	t.Helper()
	s := newScanner(t, Policy{}, words("words"))
	s = s.WithBaseline(b)
	return mustScan(t, s, files...)
}

// outcomeOf applies a baseline and returns the state of each finding, and the problems.
func outcomeOf(t *testing.T, b *Baseline, files ...File) string {
	t.Helper()
	r := scanWith(t, b, files...)
	b.Apply(r, day)
	text := fmt.Sprintf("%d found, %d accepted", len(r.Findings), len(r.Accepted))
	for _, p := range r.Problems {
		text += ", " + p.Rule
	}
	return text
}

// TestValueHoldsInEveryFile: an entry covers a secret in many files, also after a file or a
// workspace is renamed, but does not cover another secret.
func TestValueHoldsInEveryFile(t *testing.T) {
	var files []File
	for i := range 30 {
		files = append(files, file(fmt.Sprintf("w%d/index.yml", i), "key: "+canary+"public\n"))
	}
	b, first := renew(t, NewBaseline("b.yaml"), Proposal{Owner: "me", Reason: "public key"}, files...)
	if len(first.Accepted) != 30 || len(first.Findings) != 0 || len(first.Problems) != 0 {
		t.Errorf("the scan that writes the baseline: %d accepted, %+v", len(first.Accepted), first.Problems)
	}
	if len(b.entries) != 1 || len(b.Acceptances()) != 30 {
		t.Fatalf("%d entries, %d acceptances", len(b.entries), len(b.Acceptances()))
	}
	for name, test := range map[string]struct {
		file File
		want string
	}{
		"another workspace": {file("renamed/index.yml", "key: "+canary+"public\n"), "0 found, 1 accepted"},
		"another secret":    {file("w1/index.yml", "key: "+canary+"private\n"), "1 found, 0 accepted, baseline-unused"},
	} {
		if got := outcomeOf(t, b, test.file); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestBaselineOfRulesAndPaths tests handwritten entries.
func TestBaselineOfRulesAndPaths(t *testing.T) {
	files := []File{file("docs/a.yml", canary+"a"), file("docs/b.yml", canary+"b"), file("w/c.yml", canary+"c")}
	tail := "    owner: me\n    reason: why\n    expires: 2027-01-01\n"
	for entry, want := range map[string]string{
		"  - path: docs/**\n":                   "1 found, 2 accepted",
		"  - rule: Word\n":                      "0 found, 3 accepted",
		"  - rule: Word\n    path: '*/c.yml'\n": "2 found, 1 accepted",
		"  - rule: Other\n":                     "3 found, 0 accepted, baseline-unused",
		"  - path: docs/*.md\n":                 "3 found, 0 accepted, baseline-unused",
	} {
		if got := outcomeOf(t, baseline(t, entry+tail), files...); got != want {
			t.Errorf("%s: %s, want %s", entry, got, want)
		}
	}
}

// TestBroadEntriesAcceptNothingLive: the author of the entry did not know about the live
// secret.
func TestBroadEntriesAcceptNothingLive(t *testing.T) {
	live := found(print1, 1)
	live.Verification = Live
	r := &Report{Findings: []Finding{live, found(print2, 2)}}
	baseline(t, "  - rule: Word\n    owner: me\n    reason: why\n    expires: 2027-01-01\n").Apply(r, day)
	if len(r.Findings) != 1 || len(r.Accepted) != 1 || r.Findings[0].Verification != Live {
		t.Errorf("findings %+v", r.Findings)
	}
}

// TestEntrySurvivesAnotherRule: the rule of the entry becomes one of several that find the
// secret.
func TestEntrySurvivesAnotherRule(t *testing.T) {
	f := found(print2, 1)
	f.Rule = "New"
	f.Also = []Sighting{{Scanner: "words", Rule: "Word", Fingerprint: print1}}
	r := &Report{Findings: []Finding{f}}
	baseline(t, entry(print1, "me", "why", "2027-01-01")).Apply(r, day)
	if len(r.Findings) != 0 || len(r.Accepted) != 1 || len(r.Problems) != 0 {
		t.Errorf("report %+v", r)
	}
}

// TestEntriesGetValues: the fingerprints of an older baseline become values. Two files with the
// same secret give one entry, which keeps owner and reason.
func TestEntriesGetValues(t *testing.T) {
	files := []File{file("a/x.yml", canary+"same"), file("b/x.yml", canary+"same")}
	var entries string
	for i, f := range scanWith(t, NewBaseline("b.yaml"), files...).Findings {
		owner := [...]string{"", "me"}[i]
		entries += fmt.Sprintf("  - {fingerprint: %q, rule: Word, file: %s, owner: %q, reason: why, expires: 2027-01-01}\n",
			f.Fingerprint, f.Path, owner)
	}
	b, _ := renew(t, baseline(t, entries), Proposal{}, files...)
	if len(b.entries) != 1 || b.entries[0].Owner != "me" || b.entries[0].Fingerprint != "" ||
		len(b.entries[0].Fingerprints) != 2 {
		t.Fatalf("entries %+v", b.entries)
	}
	if got := outcomeOf(t, b, file("c/y.yml", canary+"same")); got != "0 found, 1 accepted" {
		t.Errorf("renamed: %s", got)
	}
}

// TestProposal tests which findings get an owner, and the errors in proposals.
func TestProposal(t *testing.T) {
	files := []File{file("a/x.yml", canary+"one"), file("b/x.yml", canary+"two")}
	full := Proposal{Owner: "me", Reason: "why", Expires: "2027-05-01"}
	only := full
	only.Path = "a/**"
	other := full
	other.Rule = "Other"
	for name, test := range map[string]struct {
		proposal            Proposal
		entries, incomplete int
	}{
		"nobody":       {Proposal{}, 2, 2},
		"all":          {full, 2, 0},
		"some files":   {only, 1, 0},
		"another rule": {other, 0, 0},
	} {
		b, r := renew(t, NewBaseline("b.yaml"), test.proposal, files...)
		all, incomplete := b.Entries()
		if all != test.entries || incomplete != test.incomplete || len(r.Accepted) != all-incomplete ||
			len(r.Findings)+len(r.Accepted) != 2 {
			t.Errorf("%s: %d entries, %d incomplete, %d accepted", name, all, incomplete, len(r.Accepted))
		}
	}
	b, _ := renew(t, NewBaseline("b.yaml"), Proposal{}, files...)
	b, _ = renew(t, b, only, files...)
	if all, incomplete := b.Entries(); all != 2 || incomplete != 1 || b.entries[0].Expires != "2027-05-01" {
		t.Errorf("filled in: %+v", b.entries)
	}
	for _, p := range []Proposal{{Owner: "me"}, {Reason: "why"}, {Expires: "tomorrow"}, {Expires: "2026-11-24"},
		{Path: "a/[b"}} {
		if p.Check(day) == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

// TestPartialScan: an entry for a file outside the scan is not a problem, but an expired entry
// is.
func TestPartialScan(t *testing.T) {
	b := baseline(t, entry(print1, "me", "why", "2020-01-01"), entry(print2, "me", "why", "2027-01-01")).Partial()
	r := &Report{Findings: []Finding{found(print1, 1)}}
	b.Apply(r, day)
	if len(r.Problems) != 1 || r.Problems[0].Rule != ruleExpired {
		t.Errorf("problems %+v", r.Problems)
	}
}

func TestMoreBaselineMistakes(t *testing.T) {
	tail := "\n    owner: me\n    reason: why\n    expires: 2027-01-01\n"
	for text, want := range map[string]string{
		"  - value: " + print1: "b.yaml:3:5: an entry with a value needs the salt",
		"  - value: abc":       `b.yaml:3:5: value "abc" is not a digest`,
		"  - value: " + print1 + "\n    fingerprint: " + print1: "b.yaml:3:5: the entry has a value and a fingerprint",
		"  - where: x":                   "b.yaml:3:5: the entry accepts nothing",
		"  - path: a/[b":                 `b.yaml:3:5: path "a/[b" is not a valid glob`,
		"  - path: a/**\n    real: true": "b.yaml:3:5: the entry marks a real leak",
		"  - rule: x\n    file: a.yml":   "b.yaml:3:5: the entry has a file, but no fingerprint",
		"  - fingerprint: " + print1 + "\n    rule: x\n    file: a\n    path: a": "b.yaml:3:5: the entry has a fingerprint",
	} {
		_, err := ReadBaseline("b.yaml", []byte("version: 1\naccepted:\n"+text+tail))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := ReadBaseline("b.yaml", []byte("version: 1\nsalt: short\naccepted: []\n")); err == nil {
		t.Error("a short salt is accepted")
	}
}

// TestSaltsDiffer: the same secret has different digests in different baselines.
func TestSaltsDiffer(t *testing.T) {
	var digests []string
	for range 2 {
		b, _ := renew(t, NewBaseline("b.yaml"), Proposal{}, file("a/x.yml", canary+"one"))
		digests = append(digests, b.entries[0].Value)
	}
	if digests[0] == digests[1] {
		t.Error("two baselines have the same digest")
	}
}

// TestHumanCountsAccepted: accepted findings are listed only on request.
func TestHumanCountsAccepted(t *testing.T) {
	for verbose, want := range map[bool]string{
		false: "2 accepted findings (builder scan -v lists them)\n",
		true: "a.yml:1: m: accepted by me until 2027-01-01: why (fingerprint f)\na.yml:2: m: accepted by me until " +
			"2027-01-01: why (fingerprint f)\n",
	} {
		var out strings.Builder
		one := Accepted{Finding: Finding{Path: "a.yml", Line: 1, Message: "m", Fingerprint: "f"}, By: ByBaseline, Owner: "me",
			Reason: "why", Expires: "2027-01-01"}
		two := one
		two.Line = 2
		writeAccepted(&out, []Accepted{one, two}, verbose)
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("verbose %v: -want +got:\n%s", verbose, diff)
		}
	}
}
