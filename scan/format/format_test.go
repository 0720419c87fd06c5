// SPDX-License-Identifier: AGPL-3.0-or-later

package format

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

func about() About {
	return About{
		Tool: release.Tool{Name: "builder", Version: "v1.2.3"},
		Source: release.Source{URL: "https://git.example.com/acme/release", Commit: strings.Repeat("0a", 20), Ref: "main",
			Subdir: "all/workspaces"},
		Time: time.Unix(1_700_000_000, 0),
	}
}

func password() scan.Finding {
	return scan.Finding{
		Scanner: "dsul", Rule: "dsul-password", Severity: scan.Error, Path: "mail-sender/index.yml", Line: 9, Column: 3,
		Where:    "config.value.password",
		Redacted: "***", Fingerprint: "ff000000000000000000000000000000", Verification: scan.NotChecked,
		Message: "password in plain text", Help: "declare a workspace secret password",
	}
}

// example returns a report with every kind of finding: with and without a position, duplicate,
// of both severities, accepted in both ways, and with names that some format has to escape.
func example() *scan.Report {
	again, hostile, warning := password(), password(), password()
	again.Line = 12
	hostile.Scanner = "trufflehog"
	hostile.Rule = "PrivateKey"
	hostile.Path = "mail-sender/a:b, 100% <&\"é]]>\r\n::error::x.zip"
	hostile.Line = 0
	hostile.Column = 0
	hostile.Where = ""
	hostile.Fingerprint = "ee000000000000000000000000000000"
	hostile.Verification = scan.Live
	warning.Severity, warning.Rule, warning.Where = scan.Warning, "dsul-opaque-value", `config["é <\n>"]`
	warning.Also = []scan.Sighting{{Scanner: "dsul", Rule: "dsul-url-user-info", Fingerprint: "02"}}
	return &scan.Report{
		Findings: []scan.Finding{password(), again, hostile, warning},
		Accepted: []scan.Accepted{
			{Finding: password(), By: scan.ByBaseline, Owner: "claims-team", Reason: "the demo server's <one>", Expires: "2027-01-31"},
			{Finding: hostile, By: scan.ByComment},
		},
		Problems: []scan.Problem{
			{Rule: "baseline-unused", File: "ci/scan baseline.yaml", Line: 3, Column: 5, Message: "nothing is accepted by this entry", Help: "remove it"},
			{Rule: "baseline-expired", File: "/etc/scan-baseline.yaml", Line: 9, Column: 5, Message: "it was accepted until 2020-01-01", Help: "renew it"},
		},
		Coverage: scan.Coverage{Files: 12, Bytes: 3456, SkippedBytes: 10,
			Skipped: []scan.Skip{{Path: "b/logo.svg", Bytes: 10, Reason: "its path is excluded by the scan policy"}}},
		Scanners: []release.Scanner{{Name: "trufflehog", Version: "v3.95.9", Detectors: 900,
			Rules: digest.FromString("rules")}, {Name: "dsul", Version: "1", Detectors: 11, Rules: digest.FromString("more")}},
		Policy: digest.FromString("policy"),
	}
}

// historic returns the example report with findings in the history only.
func historic() *scan.Report {
	r := example()
	r.History = &scan.History{Commits: 7, Findings: []scan.Finding{password()}, Accepted: []scan.Accepted{r.Accepted[0]}}
	commit := strings.Repeat("1b", 20)
	r.History.Findings[0].Commit, r.History.Findings[0].Date = commit, "2020-01-02T03:04:05Z"
	r.History.Accepted[0].Commit, r.History.Accepted[0].Date = commit, "2020-01-02T03:04:05Z"
	r.Findings, r.Accepted, r.Problems = []scan.Finding{}, []scan.Accepted{}, []scan.Problem{}
	return r
}

func clean() *scan.Report {
	r := example()
	r.Findings, r.Accepted, r.Problems = []scan.Finding{}, []scan.Accepted{}, []scan.Problem{}
	return r
}

func write(t testing.TB, f Format, r *scan.Report, about About) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, f, r, about); err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	return out.Bytes()
}

// TestGolden pins every byte, because users compare and parse these files.
func TestGolden(t *testing.T) {
	for name, report := range map[string]*scan.Report{"example": example(), "clean": clean(), "history": historic()} {
		for _, f := range All() {
			got := write(t, f, report, about())
			golden.Compare(t, filepath.Join("testdata", name+"."+string(f)), got)
		}
	}
}

// schemas compiles the published schemas.
func schemas(t testing.TB) map[Format]*jsonschema.Schema {
	t.Helper()
	compiled := map[Format]*jsonschema.Schema{}
	for f, file := range map[Format]string{SARIF: "sarif-2.1.0.json", GitLab: "gitlab-secret-detection-" + gitlabVersion +
		".json"} {
		schema, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "schemas", file))
		if err != nil {
			t.Fatal(err)
		}
		compiled[f] = schema
	}
	return compiled
}

func validate(schema *jsonschema.Schema, report []byte) error {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(report))
	if err != nil {
		return err
	}
	return schema.Validate(document)
}

func TestSchemas(t *testing.T) {
	bare := example()
	bare.Scanners, bare.Policy = []release.Scanner{}, ""
	for f, schema := range schemas(t) {
		for name, report := range map[string][]byte{
			"example": write(t, f, example(), about()), "clean": write(t, f, clean(), about()), "history": write(t, f, historic(), about()), "nothing known": write(t, f, bare, About{Tool: release.Tool{Name: "builder"}}),
		} {
			if err := validate(schema, report); err != nil {
				t.Errorf("%s, %s: %v", f, name, err)
			}
		}
		if validate(schema, []byte(`{"version":1}`)) == nil {
			t.Errorf("the schema of %s accepts anything", f)
		}
	}
}

// TestNewestGitLabSchema applies the changes of GitLab's schemas up to 15.2.1 that can make a report
// invalid: the rest of them are optional properties. The reports keep the oldest version, because
// GitLab refuses minor versions that it does not know.
func TestNewestGitLabSchema(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "schemas", "gitlab-secret-detection-"+gitlabVersion+".json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	location := document.(map[string]any)["definitions"].(map[string]any)["file_location"].(map[string]any)
	location["dependencies"] = map[string]any{"column_end": []any{"column_start"}, "column_start": []any{"column_end"}}
	for _, name := range []string{"line_start", "line_end", "column_start", "column_end"} {
		location["properties"].(map[string]any)[name] = map[string]any{"type": "integer", "minimum": json.Number("1")}
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("newest.json", document); err != nil {
		t.Fatal(err)
	}
	newest, err := compiler.Compile("newest.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, report := range map[string]*scan.Report{"example": example(), "clean": clean(), "history": historic()} {
		if err := validate(newest, write(t, GitLab, report, about())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := bytes.Replace(write(t, GitLab, example(), about()), []byte(`"type": "text",`),
		[]byte(`"type": "file-location", "file_name": "a", "line_start": 0,`), 1)
	if validate(newest, bad) == nil {
		t.Error("the changes have no effect: a detail in line 0 is valid")
	}
}

// TestRulesHaveTheirWorstSeverity: the order of the findings does not matter.
func TestRulesHaveTheirWorstSeverity(t *testing.T) {
	severe, mild := password(), password()
	mild.Severity = scan.Warning
	for _, list := range [][]scan.Finding{{severe, mild}, {mild, severe}} {
		rules := sarifRules(&scan.Report{Findings: list})
		if len(rules) != 1 || rules[0].Properties.(sarifRuleBag).Severity != "9.0" {
			t.Errorf("rules %+v, want one of severity 9.0", rules)
		}
	}
}

// TestMetadataHasNoDirectory: metadata does not get a path in the repository.
func TestMetadataHasNoDirectory(t *testing.T) {
	for name, want := range map[string]string{"image:labels": "image:labels",
		"mail/index.yml": "all/workspaces/mail/index.yml"} {
		if got := about().repositoryFile(name); got != want {
			t.Errorf("%s is reported as %s, want %s", name, got, want)
		}
	}
	placed := About{Path: func(name string) string { return "at/" + name }}
	for name, want := range map[string]string{"image:labels": "image:labels", "mail/index.yml": "at/mail/index.yml"} {
		if got := placed.repositoryFile(name); got != want {
			t.Errorf("%s is reported as %s, want %s", name, got, want)
		}
	}
}

// TestGitLabIDs: IDs are unique within a report, and stable across reports.
func TestGitLabIDs(t *testing.T) {
	a, b := gitlabFinding(password(), 1, about()), gitlabFinding(password(), 2, about())
	moved := password()
	moved.Line = 77
	if again := gitlabFinding(moved, 1, about()); a.ID == b.ID || a.ID != again.ID {
		t.Errorf("ids %s and %s of two places, %s of the first one after a move", a.ID, b.ID, again.ID)
	}
}

// TestLongTexts: texts are truncated to GitLab's limits.
func TestLongTexts(t *testing.T) {
	r := example()
	r.Findings[0].Message, r.Findings[0].Help = strings.Repeat("é", 300), strings.Repeat("é", 8000)
	if err := validate(schemas(t)[GitLab], write(t, GitLab, r, about())); err != nil {
		t.Error(err)
	}
}

// everyLeak selects a subset of the leaks, because fingerprints are slow by design.
const everyLeak = 17

// TestNoSecret scans leaks of many kinds in many placements, and checks the reports.
func TestNoSecret(t *testing.T) {
	detector, err := dsul.New(dsul.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var leaks []scantest.Leak
	for i, leak := range scantest.Leaks(1) {
		if i%everyLeak == 0 {
			leaks = append(leaks, leak)
		}
	}
	report := scanLeaks(t, detector, leaks)
	if len(report.Findings) < len(leaks) {
		t.Fatalf("%d findings of %d leaks", len(report.Findings), len(leaks))
	}
	for _, f := range report.Findings[:len(report.Findings)/2] {
		report.Accepted = append(report.Accepted, scan.Accepted{Finding: f, By: scan.ByBaseline, Owner: "me", Reason: "test",
			Expires: "2999-01-01"})
	}
	for _, f := range All() {
		text := string(write(t, f, report, about()))
		for _, leak := range leaks {
			// A password that is a word may occur in a report with another meaning.
			if len(leak.Secret) >= 10 && strings.Contains(text, leak.Secret) {
				t.Errorf("%s shows a secret: %s, %s", f, leak.Kind, leak.Placement)
			}
		}
	}
}

func scanLeaks(t *testing.T, detector scan.Detector, leaks []scantest.Leak) *scan.Report {
	t.Helper()
	scanner, err := scan.New(scan.Policy{}, detector)
	if err != nil {
		t.Fatal(err)
	}
	run := scanner.Start(t.Context())
	for _, leak := range leaks {
		if err := run.Add(t.Context(), scan.File{Path: leak.Path, Data: leak.Data}); err != nil {
			t.Fatal(err)
		}
	}
	report, err := run.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestUnknownFormat(t *testing.T) {
	err := Write(&bytes.Buffer{}, "xml", example(), about())
	if err == nil || !strings.Contains(err.Error(), "human, json, sarif, gitlab, junit, github") {
		t.Errorf("error %v does not name the formats", err)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritersTellThatTheyCannot(t *testing.T) {
	for _, f := range All() {
		if err := Write(full{}, f, example(), about()); !errors.Is(err, errFull) {
			t.Errorf("%s: error %v", f, err)
		}
	}
}

// FuzzWrite: reports with arbitrary texts are well-formed in every format, and workflow
// commands do not span lines.
func FuzzWrite(f *testing.F) {
	f.Add("a/index.yml", "config.value", "text\n::error::", 3, 5)
	f.Add("a\x00]]>:,%\xff", "\x1b[2J", "%0A", 0, 0)
	compiled := schemas(f)
	f.Fuzz(func(t *testing.T, path, where, text string, line, column int) {
		r := example()
		r.Findings[0].Path, r.Findings[0].Where, r.Findings[0].Message, r.Findings[0].Help = path, where, text, text
		r.Findings[0].Line, r.Findings[0].Column = max(line, 0), max(column, 0)
		r.Accepted[0].Owner, r.Accepted[0].Reason = text, where
		for format, schema := range compiled {
			if err := validate(schema, write(t, format, r, about())); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		if err := xml.Unmarshal(write(t, JUnit, r, about()), new(struct{})); err != nil {
			t.Errorf("junit: %v", err)
		}
		commands := strings.Split(strings.TrimSuffix(string(write(t, GitHub, r, about())), "\n"), "\n")
		if want := len(r.Findings) + len(r.Accepted) + len(r.Problems); len(commands) != want {
			t.Errorf("github: %d lines for %d commands", len(commands), want)
		}
	})
}
