// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// Report is the result of a scan. It does not contain secrets.
type Report struct {
	// Findings are sorted by position.
	Findings []Finding `json:"findings"`
	// Accepted lists the findings that may ship. Findings does not contain them.
	Accepted []Accepted `json:"accepted"`
	// Problems lists the problems of the baseline.
	Problems []Problem `json:"problems"`
	Coverage Coverage  `json:"coverage"`
	// History contains the findings in the Git history; nil if it was not scanned.
	History *History `json:"history,omitempty"`
	// Cache is nil if the scan did not use a cache.
	Cache *CacheUse `json:"cache,omitempty"`
	// Filtered is the number of matches that scanners rejected as examples or placeholders.
	Filtered int `json:"filtered"`
	// FilteredAt lists the rejected matches with known positions.
	FilteredAt []FilteredMatch   `json:"filteredAt,omitempty"`
	Scanners   []release.Scanner `json:"scanners"`
	// Policy is the digest of the effective policy.
	Policy digest.Digest `json:"policy"`
}

// Accepted is a finding that may ship, and why.
type Accepted struct {
	Finding
	// By is the kind of acceptance.
	By Acceptor `json:"acceptedBy"`
	// Owner is responsible for the finding, Reason explains why it may ship, and Expires is the
	// last day on which it may, such as 2027-01-31. They are set only for acceptance by a
	// baseline.
	Owner   string `json:"owner,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Acceptor is a means of accepting findings.
type Acceptor string

// The means of accepting findings.
const (
	ByBaseline Acceptor = "baseline"
	// ByComment is a comment in the file, if the policy honors them.
	ByComment Acceptor = "comment"
)

// Why describes in one line who accepts a finding, and until when.
func (a Accepted) Why() string {
	if a.By == ByComment {
		return "accepted by a comment in the file"
	}
	return fmt.Sprintf("accepted by %s until %s: %s", quotePath(a.Owner), a.Expires, quotePath(a.Reason))
}

// Problem is an error in the baseline. It stops the release.
type Problem struct {
	// Rule is the stable identifier of the kind of problem, such as baseline-expired.
	Rule string `json:"rule"`
	// File is the path of the baseline; Line and Column are 1-based.
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

// Position returns file:line:column.
func (p Problem) Position() string {
	return fmt.Sprintf("%s:%d:%d", quotePath(p.File), p.Line, p.Column)
}

// sortFindings makes the report deterministic.
func (r *Report) sortFindings() {
	slices.SortFunc(r.Findings, compareFindings)
	slices.SortFunc(r.FilteredAt, compareFiltered)
	slices.SortFunc(r.Accepted, func(a, b Accepted) int { return compareFindings(a.Finding, b.Finding) })
}

// Count returns the number of findings with a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Coverage counts the scanned content as measured by the scanners.
type Coverage struct {
	// Files and Bytes count all files. They must equal the number of shipped files and bytes.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// SkippedBytes is the number of bytes that were not scanned.
	SkippedBytes int64 `json:"skippedBytes"`
	// Skipped lists the content that was not scanned.
	Skipped []Skip `json:"skipped"`
}

// Skip is a file, or part of a file, that was not scanned.
type Skip struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	Reason string `json:"reason"`
}

const (
	reasonExcluded  = "its path is excluded by the scan policy"
	reasonChecksums = "checksums of the platform"
)

func compareSkips(a, b Skip) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
}

// Manifest returns the summary of the scan for the release manifest.
func (r *Report) Manifest() release.Scan {
	var accepted []string
	for _, a := range r.Accepted {
		accepted = append(accepted, a.Fingerprint)
	}
	slices.Sort(accepted)
	return release.Scan{
		Scanners: r.Scanners, Policy: r.Policy,
		Files: r.Coverage.Files, Bytes: r.Coverage.Bytes, Accepted: slices.Compact(accepted), Warnings: r.Count(Warning),
	}
}

// WriteJSON writes the report as JSON. The output is deterministic.
func (r *Report) WriteJSON(w io.Writer) error {
	return document.Write(w, r)
}

// WriteHuman writes the report as text. It summarizes the skipped platform checksums in one
// line, and lists everything else that was skipped. It lists accepted findings if verbose, and
// otherwise counts them.
func (r *Report) WriteHuman(w io.Writer, verbose bool) error {
	out := bufio.NewWriter(w)
	general := false
	for _, f := range r.Findings {
		f.writeHuman(out)
		general = general || f.Help == help
	}
	if general {
		fmt.Fprintf(out, "help: %s\n", help)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(out, "%s: %s\n  help: %s\n", p.Position(), quotePath(p.Message), p.Help)
	}
	if len(r.Findings)+len(r.Problems) > 0 {
		fmt.Fprintln(out)
	}
	writeAccepted(out, r.Accepted, verbose)
	for _, m := range r.FilteredAt {
		fmt.Fprintf(out, "taken for an example: %s\n", m)
	}
	r.Coverage.writeSkipped(out)
	r.Cache.writeHuman(out)
	fmt.Fprintln(out, r.Summary())
	r.History.writeHuman(out, verbose)
	return out.Flush()
}

// writeAccepted lists the accepted findings, or only their number.
func writeAccepted(out io.Writer, list []Accepted, verbose bool) {
	if len(list) > 0 && !verbose {
		fmt.Fprintf(out, "%s (builder scan -v lists them)\n", countNoun(len(list), "accepted finding"))
		return
	}
	for _, a := range list {
		fmt.Fprintf(out, "%s: %s: %s (fingerprint %s)\n", a.Position(), a.Text(), a.Why(), a.Fingerprint)
	}
}

// Summary returns the number of findings and the amount of scanned content in one line.
func (r *Report) Summary() string {
	text := countNoun(r.Count(Error), "secret")
	if n := r.Count(Warning); n > 0 {
		text += ", " + countNoun(n, "warning")
	}
	if n := len(r.Problems); n > 0 {
		text += ", " + countNoun(n, "problem") + " of the baseline"
	}
	if n := len(r.Accepted); n > 0 {
		text += fmt.Sprintf(", %d accepted,", n)
	}
	return fmt.Sprintf("%s in %s, %d bytes", text, terminal.Plural(r.Coverage.Files, "file"), r.Coverage.Bytes)
}

// writeHuman writes a line for the finding, and another one for help that is specific to it.
func (f Finding) writeHuman(out io.Writer) {
	severity, also := "", ""
	if f.Severity == Warning {
		severity = "warning: "
	}
	for _, s := range f.Also {
		also += ", also " + s.Rule
	}
	fmt.Fprintf(out, "%s: %s%s: %s (%s, fingerprint %s%s)\n", f.Position(), severity, f.Text(), f.Redacted,
		f.Verification, f.Fingerprint, also)
	if f.Help != help {
		fmt.Fprintf(out, "  help: %s\n", f.Help)
	}
}

func (c Coverage) writeSkipped(out io.Writer) {
	files, bytes := 0, int64(0)
	for _, s := range c.Skipped {
		switch {
		case s.Reason == reasonChecksums:
			files++
			bytes += s.Bytes
		case s.Bytes == 0 && s.Reason != reasonExcluded:
			fmt.Fprintf(out, "not scanned: a part of %s: %s\n", quotePath(s.Path), s.Reason)
		default:
			fmt.Fprintf(out, "not scanned: %d bytes of %s: %s\n", s.Bytes, quotePath(s.Path), s.Reason)
		}
	}
	if files > 0 {
		fmt.Fprintf(out, "not scanned: %d bytes in %s: %s\n", bytes, terminal.Plural(files, "file"), reasonChecksums)
	}
}

func countNoun(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
