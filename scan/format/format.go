// SPDX-License-Identifier: AGPL-3.0-or-later

// Package format writes the report of a scan in the formats that people and other
// programs read. The same report gives the same bytes: no format holds the time of the
// run. None holds a secret, as the report does not.
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
	// Human is text for people, JSON all that is known.
	Human Format = "human"
	JSON  Format = "json"
	// SARIF is version 2.1.0 of the format of static analysis tools.
	SARIF Format = "sarif"
	// GitLab is its report of the type secret_detection.
	GitLab Format = "gitlab"
	// JUnit is the format of test reports.
	JUnit Format = "junit"
	// GitHub are the workflow commands by which a job annotates files.
	GitHub Format = "github"
)

// All lists the formats.
func All() []Format { return []Format{Human, JSON, SARIF, GitLab, JUnit, GitHub} }

// About is what a report says beside what the scan found.
type About struct {
	// Tool is the program that runs the scan.
	Tool release.Tool
	// Source says where the workspaces come from. Paths are written relative to its
	// repository, where people look for the files: by Path or, if that is nil, below
	// Source.Subdir.
	Source release.Source
	Path   func(name string) string
	// Time is that of the release, for formats that want one.
	Time time.Time
	// Command is what the report is of, such as build. GitHub keeps the findings of each
	// command of one commit apart.
	Command string
	// Failure is why the scan ended before it had looked at everything; empty if it did not.
	Failure string
	// Verbose lists the accepted findings for people, too.
	Verbose bool
}

// Write writes a report.
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
		return fmt.Errorf("%q is not a format of scan reports: want one of %s", f, names())
	}
}

func names() string {
	var list []string
	for _, f := range All() {
		list = append(list, string(f))
	}
	return strings.Join(list, ", ")
}

// file is a path of the workspaces as the repository has it. What has no directory is
// no file, but the labels of an image, for example.
func (a About) file(name string) string {
	if !strings.Contains(name, "/") {
		return name
	}
	if a.Path != nil {
		return a.Path(name)
	}
	return path.Join(a.Source.Subdir, name)
}

// findings lists those in the files that ship, and those in their history if somebody
// looked.
func findings(r *scan.Report) []scan.Finding {
	if r.History == nil {
		return r.Findings
	}
	return slices.Concat(r.Findings, r.History.Findings)
}

// accepted lists what is accepted in the same way.
func accepted(r *scan.Report) []scan.Accepted {
	if r.History == nil {
		return r.Accepted
	}
	return slices.Concat(r.Accepted, r.History.Accepted)
}

// sentence says what was found, and what to do.
func sentence(f scan.Finding) string { return what(f) + ": " + f.Help }

// what says what was found, and when if it is not there any more.
func what(f scan.Finding) string {
	if f.Commit == "" {
		return f.Text()
	}
	return f.Text() + ", in commit " + f.Commit + " of the history"
}

// now returns the place of a finding in the files as they are: a line of an earlier
// version is somewhere else, or nowhere.
func now(f scan.Finding) (line, column int) {
	if f.Commit != "" {
		return 0, 0
	}
	return f.Line, f.Column
}

// details says all there is to say of a finding, line by line.
func details(f scan.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Position(), f.Text())
	fmt.Fprintf(&b, "secret: %s (%s)\nrule: %s %s\nfingerprint: %s\nhelp: %s\n", f.Redacted, f.Verification, f.Scanner, f.Rule, f.Fingerprint, f.Help)
	return b.String()
}
