// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/junit"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// statuses are the statuses that the summary counts, in display order.
var statuses = []struct {
	status platform.Status
	label  string
}{
	{platform.StatusPushed, "pushed"},
	{platform.StatusCandidate, "would be pushed"},
	{platform.StatusAlreadyPushed, "unchanged"},
	{platform.StatusMergeConflict, "merge conflict"},
	{platform.StatusInProgress, "in progress"},
	{platform.StatusError, "failed"},
}

// barWidth is the width of the progress bar, in characters.
const barWidth = 20

func formatStarted(s *platform.PushStarted) string {
	counts := map[platform.Status]int{}
	for _, w := range s.Workspaces {
		counts[w.Status]++
	}
	parts := []string{fmt.Sprintf("%d workspaces", len(s.Workspaces))}
	for _, known := range statuses[2:5] {
		if n := counts[known.status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, known.label))
		}
	}
	return strings.Join(parts, ", ")
}

// formatProgress returns a progress bar, the workspace, and its errors.
func formatProgress(p *platform.Progress) string {
	w := &p.Workspace
	total := max(p.Total, p.Current, 1)
	done := barWidth * max(p.Current, 0) / total
	bar := strings.Repeat("#", done) + strings.Repeat(".", barWidth-done)
	line := fmt.Sprintf("[%s] %d/%d %s %s", bar, p.Current, total, w.Slug, w.Status)
	if w.Duration > 0 {
		line += fmt.Sprintf(" (%s)", w.Duration.Round(time.Millisecond))
	}
	for _, problem := range w.Errors {
		line += "\n  error: " + problem.String()
	}
	return line
}

// WriteSummary writes a plain-text summary.
func (r *Result) WriteSummary(w io.Writer) error {
	var b strings.Builder
	row := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", label, terminal.Safe(fmt.Sprintf(format, args...)))
	}
	row("repository", "%s", r.Repository)
	row("groups", "%s", strings.Join(r.Groups, ", "))
	if r.Name != "" {
		row("version", "%s", r.Name)
	}
	for _, known := range statuses {
		var titles []string
		for i := range r.Workspaces {
			if r.Workspaces[i].Status == known.status {
				titles = append(titles, r.Workspaces[i].Title())
			}
		}
		if len(titles) > 0 {
			row(known.label, "%d: %s", len(titles), strings.Join(titles, ", "))
		}
	}
	row("took", "%s", time.Duration(r.Duration).Round(time.Millisecond))
	if r.DryRun {
		b.WriteString("dry run: nothing was pushed\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteProblems writes every problem with its advice.
func (r *Result) WriteProblems(w io.Writer) error {
	var b strings.Builder
	write := func(of string, problems []outcome.Problem) {
		for _, p := range problems {
			fmt.Fprintf(&b, "error: %s%s\n  help: %s\n", terminal.Safe(of), terminal.Safe(p.Text()), p.Help)
		}
	}
	for i := range r.Workspaces {
		write(r.Workspaces[i].Title()+": ", r.Workspaces[i].Problems)
	}
	write("", r.Problems)
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJUnit writes a test case for each workspace. Workspaces that need no push are skipped.
func (r *Result) WriteJUnit(w io.Writer) error {
	suite := junit.Suite{Name: "bulk push"}
	add := func(name string, took outcome.Milliseconds, skipped string, problems []outcome.Problem) {
		c := junit.Case{
			Class:    "bulk push to " + r.Repository,
			Name:     name,
			Duration: time.Duration(took),
			Skipped:  skipped,
		}
		if len(problems) > 0 {
			c.Failure = &junit.Failure{
				Message: problems[0].Text(),
				Type:    cmp.Or(problems[0].Code, "error"),
				Text:    formatProblems(problems),
			}
		}
		suite.Cases = append(suite.Cases, c)
	}
	for i := range r.Workspaces {
		of := &r.Workspaces[i]
		skipped := ""
		switch {
		case of.Status == platform.StatusAlreadyPushed:
			skipped = "unchanged since its last push"
		case r.DryRun:
			skipped = "dry run"
		}
		add(of.Title(), of.Duration, skipped, of.Problems)
	}
	if len(r.Problems) > 0 {
		add("push of "+strings.Join(r.Groups, ", "), r.Duration, "", r.Problems)
	}
	return junit.Write(w, suite)
}

func formatProblems(problems []outcome.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s\nhelp: %s\n", terminal.Safe(p.Text()), p.Help)
	}
	return b.String()
}
