// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/scan"
)

// writeGitHub writes one workflow command a line. GitHub shows ten of each severity for
// a step and the rest in its log.
func writeGitHub(w io.Writer, r *scan.Report, about About) error {
	out := bufio.NewWriter(w)
	for _, f := range findings(r) {
		line, column := now(f)
		annotate(out, annotation{string(f.Severity), about.file(f.Path), line, column, f.Rule, sentence(f)})
	}
	for _, p := range r.Problems {
		annotate(out, annotation{string(scan.Error), p.File, p.Line, p.Column, p.Rule, p.Message + ": " + p.Help})
	}
	for _, a := range accepted(r) {
		line, column := now(a.Finding)
		annotate(out, annotation{"notice", about.file(a.Path), line, column, a.Rule, what(a.Finding) + ": " + a.Why()})
	}
	return out.Flush()
}

// annotation is what a workflow command says. Line and column are 0 if they are not known.
type annotation struct {
	command, file string
	line, column  int
	title, text   string
}

func annotate(out io.Writer, a annotation) {
	fmt.Fprintf(out, "::%s file=%s", a.command, property.Replace(a.file))
	if a.line > 0 {
		fmt.Fprintf(out, ",line=%d", a.line)
	}
	if a.column > 0 {
		fmt.Fprintf(out, ",col=%d", a.column)
	}
	fmt.Fprintf(out, ",title=%s::%s\n", property.Replace(a.title), data.Replace(a.text))
}

// What ends a command, or one of its properties, is escaped as GitHub's toolkit does it
// (actions/toolkit, packages/core/src/command.ts).
var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
