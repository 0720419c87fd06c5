// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// History contains the findings in the Git history of the files. The history does not ship.
type History struct {
	// Commits is the number of scanned commits; Since is the commit that precedes them, empty
	// for the complete history.
	Commits int    `json:"commits"`
	Since   string `json:"since,omitempty"`
	// Findings and Accepted contain one finding for each secret and file, in the first commit
	// with it.
	Findings []Finding  `json:"findings"`
	Accepted []Accepted `json:"accepted"`
	// Coverage counts the versions of files. It counts identical content once.
	Coverage Coverage `json:"coverage"`
}

// NewHistory returns the history for the report of a scan over file versions.
func NewHistory(r *Report, commits int, since string) *History {
	return &History{
		Commits:  commits,
		Since:    since,
		Findings: earliestFindings(r.Findings),
		Accepted: r.Accepted,
		Coverage: r.Coverage,
	}
}

// earliestFindings returns the earliest finding of each secret in each file.
func earliestFindings(findings []Finding) []Finding {
	type kind struct{ rule, path, fingerprint string }
	earliest := map[kind]Finding{}
	for _, f := range findings {
		k := kind{f.Rule, f.Path, f.Fingerprint}
		if before, known := earliest[k]; !known || cmp.Or(cmp.Compare(f.Date, before.Date), compareFindings(f, before)) < 0 {
			earliest[k] = f
		}
	}
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
		return compareFindings(f, earliest[kind{f.Rule, f.Path, f.Fingerprint}]) != 0
	})
}

// allFindings returns the findings in the history; nil if it was not scanned.
func (h *History) allFindings() []Finding {
	if h == nil {
		return nil
	}
	return h.Findings
}

// Errors returns the number of findings with severity error.
func (h *History) Errors() int {
	n := 0
	for _, f := range h.allFindings() {
		if f.Severity != Warning {
			n++
		}
	}
	return n
}

// writeHuman prints the history separately from the findings in the shipped files.
func (h *History) writeHuman(out io.Writer, verbose bool) {
	if h == nil {
		return
	}
	fmt.Fprint(out, "\nIn the history, which does not ship:\n")
	for _, f := range h.Findings {
		f.writeHuman(out)
		fmt.Fprintf(out, "  committed %s\n", f.Date)
	}
	writeAccepted(out, h.Accepted, verbose)
	if len(h.Findings) > 0 {
		fmt.Fprintln(
			out,
			"help: revoke these secrets: anyone who can read the repository has them, "+
				"even after they are removed from its files",
		)
	}
	h.Coverage.writeSkipped(out)
	fmt.Fprintf(out, "%s in %d versions of files, %d bytes, of %d commits\n", countNoun(h.Errors(), "secret"),
		h.Coverage.Files, h.Coverage.Bytes, h.Commits)
}
