// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// History is what is found in the Git history of the files. None of it ships.
type History struct {
	// Commits counts those that were looked at; Since is the one after which they come,
	// empty for all.
	Commits int    `json:"commits"`
	Since   string `json:"since,omitempty"`
	// Findings and Accepted are each of the first commit with the secret in that file.
	Findings []Finding  `json:"findings"`
	Accepted []Accepted `json:"accepted"`
	// Coverage counts versions of files, each content once.
	Coverage Coverage `json:"coverage"`
}

// NewHistory makes one of the report of a run over the versions of files.
func NewHistory(r *Report, commits int, since string) *History {
	return &History{Commits: commits, Since: since, Findings: first(r.Findings), Accepted: r.Accepted, Coverage: r.Coverage}
}

// first leaves of several findings of one secret in one file the earliest.
func first(findings []Finding) []Finding {
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

// findings of the history, none where nobody looked.
func (h *History) findings() []Finding {
	if h == nil {
		return nil
	}
	return h.Findings
}

// Errors counts the findings that are no warnings.
func (h *History) Errors() int {
	n := 0
	for _, f := range h.findings() {
		if f.Severity != Warning {
			n++
		}
	}
	return n
}

// write writes the history for people, apart from what ships.
func (h *History) write(out io.Writer, verbose bool) {
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
		fmt.Fprintln(out, "help: revoke these secrets: whoever can read the repository has them, also when they are gone from its files")
	}
	h.Coverage.writeSkipped(out)
	fmt.Fprintf(out, "%s in %d versions of files, %d bytes, of %d commits\n", count(h.Errors(), "secret"), h.Coverage.Files, h.Coverage.Bytes, h.Commits)
}
