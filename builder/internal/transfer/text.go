// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/junit"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// WriteSummary writes a plain-text summary.
func (r *Result) WriteSummary(w io.Writer) error {
	var b strings.Builder
	row := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", label, terminal.Safe(fmt.Sprintf(format, args...)))
	}
	row("workspace", "%s%s", r.Workspace.Slug, r.describeState())
	row("target", "%s", r.Target)
	switch {
	case r.FilesUnknown:
		row("imported", "files that the platform did not name")
	case !r.DryRun:
		row("imported", "%d files", len(r.Imported))
	}
	if len(r.Deleted) > 0 {
		row("deleted", "%d: %s", len(r.Deleted), strings.Join(r.Deleted, ", "))
	}
	row("took", "%s", time.Duration(r.Duration).Round(time.Millisecond))
	if r.DryRun {
		b.WriteString("dry run: nothing was imported\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) describeState() string {
	switch {
	case r.Created && r.Workspace.ID == "":
		return " (new)"
	case r.Created:
		return " (new, " + r.Workspace.ID + ")"
	case r.Workspace.ID == "":
		return ""
	}
	return " (" + r.Workspace.ID + ")"
}

// WriteProblems writes every problem with its advice.
func (r *Result) WriteProblems(w io.Writer) error {
	var b strings.Builder
	write := func(kind string, problems []outcome.Problem) {
		for _, p := range problems {
			fmt.Fprintf(&b, "%s: %s\n  help: %s\n", kind, terminal.Safe(p.Text()), p.Help)
		}
	}
	write("warning", r.Warnings)
	write("error", r.Problems)
	_, err := io.WriteString(w, b.String())
	return err
}

// testCases returns a test case for the workspace and one for each file with a problem.
func (r *Result) testCases() []junit.Case {
	var files []junit.Case
	whole := junit.Case{Class: "transfer to " + r.Target, Name: r.Workspace.Slug, Duration: time.Duration(r.Duration)}
	if r.DryRun {
		whole.Skipped = "dry run"
	}
	for _, warning := range r.Warnings {
		whole.Output += "warning: " + warning.Text() + "\nhelp: " + warning.Help + "\n"
	}
	for _, p := range r.Problems {
		failure := &junit.Failure{
			Message: p.Message,
			Type:    cmp.Or(p.Code, "error"),
			Text:    p.Text() + "\nhelp: " + p.Help + "\n",
		}
		switch {
		case p.File != "":
			files = append(files, junit.Case{Class: whole.Class, Name: p.File, File: p.File, Failure: failure})
		case whole.Failure == nil:
			whole.Failure = failure
		default:
			whole.Failure.Text += failure.Text
		}
	}
	return append([]junit.Case{whole}, files...)
}
