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
)

// Report is the outcome of a scan. It holds no secret.
type Report struct {
	// Findings are sorted by place.
	Findings []Finding `json:"findings"`
	// Accepted lists findings that may ship. They are not among the others.
	Accepted []Accepted `json:"accepted"`
	// Problems lists what is wrong with the baseline.
	Problems []Problem `json:"problems"`
	Coverage Coverage  `json:"coverage"`
	// History is what is found in the Git history of the files; nil where nobody looked.
	History *History `json:"history,omitempty"`
	// Cache is nil where every file was scanned.
	Cache *CacheUse `json:"cache,omitempty"`
	// Filtered counts matches that a scanner took for examples or placeholders.
	Filtered int `json:"filtered"`
	// FilteredAt lists those of them whose places are known.
	FilteredAt []FilteredMatch   `json:"filteredAt,omitempty"`
	Scanners   []release.Scanner `json:"scanners"`
	// Policy is the digest of the policy in force.
	Policy digest.Digest `json:"policy"`
}

// Accepted is a finding that may ship, and why.
type Accepted struct {
	Finding
	// By is what accepts it.
	By Acceptor `json:"acceptedBy"`
	// Owner answers for it; Reason says why it may ship; Expires is the last day on
	// which it may, such as 2027-01-31. Only a baseline has them.
	Owner   string `json:"owner,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Acceptor is what accepts findings.
type Acceptor string

// What may accept findings.
const (
	ByBaseline Acceptor = "baseline"
	// ByComment is a comment in the file, where the policy honours those.
	ByComment Acceptor = "comment"
)

// Why says in one line who accepts a finding, and until when.
func (a Accepted) Why() string {
	if a.By == ByComment {
		return "accepted by a comment in the file"
	}
	return fmt.Sprintf("accepted by %s until %s: %s", printable(a.Owner), a.Expires, printable(a.Reason))
}

// Problem is something wrong with the baseline. It stops the release.
type Problem struct {
	// Rule is the stable name of the kind of problem, such as baseline-expired.
	Rule string `json:"rule"`
	// File is the baseline; Line and Column are 1-based.
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

// Position returns file:line:column.
func (p Problem) Position() string {
	return fmt.Sprintf("%s:%d:%d", printable(p.File), p.Line, p.Column)
}

// sort gives equal reports equal bytes.
func (r *Report) sort() {
	slices.SortFunc(r.Findings, compareFindings)
	slices.SortFunc(r.FilteredAt, compareFiltered)
	slices.SortFunc(r.Accepted, func(a, b Accepted) int { return compareFindings(a.Finding, b.Finding) })
}

// Count returns how many findings have the severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Coverage counts what was scanned, by the scanners' own count.
type Coverage struct {
	// Files and Bytes count all files. They must equal what ships.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// SkippedBytes counts those of the bytes that were not looked at.
	SkippedBytes int64 `json:"skippedBytes"`
	// Skipped lists what was not scanned.
	Skipped []Skip `json:"skipped"`
}

// Skip is a file, or a part of it, that was not scanned.
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

// Manifest returns what the release manifest says of the scan.
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

// WriteJSON writes the report as JSON. The same report gives the same bytes.
func (r *Report) WriteJSON(w io.Writer) error {
	return document.Write(w, r)
}

// WriteHuman writes the report for people. Of what was not scanned, the checksums
// of the platform are one line; everything else has a line of its own. Accepted findings
// are listed if verbose, and counted otherwise.
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
		fmt.Fprintf(out, "%s: %s\n  help: %s\n", p.Position(), printable(p.Message), p.Help)
	}
	if len(r.Findings)+len(r.Problems) > 0 {
		fmt.Fprintln(out)
	}
	writeAccepted(out, r.Accepted, verbose)
	for _, m := range r.FilteredAt {
		fmt.Fprintf(out, "taken for an example: %s\n", m)
	}
	r.Coverage.writeSkipped(out)
	r.Cache.write(out)
	fmt.Fprintln(out, r.Summary())
	r.History.write(out, verbose)
	return out.Flush()
}

// writeAccepted writes the accepted findings, or how many there are.
func writeAccepted(out io.Writer, list []Accepted, verbose bool) {
	if len(list) > 0 && !verbose {
		fmt.Fprintf(out, "%s (builder scan -v lists them)\n", count(len(list), "accepted finding"))
		return
	}
	for _, a := range list {
		fmt.Fprintf(out, "%s: %s: %s (fingerprint %s)\n", a.Position(), a.Text(), a.Why(), a.Fingerprint)
	}
}

// Summary says in one line what was found in how much.
func (r *Report) Summary() string {
	text := count(r.Count(Error), "secret")
	if n := r.Count(Warning); n > 0 {
		text += ", " + count(n, "warning")
	}
	if n := len(r.Problems); n > 0 {
		text += ", " + count(n, "problem") + " of the baseline"
	}
	if n := len(r.Accepted); n > 0 {
		text += fmt.Sprintf(", %d accepted,", n)
	}
	return fmt.Sprintf("%s in %d files, %d bytes", text, r.Coverage.Files, r.Coverage.Bytes)
}

// writeHuman writes a line for the finding, and one for what to do if that is special.
func (f Finding) writeHuman(out io.Writer) {
	severity, also := "", ""
	if f.Severity == Warning {
		severity = "warning: "
	}
	for _, s := range f.Also {
		also += ", also " + s.Rule
	}
	fmt.Fprintf(out, "%s: %s%s: %s (%s, fingerprint %s%s)\n", f.Position(), severity, f.Text(), f.Redacted, f.Verification, f.Fingerprint, also)
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
			fmt.Fprintf(out, "not scanned: a part of %s: %s\n", printable(s.Path), s.Reason)
		default:
			fmt.Fprintf(out, "not scanned: %d bytes of %s: %s\n", s.Bytes, printable(s.Path), s.Reason)
		}
	}
	if files > 0 {
		fmt.Fprintf(out, "not scanned: %d bytes in %d files: %s\n", bytes, files, reasonChecksums)
	}
}

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
