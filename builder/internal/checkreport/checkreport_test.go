// SPDX-License-Identifier: AGPL-3.0-or-later

package checkreport

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/format"
)

// report returns a diagnostic of a rule.
func report(t testing.TB, rule, file string, line int, message string) diagnostic.Diagnostic {
	t.Helper()
	r, err := ruleset.Find(rule)
	if err != nil {
		t.Fatal(err)
	}
	return r.Report(file, line, min(line, 3), "%s", message)
}

func results(t testing.TB, command string) Results {
	return Results{
		Diagnostics: &diagnostic.Report{
			Diagnostics: []diagnostic.Diagnostic{
				report(t, "group-empty", "", 0, "group base1 has no workspace"),
				report(t, "index-missing", "desk", 0, "the directory has no index.yml"),
				report(t, "secret-unused", "shop/index.yml", 7, "a secret is not used"),
				report(t, "secret-unused", "shop/index.yml", 9, "a secret is not used"),
				report(t, "slug-invalid", "shop/index.yml", 2, "hostile\n::error::<&\"é]]> 100%"),
				report(t, "outside-workspace", "READ ME,:.md", 0, "the file is not in a workspace"),
			},
			Lowered: []diagnostic.Lowered{{Rule: "label-invalid", Severity: diagnostic.Off, Count: 2, Reason: "ours"}},
		},
		About: format.About{
			Tool: release.Tool{Name: "builder", Version: "v1.2.3"},
			Source: release.Source{
				URL:    "https://git.example.com/acme/release",
				Commit: strings.Repeat("0a", 20),
				Subdir: "all",
			},
			Path: func(name string) string { return "all/" + name },
			Time: time.Unix(1_700_000_000, 0), Command: command,
		},
	}
}

// examples are a validation, a build with a finding, and failed runs.
func examples(t testing.TB) map[string]Results {
	clean := results(t, "validate")
	clean.Diagnostics = &diagnostic.Report{}
	build := results(t, "build")
	build.Scan = &scan.Report{
		Findings: []scan.Finding{{
			Scanner: "dsul", Rule: "dsul-password", Severity: scan.Error, Path: "shop/index.yml", Line: 9,
			Column: 3, Redacted: "***",
			Fingerprint: strings.Repeat("f", 32), Verification: scan.NotChecked,
			Message: "password in plain text", Help: "declare a secret",
		}},
		Accepted: []scan.Accepted{}, Problems: []scan.Problem{}, Scanners: []release.Scanner{},
	}
	build.Failure = "the registry refuses"
	failed := results(t, "validate")
	failed.Diagnostics = &diagnostic.Report{}
	failed.Failure = "source x: no such file or directory"
	failed.Incomplete = true
	unread := failed
	unread.Diagnostics = nil
	unread.About.Command = "build"
	return map[string]Results{
		"validate": results(t, "validate"),
		"clean":    clean,
		"build":    build,
		"failed":   failed,
		"unread":   unread,
	}
}

func write(t testing.TB, f format.Format, r Results) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, f, r); err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	return out.Bytes()
}

// TestGolden pins every byte: users diff and parse these files.
func TestGolden(t *testing.T) {
	for name, r := range examples(t) {
		for _, f := range Formats() {
			got := write(t, f, r)
			golden.Compare(t, filepath.Join("testdata", name+"."+string(f)), got)
		}
	}
}

// schemas compiles the schemas of the formats.
func schemas(t testing.TB) map[format.Format]*jsonschema.Schema {
	t.Helper()
	const published = "../../../scan/format/testdata/schemas"
	compiled := map[format.Format]*jsonschema.Schema{}
	for f, file := range map[format.Format]string{
		format.SARIF:  filepath.Join(published, "sarif-2.1.0.json"),
		format.GitLab: filepath.Join(published, "gitlab-secret-detection-15.0.7.json"),
		CodeQuality:   filepath.Join("testdata", "schemas", "codequality.json"),
	} {
		schema, err := jsonschema.NewCompiler().Compile(file)
		if err != nil {
			t.Fatal(err)
		}
		compiled[f] = schema
	}
	return compiled
}

func TestSchemas(t *testing.T) {
	for f, schema := range schemas(t) {
		for name, r := range examples(t) {
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(write(t, f, r)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Errorf("%s, %s: %v", f, name, err)
			}
		}
		if schema.Validate(map[string]any{"version": 1}) == nil {
			t.Errorf("the schema of %s accepts anything", f)
		}
	}
}

// TestFingerprintsStay checks that a fingerprint survives a move within the file, and is unique.
func TestFingerprintsStay(t *testing.T) {
	before, after := results(t, "validate"), results(t, "validate")
	for i := range after.Diagnostics.Diagnostics {
		after.Diagnostics.Diagnostics[i].Line += 5
	}
	seen := map[string]bool{}
	for i, p := range before.listProblems() {
		if moved := after.listProblems()[i]; moved.fingerprint != p.fingerprint {
			t.Errorf("%s: fingerprint %s becomes %s", p.Rule, p.fingerprint, moved.fingerprint)
		}
		if seen[p.fingerprint] {
			t.Errorf("%s: two problems have fingerprint %s", p.Rule, p.fingerprint)
		}
		seen[p.fingerprint] = true
	}
}

func TestHaveErrors(t *testing.T) {
	warned := results(t, "validate")
	warned.Diagnostics.Diagnostics = warned.Diagnostics.Diagnostics[2:4]
	secret := examples(t)["build"]
	secret.Diagnostics = nil
	for name, tt := range map[string]struct {
		results Results
		want    bool
	}{
		"errors": {results(t, "validate"), true}, "warnings": {warned, false}, "nothing": {
			Results{},
			false,
		}, "a secret": {secret, true},
	} {
		if got := tt.results.HaveErrors(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritersReportThatTheyCannot(t *testing.T) {
	for _, f := range Formats() {
		if err := Write(full{}, f, examples(t)["build"]); !errors.Is(err, errFull) {
			t.Errorf("%s: error %v", f, err)
		}
	}
}

// FuzzWrite checks that any text in a report leaves its format valid.
func FuzzWrite(f *testing.F) {
	f.Add("a/index.yml", "text\n::error::", 3)
	f.Add("\x00]]>:,%\xff", "\x1b[2J%0A", 0)
	compiled := schemas(f)
	f.Fuzz(func(t *testing.T, path, text string, line int) {
		r := results(t, "validate")
		d := &r.Diagnostics.Diagnostics[0]
		d.File, d.Message, d.Help, d.Line = path, text, text, max(line, 0)
		for _, name := range []format.Format{format.SARIF, CodeQuality} {
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(write(t, name, r)))
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled[name].Validate(document); err != nil && text != "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !json.Valid(write(t, format.JSON, r)) {
			t.Error("json: not valid")
		}
		if err := xml.Unmarshal(write(t, format.JUnit, r), new(struct{})); err != nil {
			t.Errorf("junit: %v", err)
		}
		if got := bytes.Count(write(t, format.GitHub, r), []byte("\n")); got != len(r.Diagnostics.Diagnostics) {
			t.Errorf("github: %d lines for %d commands", got, len(r.Diagnostics.Diagnostics))
		}
	})
}
