// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"cmp"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/sarif"
	"github.com/prismeai/workspaces-release/scan"
)

// sarifFingerprint is the name of the fingerprint and the version of its algorithm.
const sarifFingerprint = "secret/v1"

// sarifRunBag holds properties that SARIF does not define.
type sarifRunBag struct {
	Policy   digest.Digest     `json:"policy"`
	Scanners []release.Scanner `json:"scanners"`
	Coverage scan.Coverage     `json:"coverage"`
}

// sarifRuleBag makes GitHub display findings as security alerts with a severity.
type sarifRuleBag struct {
	Severity string   `json:"security-severity"`
	Tags     []string `json:"tags"`
}

type sarifResultBag struct {
	Scanner      string            `json:"scanner"`
	Redacted     string            `json:"redacted"`
	Verification scan.Verification `json:"verification"`
	Also         []scan.Sighting   `json:"also,omitempty"`
	Commit       string            `json:"commit,omitempty"`
}

// Run converts the report to a SARIF run.
func Run(r *scan.Report, about About) sarif.Run {
	rules := sarifRules(r)
	run := sarif.NewRun(about.Tool, about.Source, "secret-scan/"+cmp.Or(about.Command, about.Tool.Name)+"/")
	run.Tool.Driver.Rules = rules
	run.Invocations[0].Notifications = sarifNotifications(r)
	run.Properties = sarifRunBag{r.Policy, r.Scanners, r.Coverage}
	add := func(f scan.Finding, suppressions []sarif.Suppression) {
		index := slices.IndexFunc(rules, func(rule sarif.Rule) bool { return rule.ID == f.Rule })
		run.Results = append(run.Results, sarif.Result{
			RuleID: f.Rule, RuleIndex: index, Level: string(f.Severity), Message: sarif.Text{Text: describeWithHelp(f)},
			Locations:    []sarif.Location{sarifLocation(f, about)},
			Fingerprints: map[string]string{sarifFingerprint: f.Fingerprint},
			Suppressions: suppressions, Properties: sarifResultBag{f.Scanner, f.Redacted, f.Verification, f.Also, f.Commit},
		})
	}
	for _, f := range allFindings(r) {
		add(f, []sarif.Suppression{})
	}
	for _, a := range allAccepted(r) {
		kind := "external"
		if a.By == scan.ByComment {
			kind = "inSource"
		}
		add(a.Finding, []sarif.Suppression{{Kind: kind, Status: "accepted", Justification: a.Why()}})
	}
	if about.Failure != "" {
		run.Fail(about.Failure)
	}
	run.Limit("findings")
	return run
}

// sarifRules returns the rules with findings, sorted by name.
func sarifRules(r *scan.Report) []sarif.Rule {
	severities := map[string]scan.Severity{}
	see := func(f scan.Finding) {
		if severities[f.Rule] != scan.Error {
			severities[f.Rule] = f.Severity
		}
	}
	for _, f := range allFindings(r) {
		see(f)
	}
	for _, a := range allAccepted(r) {
		see(a.Finding)
	}
	rules := []sarif.Rule{}
	for _, id := range slices.Sorted(maps.Keys(severities)) {
		score := "9.0"
		if severities[id] == scan.Warning {
			score = "5.0"
		}
		rules = append(rules, sarif.Rule{
			ID: id, ShortDescription: sarif.Text{Text: "a secret found by the rule " + id}, Help: sarif.Text{Text: ruleHelp},
			Properties: sarifRuleBag{score, []string{"security", "secret"}},
		})
	}
	return rules
}

const ruleHelp = "Revoke the secret, declare a workspace secret in its place and reference it as {{secret.name}}."

func sarifNotifications(r *scan.Report) []sarif.Notification {
	var list []sarif.Notification
	for _, p := range r.Problems {
		list = append(list, sarif.Notification{
			Descriptor: sarif.Descriptor{
				ID: p.Rule,
			},
			Level:     sarif.LevelError,
			Message:   sarif.Text{Text: p.Message + ": " + p.Help},
			Locations: []sarif.Location{sarif.Place(p.File, p.Line, p.Column)},
		})
	}
	return list
}

func sarifLocation(f scan.Finding, about About) sarif.Location {
	line, column := currentPosition(f)
	place := sarif.Place(about.repositoryFile(f.Path), line, column)
	if f.Where != "" {
		place.Logical = []sarif.Logical{{Name: f.Where}}
	}
	return place
}
