// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// sarifRoot is the conventional name for the root of the repository.
	sarifRoot = "%SRCROOT%"
	// sarifFingerprint names the fingerprint, with the version of how it is made.
	sarifFingerprint = "secret/v1"
	// homepage is the project's.
	homepage = "https://github.com/prismeai/workspaces-release"
	// maxResults is how many results GitHub shows of a run; it refuses more than 25,000.
	maxResults = 5000
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Automation  sarifAutomation   `json:"automationDetails"`
	Invocations []sarifInvocation `json:"invocations"`
	Provenance  []sarifProvenance `json:"versionControlProvenance,omitempty"`
	// ColumnKind is what columns count.
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
	Properties sarifRunBag   `json:"properties"`
}

// sarifRunBag holds what has no place in the format.
type sarifRunBag struct {
	Policy   digest.Digest     `json:"policy"`
	Scanners []release.Scanner `json:"scanners"`
	Coverage scan.Coverage     `json:"coverage"`
}

// sarifAutomation tells runs of one commit apart.
type sarifAutomation struct {
	ID string `json:"id"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name         string      `json:"name"`
	Organization string      `json:"organization"`
	Version      string      `json:"version,omitempty"`
	Information  string      `json:"informationUri"`
	Rules        []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string       `json:"id"`
	ShortDescription sarifText    `json:"shortDescription"`
	Help             sarifText    `json:"help"`
	Properties       sarifRuleBag `json:"properties"`
}

// sarifRuleBag makes GitHub show the findings as security alerts, with a severity.
type sarifRuleBag struct {
	Severity string   `json:"security-severity"`
	Tags     []string `json:"tags"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolConfigurationNotifications,omitempty"`
}

type sarifNotification struct {
	Descriptor sarifDescriptor `json:"descriptor"`
	Level      string          `json:"level"`
	Message    sarifText       `json:"message"`
	Locations  []sarifLocation `json:"locations"`
}

type sarifDescriptor struct {
	ID string `json:"id"`
}

type sarifProvenance struct {
	Repository string `json:"repositoryUri"`
	Revision   string `json:"revisionId,omitempty"`
	Branch     string `json:"branch,omitempty"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions"`
	Properties   sarifResultBag     `json:"properties"`
}

type sarifResultBag struct {
	Scanner      string            `json:"scanner"`
	Redacted     string            `json:"redacted"`
	Verification scan.Verification `json:"verification"`
	Also         []scan.Sighting   `json:"also,omitempty"`
	Commit       string            `json:"commit,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

func writeSARIF(w io.Writer, r *scan.Report, about About) error {
	rules := sarifRules(r)
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: about.Tool.Name, Organization: "Prisme.ai", Version: about.Tool.Version, Information: homepage, Rules: rules}},
		Automation:  sarifAutomation{"secret-scan/" + cmp.Or(about.Command, about.Tool.Name) + "/"},
		Invocations: []sarifInvocation{{Successful: true, Notifications: sarifNotifications(r)}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
		Properties:  sarifRunBag{r.Policy, r.Scanners, r.Coverage},
	}
	if source := about.Source; source.URL != "" {
		run.Provenance = []sarifProvenance{{source.URL, source.Commit, source.Ref}}
	}
	result := func(f scan.Finding, suppressions []sarifSuppression) {
		index := slices.IndexFunc(rules, func(rule sarifRule) bool { return rule.ID == f.Rule })
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: index, Level: string(f.Severity), Message: sarifText{sentence(f)},
			Locations: []sarifLocation{sarifPlace(f, about)}, Fingerprints: map[string]string{sarifFingerprint: f.Fingerprint},
			Suppressions: suppressions, Properties: sarifResultBag{f.Scanner, f.Redacted, f.Verification, f.Also, f.Commit},
		})
	}
	for _, f := range findings(r) {
		result(f, []sarifSuppression{})
	}
	for _, a := range accepted(r) {
		kind := "external"
		if a.By == scan.ByComment {
			kind = "inSource"
		}
		result(a.Finding, []sarifSuppression{{kind, "accepted", a.Why()}})
	}
	run.limit()
	return writeJSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// limit keeps what GitHub shows: errors before warnings, and both before what is accepted. A
// notification tells how much is left out.
func (run *sarifRun) limit() {
	more := len(run.Results) - maxResults
	if more <= 0 {
		return
	}
	rank := func(r sarifResult) int {
		switch {
		case len(r.Suppressions) > 0:
			return 2
		case r.Level == string(scan.Warning):
			return 1
		}
		return 0
	}
	slices.SortStableFunc(run.Results, func(a, b sarifResult) int { return cmp.Compare(rank(a), rank(b)) })
	run.Results = run.Results[:maxResults]
	text := fmt.Sprintf("%d more findings are not in this report, which has the %d worst: the JSON report has all of them", more, maxResults)
	run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{
		Descriptor: sarifDescriptor{"results-left-out"}, Level: "warning", Message: sarifText{text}, Locations: []sarifLocation{},
	})
}

// sarifRules describes the rules that found something, sorted by name.
func sarifRules(r *scan.Report) []sarifRule {
	severities := map[string]scan.Severity{}
	see := func(f scan.Finding) {
		if severities[f.Rule] != scan.Error {
			severities[f.Rule] = f.Severity
		}
	}
	for _, f := range findings(r) {
		see(f)
	}
	for _, a := range accepted(r) {
		see(a.Finding)
	}
	rules := []sarifRule{}
	for _, id := range slices.Sorted(maps.Keys(severities)) {
		score := "9.0"
		if severities[id] == scan.Warning {
			score = "5.0"
		}
		rules = append(rules, sarifRule{
			ID: id, ShortDescription: sarifText{"a secret found by the rule " + id}, Help: sarifText{ruleHelp},
			Properties: sarifRuleBag{score, []string{"security", "secret"}},
		})
	}
	return rules
}

const ruleHelp = "Revoke the secret, declare a workspace secret in its place and reference it as {{secret.name}}."

func sarifNotifications(r *scan.Report) []sarifNotification {
	var list []sarifNotification
	for _, p := range r.Problems {
		list = append(list, sarifNotification{
			sarifDescriptor{p.Rule}, "error", sarifText{p.Message + ": " + p.Help},
			[]sarifLocation{{Physical: sarifPhysical{sarifFile(p.File), &sarifRegion{p.Line, p.Column}}}},
		})
	}
	return list
}

func sarifPlace(f scan.Finding, about About) sarifLocation {
	place := sarifLocation{Physical: sarifPhysical{Artifact: sarifFile(about.file(f.Path))}}
	if line, column := now(f); line > 0 {
		place.Physical.Region = &sarifRegion{line, column}
	}
	if f.Where != "" {
		place.Logical = []sarifLogical{{f.Where}}
	}
	return place
}

// sarifFile refers to a file, in the repository unless its path is absolute.
func sarifFile(name string) sarifArtifact {
	if path.IsAbs(name) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: name}).String()}
	}
	return sarifArtifact{URI: (&url.URL{Path: name}).String(), Base: sarifRoot}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode scan report: %w", err)
	}
	return nil
}
