// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// Report is the outcome of a scan. It holds no secret.
type Report struct {
	// Findings are sorted by place.
	Findings []Finding `json:"findings"`
	Coverage Coverage  `json:"coverage"`
	// Filtered counts matches that a scanner took for examples or placeholders.
	Filtered int               `json:"filtered"`
	Scanners []release.Scanner `json:"scanners"`
	// Policy is the digest of the policy in force.
	Policy digest.Digest `json:"policy"`
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
	return release.Scan{
		Scanners: r.Scanners, Policy: r.Policy,
		Files: r.Coverage.Files, Bytes: r.Coverage.Bytes,
	}
}

// WriteJSON writes the report as JSON. The same report gives the same bytes.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("encode scan report: %w", err)
	}
	return nil
}

// WriteHuman writes the report for people. Of what was not scanned, the checksums
// of the platform are one line; everything else has a line of its own.
func (r *Report) WriteHuman(w io.Writer) error {
	out := bufio.NewWriter(w)
	general := false
	for _, f := range r.Findings {
		f.writeHuman(out)
		general = general || f.Help == help
	}
	if general {
		fmt.Fprintf(out, "help: %s\n", help)
	}
	if len(r.Findings) > 0 {
		fmt.Fprintln(out)
	}
	r.Coverage.writeSkipped(out)
	fmt.Fprintf(out, "%s in %d files, %d bytes\n", count(len(r.Findings)), r.Coverage.Files, r.Coverage.Bytes)
	return out.Flush()
}

// writeHuman writes a line for the finding, and one for what to do if that is special.
func (f Finding) writeHuman(out io.Writer) {
	where, also := "", ""
	if f.Where != "" {
		where = ", in " + printable(f.Where)
	}
	for _, s := range f.Also {
		also += ", also " + s.Rule
	}
	fmt.Fprintf(out, "%s: %s%s: %s (%s, fingerprint %s%s)\n", f.Position(), f.Message, where, f.Redacted, f.Verification, f.Fingerprint, also)
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

func count(n int) string {
	switch n {
	case 0:
		return "no secrets"
	case 1:
		return "1 secret"
	default:
		return fmt.Sprintf("%d secrets", n)
	}
}
