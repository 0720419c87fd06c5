// SPDX-License-Identifier: Apache-2.0

// Package sarif writes results in SARIF 2.1.0, the OASIS format for static analysis tools, within
// the limits of GitHub code scanning. The output is reproducible.
package sarif

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"

	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// root is the conventional base ID for the root of the repository.
	root = "%SRCROOT%"
	// MaxResults is the number of results per run that GitHub shows. It rejects more than 25,000.
	MaxResults = 5000
)

// Levels of results and notifications.
const (
	LevelError   = "error"
	LevelWarning = "warning"
	LevelNote    = "note"
)

// Log is a SARIF document.
type Log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []Run  `json:"runs"`
}

// Run is the result of one run of a tool.
type Run struct {
	Tool        Tool         `json:"tool"`
	Automation  Automation   `json:"automationDetails"`
	Invocations []Invocation `json:"invocations"`
	Provenance  []Provenance `json:"versionControlProvenance,omitempty"`
	// ColumnKind is the unit of columns.
	ColumnKind string   `json:"columnKind"`
	Results    []Result `json:"results"`
	// Properties holds values that have no field in the format.
	Properties any `json:"properties,omitempty"`
}

// Automation distinguishes the runs for one commit. The ID ends with a slash.
type Automation struct {
	ID string `json:"id"`
}

// Tool is the program of a run.
type Tool struct {
	Driver Driver `json:"driver"`
}

// Driver describes the program and its rules.
type Driver struct {
	Name         string `json:"name"`
	Organization string `json:"organization"`
	Version      string `json:"version,omitempty"`
	Information  string `json:"informationUri"`
	Rules        []Rule `json:"rules"`
}

// Rule is a check of the program.
type Rule struct {
	ID               string `json:"id"`
	ShortDescription Text   `json:"shortDescription"`
	FullDescription  *Text  `json:"fullDescription,omitempty"`
	Help             Text   `json:"help"`
	HelpURI          string `json:"helpUri,omitempty"`
	Properties       any    `json:"properties,omitempty"`
}

// Text is plain text.
type Text struct {
	Text string `json:"text"`
}

// Invocation is the outcome of the program. Execution notifications concern the run, and
// configuration notifications the files that configure it.
type Invocation struct {
	Successful    bool           `json:"executionSuccessful"`
	Execution     []Notification `json:"toolExecutionNotifications,omitempty"`
	Notifications []Notification `json:"toolConfigurationNotifications,omitempty"`
}

// Notification is a message about the run.
type Notification struct {
	Descriptor Descriptor `json:"descriptor"`
	Level      string     `json:"level"`
	Message    Text       `json:"message"`
	Locations  []Location `json:"locations"`
}

// Descriptor identifies the kind of a notification.
type Descriptor struct {
	ID string `json:"id"`
}

// Provenance identifies the repository and the commit that were checked.
type Provenance struct {
	Repository string `json:"repositoryUri"`
	Revision   string `json:"revisionId,omitempty"`
	Branch     string `json:"branch,omitempty"`
}

// Result is one finding. GitHub requires a location for each.
type Result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      Text              `json:"message"`
	Locations    []Location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Suppressions []Suppression     `json:"suppressions"`
	Properties   any               `json:"properties,omitempty"`
}

// Location is the location of a result.
type Location struct {
	Physical Physical  `json:"physicalLocation"`
	Logical  []Logical `json:"logicalLocations,omitempty"`
}

// Physical is a file and a position in it.
type Physical struct {
	Artifact Artifact `json:"artifactLocation"`
	Region   *Region  `json:"region,omitempty"`
}

// Artifact is a file.
type Artifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

// Region is a position in a file, counted from 1. A column of 0 is omitted.
type Region struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn,omitempty"`
}

// Logical is a location other than a file.
type Logical struct {
	Name string `json:"fullyQualifiedName"`
}

// Suppression is the reason why a result does not count.
type Suppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

// homepage is the URL of the project.
const homepage = "https://github.com/prismeai/workspaces-release"

// NewRun returns a run of a tool on a source, without results. id distinguishes it from other runs
// for the same commit.
func NewRun(tool release.Tool, source release.Source, id string) Run {
	run := Run{
		Tool: Tool{Driver{
			Name:         tool.Name,
			Organization: "Prisme.ai",
			Version:      tool.Version,
			Information:  homepage,
			Rules:        []Rule{},
		}},
		Automation:  Automation{id},
		Invocations: []Invocation{{Successful: true}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []Result{},
	}
	if source.URL != "" {
		run.Provenance = []Provenance{{Repository: source.URL, Revision: source.Commit, Branch: source.Ref}}
	}
	return run
}

// Fail marks the run as failed. Its results are incomplete.
func (r *Run) Fail(reason string) {
	r.Invocations[0].Successful = false
	r.Invocations[0].Execution = []Notification{{
		Descriptor: Descriptor{"run-failed"},
		Level:      LevelError,
		Message:    Text{reason},
		Locations:  []Location{},
	}}
}

// Place returns the location of a line and a column, which may be 0 if unknown, in a file.
func Place(file string, line, column int) Location {
	place := Location{Physical: Physical{Artifact: File(file)}}
	if line > 0 {
		place.Physical.Region = &Region{Line: line, Column: column}
	}
	return place
}

// File returns a reference to a file. Relative paths refer to the repository.
func File(name string) Artifact {
	if path.IsAbs(name) {
		return Artifact{URI: (&url.URL{Scheme: "file", Path: name}).String()}
	}
	return Artifact{URI: (&url.URL{Path: name}).String(), Base: root}
}

// Limit keeps the results that GitHub shows: errors, then warnings, then suppressed results. A
// notification reports the number of dropped results.
func (r *Run) Limit(what string) {
	more := len(r.Results) - MaxResults
	if more <= 0 {
		return
	}
	levels := []string{LevelError, LevelWarning}
	rank := func(x Result) int {
		if level := slices.Index(levels, x.Level); level >= 0 && len(x.Suppressions) == 0 {
			return level
		}
		return len(levels) + min(len(x.Suppressions), 1)
	}
	slices.SortStableFunc(r.Results, func(a, b Result) int { return cmp.Compare(rank(a), rank(b)) })
	r.Results = r.Results[:MaxResults]
	text := fmt.Sprintf("%d more %s are not in this report, which has the %d worst: the JSON report has all of them",
		more, what, MaxResults)
	r.Invocations[0].Notifications = append(r.Invocations[0].Notifications, Notification{
		Descriptor: Descriptor{"results-left-out"}, Level: LevelWarning, Message: Text{text}, Locations: []Location{},
	})
}

// Write writes runs as one log.
func Write(w io.Writer, runs ...Run) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(Log{Schema: schema, Version: "2.1.0", Runs: runs}); err != nil {
		return fmt.Errorf("encode SARIF: %w", err)
	}
	return nil
}
