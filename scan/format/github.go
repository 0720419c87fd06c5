// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"bufio"
	"io"

	"github.com/prismeai/workspaces-release/internal/workflow"
	"github.com/prismeai/workspaces-release/scan"
)

// writeGitHub writes one workflow command per line.
func writeGitHub(w io.Writer, r *scan.Report, about About) error {
	out := bufio.NewWriter(w)
	annotate := func(command, file string, line, column int, title, text string) {
		a := workflow.Annotation{Command: command, File: file, Line: line, Column: column, Title: title, Text: text}
		_ = a.Write(out) // Flush returns the error
	}
	for _, f := range allFindings(r) {
		line, column := currentPosition(f)
		annotate(string(f.Severity), about.repositoryFile(f.Path), line, column, f.Rule, describeWithHelp(f))
	}
	for _, p := range r.Problems {
		annotate(string(scan.Error), p.File, p.Line, p.Column, p.Rule, p.Message+": "+p.Help)
	}
	for _, a := range allAccepted(r) {
		line, column := currentPosition(a.Finding)
		annotate("notice", about.repositoryFile(a.Path), line, column, a.Rule, describeFinding(a.Finding)+": "+a.Why())
	}
	return out.Flush()
}
