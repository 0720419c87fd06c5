// SPDX-License-Identifier: AGPL-3.0-or-later

// Package format writes scan reports in formats for people and other programs. The output is
// deterministic: it does not contain the time of the run. Like the report, it does not contain
// secrets.
package format

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/junit"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/sarif"
	"github.com/prismeai/workspaces-release/scan"
)

// Format is the name of a format.
type Format string

// The formats.
const (
	// Human is text for people. JSON is the complete report.
	Human Format = "human"
	JSON  Format = "json"
	// SARIF is version 2.1.0 of the static analysis format.
	SARIF Format = "sarif"
	// GitLab is GitLab's secret_detection report.
	GitLab Format = "gitlab"
	// JUnit is the format of test reports.
	JUnit Format = "junit"
	// GitHub is workflow commands, with which a job annotates files.
	GitHub Format = "github"
)

// All returns all formats.
func All() []Format { return []Format{Human, JSON, SARIF, GitLab, JUnit, GitHub} }

// About is the context of a scan for its report.
type About struct {
	// Tool is the program that runs the scan.
	Tool release.Tool
	// Source is the origin of the workspaces. Paths in the report are relative to its
	// repository. Path maps a workspace path to a repository path; if it is nil, paths are
	// below Source.Subdir.
	Source release.Source
	Path   func(name string) string
	// Time is the time of the release, for formats that require one.
	Time time.Time
	// Command is the command that ran the scan, such as build. GitHub separates the findings of
	// different commands for the same commit.
	Command string
	// Failure is the reason why the scan did not complete; empty if it did.
	Failure string
	// Verbose includes the accepted findings in the human format.
	Verbose bool
}

// Write writes a report in a format.
func Write(w io.Writer, f Format, r *scan.Report, about About) error {
	switch f {
	case Human:
		return r.WriteHuman(w, about.Verbose)
	case JSON:
		return r.WriteJSON(w)
	case SARIF:
		return sarif.Write(w, Run(r, about))
	case GitLab:
		return writeGitLab(w, r, about)
	case JUnit:
		return junit.Write(w, Suite(r, about))
	case GitHub:
		return writeGitHub(w, r, about)
	default:
		return fmt.Errorf("%q is not a format of scan reports: want one of %s", f, joinNames())
	}
}

func joinNames() string {
	var list []string
	for _, f := range All() {
		list = append(list, string(f))
	}
	return strings.Join(list, ", ")
}

// repositoryFile converts a workspace path to a repository path. Names without a directory are not files,
// but, for example, the labels of an image.
func (a About) repositoryFile(name string) string {
	if !strings.Contains(name, "/") {
		return name
	}
	if a.Path != nil {
		return a.Path(name)
	}
	return path.Join(a.Source.Subdir, name)
}

// allFindings returns the findings in the shipped files and, if it was scanned, in their history.
func allFindings(r *scan.Report) []scan.Finding {
	if r.History == nil {
		return r.Findings
	}
	return slices.Concat(r.Findings, r.History.Findings)
}

// allAccepted returns the accepted findings of both.
func allAccepted(r *scan.Report) []scan.Accepted {
	if r.History == nil {
		return r.Accepted
	}
	return slices.Concat(r.Accepted, r.History.Accepted)
}

// describeWithHelp describes a finding and its fix.
func describeWithHelp(f scan.Finding) string { return describeFinding(f) + ": " + f.Help }

// describeFinding describes a finding, and the commit if it is in the history.
func describeFinding(f scan.Finding) string {
	if f.Commit == "" {
		return f.Text()
	}
	return f.Text() + ", in commit " + f.Commit + " of the history"
}

// currentPosition returns the position of a finding in the current files. It returns zeros for a finding in
// the history, whose line may have moved or disappeared.
func currentPosition(f scan.Finding) (line, column int) {
	if f.Commit != "" {
		return 0, 0
	}
	return f.Line, f.Column
}

// describeInFull describes a finding completely, in several lines.
func describeInFull(f scan.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Position(), f.Text())
	fmt.Fprintf(
		&b,
		"secret: %s (%s)\nrule: %s %s\nfingerprint: %s\nhelp: %s\n",
		f.Redacted,
		f.Verification,
		f.Scanner,
		f.Rule,
		f.Fingerprint,
		f.Help,
	)
	return b.String()
}
