// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan/internal/strict"
)

const (
	// baselineVersion is that of the file's format, and of how fingerprints are made.
	baselineVersion = 1
	// acceptedDays is how long a new entry is proposed to hold.
	acceptedDays = 90
	// dateFormat is that of expiry dates.
	dateFormat = time.DateOnly
)

// The rules of the problems that a baseline may have.
const (
	ruleIncomplete = "baseline-incomplete"
	ruleExpired    = "baseline-expired"
	ruleUnused     = "baseline-unused"
)

// Baseline lists findings that may ship, each with somebody who answers for it, a
// reason and a last day. Entries without one of them accept nothing.
type Baseline struct {
	// file names it in messages.
	file    string
	entries []baselineEntry
	// renewed: it is about to be written anew, without unused entries.
	renewed bool
}

type baselineFile struct {
	Version int             `yaml:"version"`
	Entries []baselineEntry `yaml:"accepted"`
}

// baselineEntry accepts a finding. Fingerprint, rule and file say which; where is for
// those who read the entry.
type baselineEntry struct {
	strict.Position `yaml:"-"`
	Fingerprint     string `yaml:"fingerprint"`
	Rule            string `yaml:"rule"`
	File            string `yaml:"file"`
	Where           string `yaml:"where"`
	Owner           string `yaml:"owner"`
	Reason          string `yaml:"reason"`
	Expires         string `yaml:"expires"`
}

// NewBaseline returns one that accepts nothing.
func NewBaseline(file string) *Baseline { return &Baseline{file: file} }

// ReadBaseline reads a baseline. Errors name the file, the line and the column.
func ReadBaseline(file string, data []byte) (*Baseline, error) {
	var f baselineFile
	if err := strict.Decode(file, data, &f); err != nil {
		return nil, err
	}
	if f.Version != baselineVersion {
		return nil, fmt.Errorf("%s: its version is %d, this program reads %d", file, f.Version, baselineVersion)
	}
	seen := map[string]bool{}
	for _, e := range f.Entries {
		if err := e.check(seen); err != nil {
			return nil, strict.In(file, err)
		}
	}
	return &Baseline{file: file, entries: f.Entries}, nil
}

var fingerprintFormat = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (e baselineEntry) check(seen map[string]bool) error {
	_, err := time.Parse(dateFormat, e.Expires)
	switch {
	case !fingerprintFormat.MatchString(e.Fingerprint):
		return e.Errorf("fingerprint %q is none, want 32 digits as a report has them", e.Fingerprint)
	case seen[e.Fingerprint]:
		return e.Errorf("fingerprint %s is there twice", e.Fingerprint)
	case e.Rule == "" || e.File == "":
		return e.Errorf("the entry needs the rule and the file of its finding")
	case err != nil:
		return e.Errorf("expires %q is not a date such as 2027-01-31", e.Expires)
	}
	seen[e.Fingerprint] = true
	return nil
}

// Renewed returns the baseline to apply before it is written anew: unused entries are
// no problem then.
func (b *Baseline) Renewed() *Baseline { return &Baseline{b.file, b.entries, true} }

// Apply sets aside the findings that the baseline accepts at a time. What is wrong with
// its entries becomes problems of the report.
func (b *Baseline) Apply(r *Report, now time.Time) {
	today := now.UTC().Format(dateFormat)
	for _, e := range b.entries {
		used := slices.ContainsFunc(r.Findings, e.accepts) || slices.ContainsFunc(r.History.findings(), e.accepts)
		problem, valid := e.problem(used, today)
		if valid && used {
			r.accept(e)
			continue
		}
		if used || !b.renewed {
			problem.File, problem.Line, problem.Column = b.file, e.Line, e.Column
			r.Problems = append(r.Problems, problem)
		}
	}
	r.sort()
}

func (e baselineEntry) accepts(f Finding) bool {
	return e.Fingerprint == f.Fingerprint && e.Rule == f.Rule && e.File == f.Path
}

// complete reports whether somebody answers for the finding, and says why.
func (e baselineEntry) complete() bool {
	return strings.TrimSpace(e.Owner) != "" && strings.TrimSpace(e.Reason) != ""
}

// problem says why an entry does not count, if it does not.
func (e baselineEntry) problem(used bool, today string) (_ Problem, valid bool) {
	what := e.Rule + " in " + printable(e.File)
	switch {
	case !used:
		return Problem{Rule: ruleUnused, Message: "there is no such secret any more: " + what,
			Help: "remove the entry, or write the baseline anew with builder scan --write-baseline"}, false
	case !e.complete():
		return Problem{Rule: ruleIncomplete, Message: "the entry has no owner or no reason, so it does not accept " + what,
			Help: "revoke the secret and remove it; or say who answers for it and why it may ship"}, false
	case e.Expires < today:
		return Problem{Rule: ruleExpired, Message: fmt.Sprintf("%s was accepted until %s by %s", what, e.Expires, printable(e.Owner)),
			Help: "revoke the secret and remove it; or agree on a later date with its owner"}, false
	default:
		return Problem{}, true
	}
}

// accept moves findings to those that are accepted.
func (r *Report) accept(e baselineEntry) {
	r.Findings, r.Accepted = e.divide(r.Findings, r.Accepted)
	if h := r.History; h != nil {
		h.Findings, h.Accepted = e.divide(h.Findings, h.Accepted)
	}
}

func (e baselineEntry) divide(findings []Finding, accepted []Accepted) ([]Finding, []Accepted) {
	findings = slices.DeleteFunc(findings, func(f Finding) bool {
		if !e.accepts(f) {
			return false
		}
		accepted = append(accepted, Accepted{Finding: f, By: ByBaseline, Owner: e.Owner, Reason: e.Reason, Expires: e.Expires})
		return true
	})
	return findings, accepted
}

// Update returns the baseline of what a scan found, to which b has been applied. It
// keeps owner, reason and date of what was there, drops unused entries, and adds the
// errors, without an owner and a reason: they are not accepted before people give them.
func (b *Baseline) Update(r *Report, now time.Time) *Baseline {
	updated := NewBaseline(b.file)
	add := func(f Finding) {
		i := slices.IndexFunc(b.entries, func(e baselineEntry) bool { return e.accepts(f) })
		switch {
		case slices.ContainsFunc(updated.entries, func(e baselineEntry) bool { return e.accepts(f) }):
		case i >= 0:
			updated.entries = append(updated.entries, b.entries[i])
		case f.Severity == Error:
			updated.entries = append(updated.entries, baselineEntry{
				Fingerprint: f.Fingerprint, Rule: f.Rule, File: f.Path, Where: f.Where,
				Expires: now.UTC().AddDate(0, 0, acceptedDays).Format(dateFormat),
			})
		}
	}
	for _, f := range slices.Concat(r.Findings, r.History.findings()) {
		add(f)
	}
	accepted := r.Accepted
	if r.History != nil {
		accepted = slices.Concat(accepted, r.History.Accepted)
	}
	for _, a := range accepted {
		if a.By == ByBaseline {
			add(a.Finding)
		}
	}
	slices.SortFunc(updated.entries, func(a, b baselineEntry) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return updated
}

// Entries returns how many findings are listed, and how many of them lack an owner or a
// reason.
func (b *Baseline) Entries() (all, incomplete int) {
	for _, e := range b.entries {
		if !e.complete() {
			incomplete++
		}
	}
	return len(b.entries), incomplete
}

const baselineHead = `# Secrets that may ship, each until a date. A scan with this baseline fails for entries
# that have expired, that nothing is found for any more, and that have no owner or no
# reason. Written by builder scan --write-baseline, which keeps what people filled in.
`

// Write writes the file. The same baseline gives the same bytes.
func (b *Baseline) Write(w io.Writer) error {
	if _, err := io.WriteString(w, baselineHead); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(baselineFile{baselineVersion, append([]baselineEntry{}, b.entries...)}); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	return enc.Close()
}
