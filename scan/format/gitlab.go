// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/prismeai/workspaces-release/scan"
)

const (
	// gitlabVersion is the version of the schema, which GitLab supports from release 15 on. Reports are
	// also valid in schema 15.2.1. GitLab takes the newest patch version that it knows, but refuses
	// minor versions that it does not know.
	gitlabVersion = "15.0.7"
	// gitlabTime is the time format of the schema, in UTC.
	gitlabTime = "2006-01-02T15:04:05"
	// gitlabNoCommit replaces a missing commit, as in GitLab's own reports.
	gitlabNoCommit = "0000000"
	// gitlabName and gitlabSolution are the maximum lengths of these properties.
	gitlabName, gitlabSolution = 255, 7000
)

type gitlabReport struct {
	Version         string                `json:"version"`
	Scan            gitlabScan            `json:"scan"`
	Vulnerabilities []gitlabVulnerability `json:"vulnerabilities"`
}

type gitlabScan struct {
	Analyzer  gitlabTool      `json:"analyzer"`
	Scanner   gitlabTool      `json:"scanner"`
	Type      string          `json:"type"`
	StartTime string          `json:"start_time"`
	EndTime   string          `json:"end_time"`
	Status    string          `json:"status"`
	Messages  []gitlabMessage `json:"messages,omitempty"`
}

type gitlabTool struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Version string       `json:"version"`
	Vendor  gitlabVendor `json:"vendor"`
}

type gitlabVendor struct {
	Name string `json:"name"`
}

type gitlabMessage struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

type gitlabVulnerability struct {
	ID          string                  `json:"id"`
	Name        string                  `json:"name"`
	Description string                  `json:"description"`
	Severity    string                  `json:"severity"`
	Solution    string                  `json:"solution"`
	Identifiers []gitlabIdentifier      `json:"identifiers"`
	Location    gitlabLocation          `json:"location"`
	Tracking    gitlabTracking          `json:"tracking"`
	Details     map[string]gitlabDetail `json:"details"`
}

type gitlabIdentifier struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type gitlabLocation struct {
	File      string       `json:"file"`
	Commit    gitlabCommit `json:"commit"`
	StartLine int          `json:"start_line,omitempty"`
	EndLine   int          `json:"end_line,omitempty"`
}

// gitlabTracking identifies a vulnerability independently of its position in the file.
type gitlabTracking struct {
	Type  string              `json:"type"`
	Items []gitlabTrackedItem `json:"items"`
}

type gitlabTrackedItem struct {
	File       string            `json:"file"`
	StartLine  int               `json:"start_line,omitempty"`
	EndLine    int               `json:"end_line,omitempty"`
	Signatures []gitlabSignature `json:"signatures"`
}

type gitlabSignature struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

type gitlabCommit struct {
	SHA string `json:"sha"`
}

// gitlabDetail is a row on the page of a vulnerability.
type gitlabDetail struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// writeGitLab writes the report that GitLab displays in merge requests and in the vulnerability
// report. It only counts accepted findings, and does not list them as vulnerabilities.
func writeGitLab(w io.Writer, r *scan.Report, about About) error {
	when := about.Time.UTC().Format(gitlabTime)
	report := gitlabReport{
		Version: gitlabVersion,
		Scan: gitlabScan{
			Analyzer: gitlabTool{
				"prismeai-" + about.Tool.Name,
				"Prisme.ai workspaces " + about.Tool.Name,
				cmp.Or(about.Tool.Version, "unknown"),
				gitlabVendor{"Prisme.ai"},
			},
			Scanner:   gitlabTool{"prismeai-secret-scan", "Prisme.ai secret scan", joinScanners(r), gitlabVendor{"Prisme.ai"}},
			Type:      "secret_detection",
			StartTime: when,
			EndTime:   when,
			Status:    "success",
			Messages:  gitlabMessages(r),
		},
		Vulnerabilities: []gitlabVulnerability{},
	}
	if about.Failure != "" {
		report.Scan.Status = "failure"
		report.Scan.Messages = []gitlabMessage{{"fatal", about.Failure}}
	}
	seen := map[string]int{}
	for _, f := range allFindings(r) {
		seen[f.Fingerprint]++
		report.Vulnerabilities = append(report.Vulnerabilities, gitlabFinding(f, seen[f.Fingerprint], about))
	}
	return writeJSON(w, report)
}

// joinScanners returns the names and versions of the scanners.
func joinScanners(r *scan.Report) string {
	var list []string
	for _, s := range r.Scanners {
		list = append(list, s.Name+" "+s.Version)
	}
	return cmp.Or(strings.Join(list, ", "), "unknown")
}

func gitlabMessages(r *scan.Report) []gitlabMessage {
	messages := []gitlabMessage{{"info", r.Summary()}}
	for _, p := range r.Problems {
		messages = append(messages, gitlabMessage{"warn", p.Position() + ": " + p.Message + ": " + p.Help})
	}
	return messages
}

// gitlabFinding describes the nth occurrence of a secret in a file.
func gitlabFinding(f scan.Finding, nth int, about About) gitlabVulnerability {
	details := map[string]gitlabDetail{
		"fingerprint":  {"Fingerprint", "text", f.Fingerprint},
		"secret":       {"Secret", "text", f.Redacted},
		"verification": {"Verification", "text", string(f.Verification)},
	}
	if f.Where != "" {
		details["where"] = gitlabDetail{"Place in the file", "text", f.Where}
	}
	identity := fmt.Sprintf("%s:%d", f.Fingerprint, nth)
	file := about.repositoryFile(f.Path)
	return gitlabVulnerability{
		ID:          uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s %d", f.Fingerprint, nth)).String(),
		Name:        truncateText(f.Message, gitlabName),
		Description: describeFinding(f),
		Severity:    gitlabSeverity(f),
		Solution:    truncateText(f.Help, gitlabSolution),
		Identifiers: []gitlabIdentifier{
			{"prismeai_secret_fingerprint", "Secret " + identity, identity, ""},
			{f.Scanner + "_rule_id", f.Scanner + " rule " + f.Rule, f.Rule, ""},
			{"cwe", "CWE-798", "798", "https://cwe.mitre.org/data/definitions/798.html"},
		},
		Tracking: gitlabTracking{
			"source",
			[]gitlabTrackedItem{{file, f.Line, f.Line, []gitlabSignature{{"scope_offset", identity}}}},
		},
		Location: gitlabLocation{file, gitlabCommit{cmp.Or(f.Commit, about.Source.Commit, gitlabNoCommit)}, f.Line, f.Line},
		Details:  details,
	}
}

// gitlabSeverity follows GitLab's own analyzer, which rates every secret as critical.
func gitlabSeverity(f scan.Finding) string {
	if f.Severity == scan.Warning {
		return "Medium"
	}
	return "Critical"
}

// truncateText truncates a text to n characters.
func truncateText(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
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
