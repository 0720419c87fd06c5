// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"fmt"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Partial returns the baseline for a scan of a subset of the files. Entries without findings
// are then not a problem.
func (b *Baseline) Partial() *Baseline {
	partial := *b
	partial.partial = true
	return &partial
}

// Apply moves the findings that the baseline accepts at the given time to the accepted ones,
// and adds a problem to the report for each invalid entry. For a baseline from
// [Baseline.Renewed], it updates the entries from the report first.
func (b *Baseline) Apply(r *Report, now time.Time) {
	if b.proposal != nil {
		b.entries = b.updateEntries(r, now)
	}
	today := now.UTC().Format(dateFormat)
	for _, e := range b.entries {
		used := slices.ContainsFunc(r.Findings, e.matches) || slices.ContainsFunc(r.History.allFindings(), e.matches)
		problem, valid := e.findProblem(used, today)
		switch {
		case e.Real:
		case valid && used:
			r.acceptFindings(e)
		case used && e.Line > 0 || !used && !b.partial && b.proposal == nil:
			problem.File = b.file
			problem.Line = e.Line
			problem.Column = e.Column
			r.Problems = append(r.Problems, problem)
		}
	}
	r.sortFindings()
}

// matches reports whether the entry covers a finding. An entry with a value covers that secret
// in any file and under any rule; its rule and file are informative. An entry with a
// fingerprint covers that secret in its file. Any other entry covers all findings of a rule, of
// some files, or both, except live secrets.
func (e baselineEntry) matches(f Finding) bool {
	switch {
	case e.Path != "" && !doublestar.MatchUnvalidated(e.Path, f.Path):
		return false
	case e.Value != "":
		return slices.Contains(f.Values, e.Value)
	case e.Fingerprint != "":
		return e.File == f.Path && f.hasFingerprint(e.Fingerprint, e.Rule)
	default:
		return f.Verification != Live && (e.Rule == "" || e.Rule == f.Rule)
	}
}

// hasFingerprint also compares the fingerprints of the other rules that found the secret,
// because the first rule may change with the enabled detectors.
func (f Finding) hasFingerprint(fingerprint, rule string) bool {
	if f.Fingerprint == fingerprint && f.Rule == rule {
		return true
	}
	return slices.ContainsFunc(f.Also, func(s Sighting) bool { return s.Fingerprint == fingerprint && s.Rule == rule })
}

// findProblem returns the problem of an entry, or valid if the entry accepts its findings.
func (e baselineEntry) findProblem(used bool, today string) (_ Problem, valid bool) {
	what := e.describe()
	switch {
	case !used:
		return Problem{Rule: ruleUnused, Message: "the scan no longer finds this secret: " + what,
			Help: "remove the entry, or write the baseline again with builder scan --write-baseline"}, false
	case !e.isComplete():
		return Problem{Rule: ruleIncomplete, Message: "the entry has no owner or no reason, so it does not accept " + what,
			Help: "revoke the secret and remove it; or give the entry an owner and the reason why it may ship"}, false
	case e.Expires < today:
		return Problem{
			Rule:    ruleExpired,
			Message: fmt.Sprintf("%s was accepted until %s by %s", what, e.Expires, quotePath(e.Owner)),
			Help:    "revoke the secret and remove it; or agree on a later date with its owner",
		}, false
	default:
		return Problem{}, true
	}
}

// acceptFindings moves the findings that the entry covers to the accepted ones.
func (r *Report) acceptFindings(e baselineEntry) {
	r.Findings, r.Accepted = e.divideFindings(r.Findings, r.Accepted)
	if h := r.History; h != nil {
		h.Findings, h.Accepted = e.divideFindings(h.Findings, h.Accepted)
	}
}

func (e baselineEntry) divideFindings(findings []Finding, accepted []Accepted) ([]Finding, []Accepted) {
	findings = slices.DeleteFunc(findings, func(f Finding) bool {
		if !e.matches(f) {
			return false
		}
		found := Accepted{Finding: f, By: ByBaseline, Owner: e.Owner, Reason: e.Reason, Expires: e.Expires}
		accepted = append(accepted, found)
		return true
	})
	return findings, accepted
}
