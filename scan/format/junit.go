// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"fmt"

	"github.com/prismeai/workspaces-release/internal/junit"
	"github.com/prismeai/workspaces-release/scan"
)

// Suite converts findings to failed tests, warnings to passed ones and accepted findings to
// skipped ones. A scan without findings becomes a single passed test.
func Suite(r *scan.Report, about About) junit.Suite {
	suite := junit.Suite{Name: "secret scan"}
	add := func(c junit.Case) { suite.Cases = append(suite.Cases, c) }
	for _, f := range allFindings(r) {
		c := newTestCase(f, about)
		if f.Severity == scan.Error {
			c.Failure = &junit.Failure{Message: describeWithHelp(f), Type: f.Rule, Text: describeInFull(f)}
		} else {
			c.Output = describeInFull(f)
		}
		add(c)
	}
	for _, p := range r.Problems {
		add(junit.Case{
			Class: p.File,
			Name:  fmt.Sprintf("%s at %d:%d", p.Rule, p.Line, p.Column),
			File:  p.File,
			Failure: &junit.Failure{
				Message: p.Message,
				Type:    p.Rule,
				Text:    p.Position() + ": " + p.Message + "\nhelp: " + p.Help + "\n",
			},
		})
	}
	for _, a := range allAccepted(r) {
		c := newTestCase(a.Finding, about)
		c.Skipped = a.Why()
		add(c)
	}
	if len(suite.Cases) == 0 {
		add(junit.Case{Class: "secret scan", Name: r.Summary()})
	}
	return suite
}

func newTestCase(f scan.Finding, about About) junit.Case {
	file := about.repositoryFile(f.Path)
	name := f.Rule
	if f.Line > 0 {
		name = fmt.Sprintf("%s at %d:%d", f.Rule, f.Line, f.Column)
	}
	if f.Commit != "" {
		name += " in commit " + f.Commit
	}
	return junit.Case{Class: file, Name: name, File: file}
}
