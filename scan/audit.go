// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"time"
)

// Case is a secret to decide on: all findings of it, at least one.
type Case []Finding

// Audited returns the baseline for an interactive audit of the findings. Entries without
// findings are kept, and are not a problem.
func (b *Baseline) Audited() *Baseline {
	return &Baseline{
		file:    b.file,
		salt:    cmp.Or(b.salt, rand.Text()),
		entries: slices.Clone(b.entries),
		partial: true,
		audited: true,
	}
}

// Undecided returns the secrets of a report that are neither accepted nor marked as real. The
// caller applies the baseline to the report first.
func (b *Baseline) Undecided(r *Report) []Case {
	var cases []Case
	places := map[string]int{}
	for _, f := range r.Findings {
		if slices.ContainsFunc(b.entries, func(e baselineEntry) bool { return e.Real && e.matches(f) }) {
			continue
		}
		key := f.Fingerprint
		if len(f.Values) > 0 {
			key = f.Values[0]
		}
		i, known := places[key]
		if !known {
			i = len(cases)
			places[key] = i
			cases = append(cases, nil)
		}
		cases[i] = append(cases[i], f)
	}
	return cases
}

// Accept returns a copy of the baseline that accepts a secret with the owner, reason and expiry
// date of the proposal. It replaces existing entries for the secret.
func (b *Baseline) Accept(c Case, p Proposal, now time.Time) *Baseline {
	return b.updateCase(c, func(e *baselineEntry) {
		e.Owner = p.Owner
		e.Reason = p.Reason
		e.Expires = p.expiryDate(now)
	})
}

// MarkReal returns a copy of the baseline with an entry that marks a secret as a leak. Such a
// finding is not accepted, and later audits do not ask about it.
func (b *Baseline) MarkReal(c Case, now time.Time) *Baseline {
	return b.updateCase(c, func(e *baselineEntry) {
		e.Real = true
		e.Expires = Proposal{}.expiryDate(now)
	})
}

func (b *Baseline) updateCase(c Case, fill func(*baselineEntry)) *Baseline {
	decided := *b
	decided.entries = slices.DeleteFunc(slices.Clone(b.entries), func(e baselineEntry) bool {
		return !e.isBroad() && slices.ContainsFunc(c, e.matches)
	})
	e := newEntry(c[0])
	for _, f := range c {
		e.addOccurrence(f)
	}
	fill(&e)
	decided.entries = append(decided.entries, e)
	slices.SortFunc(decided.entries, compareEntries)
	return &decided
}

// soonDays is the number of days before the expiry date in which an entry counts as expiring
// soon.
const soonDays = 30

// Stats counts the entries of a baseline.
type Stats struct {
	File string `json:"file"`
	// Entries is the total; Accepting entries have an owner, a reason and an expiry date that has
	// not passed.
	Entries   int `json:"entries"`
	Accepting int `json:"accepting"`
	// Incomplete entries lack an owner or a reason, Expired entries have expired, ExpiringSoon
	// entries expire within 30 days, and Real entries mark leaks.
	Incomplete   int `json:"incomplete"`
	Expired      int `json:"expired"`
	ExpiringSoon int `json:"expiringSoon"`
	Real         int `json:"real"`
	// Stale is the number of entries without findings; absent without a scan.
	Stale *int `json:"stale,omitempty"`
	// ByRule, ByOwner and ByExpiry are sorted by name. ByExpiry groups by month, such as
	// 2027-01.
	ByRule   []NamedCount `json:"byRule"`
	ByOwner  []NamedCount `json:"byOwner"`
	ByExpiry []NamedCount `json:"byExpiry"`
	// Unused describes the stale entries.
	Unused []string `json:"unused,omitempty"`
}

// NamedCount is the number of entries with a common property.
type NamedCount struct {
	Name    string `json:"name"`
	Entries int    `json:"entries"`
}

// Stats counts the entries at the given time. With the report of a scan to which the baseline
// has been applied, it also counts the entries without findings. The report may be nil.
func (b *Baseline) Stats(r *Report, now time.Time) Stats {
	s := Stats{File: b.file, Entries: len(b.entries)}
	today := now.UTC().Format(dateFormat)
	soon := now.UTC().AddDate(0, 0, soonDays).Format(dateFormat)
	rules := map[string]int{}
	owners := map[string]int{}
	months := map[string]int{}
	for _, e := range b.entries {
		rules[cmp.Or(e.Rule, "*")]++
		owners[e.Owner]++
		months[e.Expires[:len("2027-01")]]++
		switch {
		case e.Real:
			s.Real++
		case !e.isComplete():
			s.Incomplete++
		case e.Expires < today:
			s.Expired++
		default:
			s.Accepting++
			if e.Expires <= soon {
				s.ExpiringSoon++
			}
		}
	}
	s.ByRule = sortCounts(rules)
	s.ByOwner = sortCounts(owners)
	s.ByExpiry = sortCounts(months)
	if r != nil {
		s.Unused = b.describeUnused(r)
		stale := len(s.Unused)
		s.Stale = &stale
	}
	return s
}

// describeUnused describes the entries without findings.
func (b *Baseline) describeUnused(r *Report) []string {
	all := slices.Concat(r.Findings, r.History.allFindings())
	for _, a := range r.Accepted {
		all = append(all, a.Finding)
	}
	var list []string
	for _, e := range b.entries {
		if !slices.ContainsFunc(all, e.matches) {
			list = append(list, e.describe())
		}
	}
	return list
}

func sortCounts(byName map[string]int) []NamedCount {
	list := []NamedCount{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, NamedCount{name, byName[name]})
	}
	return list
}
