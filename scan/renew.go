// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Proposal selects the findings to add to a new baseline, and provides their owner, reason and
// expiry date. The zero value selects all errors, and leaves owner and reason empty.
type Proposal struct {
	Owner, Reason string
	// Expires is the expiry date, such as 2027-01-31; empty for 90 days from now.
	Expires string
	// Rule and Path select findings; empty for all. Path is a glob.
	Rule, Path string
}

// Check returns an error if the proposal is invalid at the given time.
func (p Proposal) Check(now time.Time) error {
	_, err := time.Parse(dateFormat, p.Expires)
	switch {
	case (strings.TrimSpace(p.Owner) == "") != (strings.TrimSpace(p.Reason) == ""):
		return errors.New("an entry needs both an owner and a reason")
	case p.Expires != "" && err != nil:
		return fmt.Errorf("%q is not a date such as 2027-01-31", p.Expires)
	case p.Expires != "" && p.Expires < now.UTC().Format(dateFormat):
		return fmt.Errorf("%s is in the past: an entry needs a date on which it still holds", p.Expires)
	case !doublestar.ValidatePattern(p.Path):
		return fmt.Errorf("path %q is not a valid glob", p.Path)
	}
	return nil
}

// isSelected reports whether the proposal selects a finding.
func (p Proposal) isSelected(f Finding) bool {
	if p.Path != "" && !doublestar.MatchUnvalidated(p.Path, f.Path) {
		return false
	}
	return p.Rule == "" || f.Rule == p.Rule ||
		slices.ContainsFunc(f.Also, func(s Sighting) bool { return s.Rule == p.Rule })
}

func (p Proposal) expiryDate(now time.Time) string {
	return cmp.Or(p.Expires, now.UTC().AddDate(0, 0, AcceptedDays).Format(dateFormat))
}

// fillEntry completes an entry without owner or reason from the proposal.
func (p Proposal) fillEntry(e *baselineEntry, now time.Time) {
	if p.Owner == "" || e.isComplete() || e.Real {
		return
	}
	e.Owner = p.Owner
	e.Reason = p.Reason
	e.Expires = p.expiryDate(now)
}

// Renewed returns a baseline that [Baseline.Apply] updates from the report before it is
// written: Apply drops entries without findings, and adds one entry for each secret among the
// errors that the proposal selects. Existing entries keep their owner, reason and expiry date.
func (b *Baseline) Renewed(p Proposal) *Baseline {
	return &Baseline{file: b.file, salt: cmp.Or(b.salt, rand.Text()), entries: b.entries, proposal: &p}
}

// updateEntries returns the entries for the findings of a scan.
func (b *Baseline) updateEntries(r *Report, now time.Time) []baselineEntry {
	u := updater{proposal: *b.proposal, now: now, before: b.entries, kept: map[int]int{}}
	for _, f := range slices.Concat(r.Findings, r.History.allFindings()) {
		u.addFinding(f)
	}
	accepted := r.Accepted
	if r.History != nil {
		accepted = slices.Concat(accepted, r.History.Accepted)
	}
	for _, a := range accepted {
		if a.By == ByBaseline {
			u.addFinding(a.Finding)
		}
	}
	slices.SortFunc(u.list, compareEntries)
	return u.list
}

func compareEntries(a, b baselineEntry) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Value, b.Value), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// updater builds the entries of a renewed baseline.
type updater struct {
	proposal Proposal
	now      time.Time
	before   []baselineEntry
	list     []baselineEntry
	// kept maps indexes of before to indexes of list.
	kept map[int]int
}

// addFinding keeps the entries that cover a finding, or creates one.
func (u *updater) addFinding(f Finding) {
	known := false
	for i, e := range u.before {
		if e.matches(f) {
			known = true
			u.keepEntry(i, f)
		}
	}
	if known || f.Severity != Error || !u.proposal.isSelected(f) {
		return
	}
	if i := slices.IndexFunc(u.list, func(e baselineEntry) bool { return !e.isBroad() && e.matches(f) }); i >= 0 {
		u.list[i].addOccurrence(f)
		return
	}
	e := newEntry(f)
	e.Expires = u.proposal.expiryDate(u.now)
	u.proposal.fillEntry(&e, u.now)
	u.list = append(u.list, e)
}

// keepEntry takes over an existing entry for a finding. It replaces a fingerprint with the value, so
// that the entry survives renaming the file.
func (u *updater) keepEntry(i int, f Finding) {
	at, known := u.kept[i]
	if !known {
		e := u.before[i]
		e.Fingerprints = nil
		if e.Fingerprint != "" && len(f.Values) > 0 {
			e.Value = f.Values[0]
			e.Fingerprint = ""
		}
		if at = u.findSame(e); at < 0 {
			at = len(u.list)
			u.list = append(u.list, e)
		}
		u.list[at].mergeAcceptance(e)
		u.kept[i] = at
	}
	e := &u.list[at]
	e.addOccurrence(f)
	if u.proposal.isSelected(f) {
		u.proposal.fillEntry(e, u.now)
	}
}

// findSame returns the index of the entry with the same value and files, or -1. It merges entries
// for the same secret in several files.
func (u *updater) findSame(e baselineEntry) int {
	return slices.IndexFunc(u.list, func(other baselineEntry) bool {
		return e.Value != "" && other.Value == e.Value && other.Path == e.Path
	})
}

// mergeAcceptance adopts owner, reason and expiry date from another, complete entry for the same secret
// if e is incomplete or expires later.
func (e *baselineEntry) mergeAcceptance(other baselineEntry) {
	if !other.isComplete() || e.isComplete() && e.Expires <= other.Expires {
		return
	}
	e.Owner = other.Owner
	e.Reason = other.Reason
	e.Expires = other.Expires
}

// newEntry returns an entry for a finding, identified by value if the value is known.
func newEntry(f Finding) baselineEntry {
	e := baselineEntry{Fingerprint: f.Fingerprint, Rule: f.Rule, File: f.Path, Where: f.Where}
	if len(f.Values) > 0 {
		e.Value = f.Values[0]
		e.Fingerprint = ""
		e.addOccurrence(f)
	}
	return e
}

// addOccurrence adds an occurrence of the value to the entry, for readers and for references by
// fingerprint.
func (e *baselineEntry) addOccurrence(f Finding) {
	if e.Value == "" {
		return
	}
	if len(e.Fingerprints) == 0 {
		e.Rule = f.Rule
		e.File = f.Path
		e.Where = f.Where
	}
	if !slices.Contains(e.Fingerprints, f.Fingerprint) {
		e.Fingerprints = append(e.Fingerprints, f.Fingerprint)
		slices.Sort(e.Fingerprints)
	}
}
