// SPDX-License-Identifier: AGPL-3.0-or-later

package checkreport

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/internal/junit"
	"github.com/prismeai/workspaces-release/internal/sarif"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/internal/workflow"
)

// fingerprintName is the name and version of the fingerprint of a diagnostic.
const fingerprintName = "diagnostic/v1"

// problem is a diagnostic with what the formats add.
type problem struct {
	diagnostic.Diagnostic
	// path is the file in the repository; empty for the whole repository.
	path string
	// nth numbers problems that differ only in their position.
	nth int
	// fingerprint is stable when the problem moves within its file.
	fingerprint string
}

// listProblems returns the diagnostics in their order.
func (r *Results) listProblems() []problem {
	seen := map[[32]byte]int{}
	var list []problem
	for _, d := range r.Diagnostics.Diagnostics {
		p := problem{Diagnostic: d, path: r.repositoryPath(d.File)}
		identity := sha256.Sum256([]byte(d.Rule + "\x00" + p.path + "\x00" + d.Message))
		seen[identity]++
		p.nth = seen[identity]
		sum := sha256.Sum256(fmt.Appendf(identity[:], "%d", p.nth))
		p.fingerprint = hex.EncodeToString(sum[:16])
		list = append(list, p)
	}
	return list
}

func (r *Results) repositoryPath(file string) string {
	if file == "" || r.About.Path == nil {
		return file
	}
	return r.About.Path(file)
}

// describe returns the message and the remedy.
func (p *problem) describe() string {
	if p.Help == "" {
		return terminal.Lines(p.Message)
	}
	return terminal.Lines(p.Message + "\nhelp: " + p.Help)
}

// levelName returns the name of a severity in SARIF and in GitHub commands.
func levelName(s diagnostic.Severity, lowest string) string {
	if s == diagnostic.Info {
		return lowest
	}
	return string(s)
}

// ruleProperties sets the severity of a rule for GitHub.
type ruleProperties struct {
	Severity string   `json:"problem.severity"`
	Tags     []string `json:"tags"`
}

// sarifRun returns the validation as a SARIF run.
func (r *Results) sarifRun() sarif.Run {
	run := sarif.NewRun(r.About.Tool, r.About.Source, "workspaces/"+cmp.Or(r.About.Command, r.About.Tool.Name)+"/")
	run.Tool.Driver.Rules = reportedRules(r.Diagnostics.Diagnostics)
	for _, p := range r.listProblems() {
		run.Results = append(run.Results, sarif.Result{
			RuleID:    p.Rule,
			RuleIndex: slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarif.Rule) bool { return rule.ID == p.Rule }),
			Level:     levelName(p.Severity, sarif.LevelNote), Message: sarif.Text{Text: p.describe()},
			Locations:    []sarif.Location{sarif.Place(cmp.Or(p.path, "."), p.Line, p.Column)},
			Fingerprints: map[string]string{fingerprintName: p.fingerprint}, Suppressions: []sarif.Suppression{},
		})
	}
	if r.About.Failure != "" {
		run.Fail(r.About.Failure)
	}
	run.Limit("problems")
	return run
}

// reportedRules describes the rules of the diagnostics, sorted by ID.
func reportedRules(ds []diagnostic.Diagnostic) []sarif.Rule {
	rules := []sarif.Rule{}
	for _, rule := range ruleset.All() {
		if !slices.ContainsFunc(ds, func(d diagnostic.Diagnostic) bool { return d.Rule == rule.ID }) {
			continue
		}
		severity := levelName(rule.Severity, "recommendation")
		rules = append(rules, sarif.Rule{
			ID: rule.ID, ShortDescription: sarif.Text{Text: rule.Title}, FullDescription: &sarif.Text{
				Text: rule.Meaning,
			},
			Help: sarif.Text{Text: rule.Remedy}, HelpURI: diagnostic.URL(rule.ID),
			Properties: ruleProperties{severity, []string{"workspaces"}},
		})
	}
	return rules
}

// junitSuite returns a failed test for each error. Warnings pass; a validation without diagnostics
// is a single passed test.
func (r *Results) junitSuite() junit.Suite {
	suite := junit.Suite{Name: "workspaces"}
	for _, p := range r.listProblems() {
		c := junit.Case{Class: cmp.Or(p.path, "(repository)"), Name: p.Rule, File: p.path}
		if p.Line > 0 {
			c.Name = fmt.Sprintf("%s at %d:%d", p.Rule, p.Line, p.Column)
		}
		if p.nth > 1 {
			c.Name += fmt.Sprintf(" (%d)", p.nth)
		}
		details := fmt.Sprintf("%s\nrule: %s\nsee: %s\n", p.describe(), p.Rule, diagnostic.URL(p.Rule))
		if p.Severity == diagnostic.Error {
			c.Failure = &junit.Failure{Message: p.Message, Type: p.Rule, Text: details}
		} else {
			c.Output = string(p.Severity) + ": " + details
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junit.Case{{Class: "workspaces", Name: diagnostic.Summarize(nil).String()}}
	}
	return suite
}

// annotate writes a workflow command for each diagnostic. The writer keeps its first error.
func (r *Results) annotate(w io.Writer) {
	for _, p := range r.listProblems() {
		a := workflow.Annotation{
			Command: levelName(p.Severity, "notice"), File: terminal.Safe(p.path), Line: p.Line, Column: p.Column,
			Title: p.Rule, Text: p.describe(),
		}
		_ = a.Write(w)
	}
}

// issue is an entry of GitLab's code quality report, with the documented properties.
type issue struct {
	Description string        `json:"description"`
	Check       string        `json:"check_name"`
	Fingerprint string        `json:"fingerprint"`
	Severity    string        `json:"severity"`
	Location    issueLocation `json:"location"`
}

type issueLocation struct {
	Path  string     `json:"path"`
	Lines issueLines `json:"lines"`
}

type issueLines struct {
	Begin int `json:"begin"`
}

// writeCodeQuality writes an issue for each diagnostic. A failed run is an issue, too: the format
// has no other place for it.
func (r *Results) writeCodeQuality(w io.Writer) error {
	severities := map[diagnostic.Severity]string{
		diagnostic.Error:   "critical",
		diagnostic.Warning: "minor",
		diagnostic.Info:    "info",
	}
	issues := []issue{}
	if r.Diagnostics != nil {
		for _, p := range r.listProblems() {
			issues = append(issues, issue{
				p.describe(), p.Rule, p.fingerprint, severities[p.Severity],
				issueLocation{cmp.Or(p.path, "."), issueLines{max(p.Line, 1)}},
			})
		}
	}
	if r.Failure != "" {
		sum := sha256.Sum256([]byte(r.Failure))
		issues = append(issues, issue{
			r.Failure, "run-failed", hex.EncodeToString(sum[:16]), "blocker", issueLocation{".", issueLines{1}},
		})
	}
	return encodeJSON(w, issues)
}
