// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// testCatalog accepts lower-case names, and definitions without the word broken.
func testCatalog() Catalog {
	lower := func(name string) error {
		if name != strings.ToLower(name) {
			return errors.New(name + " is not known")
		}
		return nil
	}
	return Catalog{Detector: lower, Rule: lower, ArchiveSize: 1 << 20, Custom: func(d json.RawMessage) error {
		if strings.Contains(string(d), "broken") {
			return errors.New("it is broken")
		}
		return nil
	}}
}

func TestReadPolicy(t *testing.T) {
	got, err := ReadPolicy("p.yaml", []byte(`
includeDetectors: [a]
excludeDetectors: [b, c]
customDetectors:
  - name: Own
    regex: {z: '[0-9]', a: x}
excludePaths: [x/**]
includePaths: [x/y]
severities: {rule: warning, custom-Own: error, "*": warning}
limits: {detectorTimeout: 3s, archiveSize: 1MiB}
honorInlineIgnore: true
`), testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	want := Policy{
		IncludeDetectors: []string{"a"}, ExcludeDetectors: []string{"b", "c"},
		CustomDetectors: []CustomDetector{{"Own", json.RawMessage(`{"name":"Own","regex":{"a":"x","z":"[0-9]"}}`)}},
		ExcludePaths:    []string{"x/**"}, IncludePaths: []string{"x/y"},
		Severities: map[string]Severity{"rule": Warning, "custom-Own": Error, "*": Warning},
		Limits:     Limits{3 * time.Second, 1 << 20}, HonorInlineIgnore: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPolicyMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"excludePath: [a]\n":                                 `p.yaml:1:1: unknown key "excludePath", want one of includeDetectors, `,
		"excludeDetectors:\n  - a\n  - B\n":                  "p.yaml:3:5: B is not known",
		"includeDetectors: [B]\n":                            "p.yaml:1:20: B is not known",
		"excludePaths: ['[']\n":                              `p.yaml:1:16: path "[" is not a valid glob`,
		"includePaths: ['[']\n":                              `p.yaml:1:16: path "[" is not a valid glob`,
		"severities: {Rule: error}\n":                        "p.yaml:1:20: Rule is not known",
		"severities:\n  rule: fatal\n":                       `p.yaml:2:9: severity "fatal" of rule: want error or warning`,
		"severities: {custom-Own: error}\n":                  "p.yaml:1:26: custom-Own is not known",
		"customDetectors: [{regex: {a: b}}]\n":               "p.yaml:1:19: a detector needs a name",
		"customDetectors: [text]\n":                          "p.yaml:1:19: a detector needs a name",
		"customDetectors: [{name: a b}]\n":                   "p.yaml:1:19: a detector needs a name",
		"customDetectors: [{name: a}, {name: a}]\n":          "p.yaml:1:30: detector a is there twice",
		"customDetectors:\n  - name: broken\n":               "p.yaml:2:5: detector broken: it is broken",
		"customDetectors: [{name: a, regex: {[a]: b}}]\n":    "p.yaml:1:19: ",
		"customDetectors: [{name: a, regex: {1: b}}]\n":      "p.yaml:1:19: detector a: ",
		"limits: {detectorTimeout: soon}\n":                  `p.yaml:1:27: "soon" is not a time such as 10s`,
		"limits: {detectorTimeout: -1s}\n":                   `p.yaml:1:27: "-1s" is not a time`,
		"limits: {archiveSize: much}\n":                      `p.yaml:1:23: "much" is not a size such as 50MiB, of 1MiB at most`,
		"limits: {archiveSize: 2MiB}\n":                      `p.yaml:1:23: "2MiB" is not a size`,
		"limits: {archiveSize: 0}\n":                         `p.yaml:1:23: "0" is not a size`,
		"limits: {archivesize: 1MiB}\n":                      `p.yaml:1:10: unknown key "archivesize"`,
		"honorInlineIgnore: sometimes\n":                     "p.yaml:1:20: want true or false",
		"# " + strings.Repeat("x", MaxFileSize) + "\na: b\n": "p.yaml: it is larger than",
	} {
		_, err := ReadPolicy("p.yaml", []byte(text), testCatalog())
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: error %v, want %q", text, err, want)
		}
	}
}

func TestIncludedPathsAreExceptions(t *testing.T) {
	p := Policy{ExcludePaths: []string{"a/**"}, IncludePaths: []string{"a/*.json", "never"}}
	for path, want := range map[string]bool{"a/x.svg": true, "a/x.json": false, "b/x.svg": false, "never": false} {
		if got := p.isExcluded(path); got != want {
			t.Errorf("%s is excluded: %v, want %v", path, got, want)
		}
	}
	if _, err := New(Policy{IncludePaths: []string{"["}}, words("words")); err == nil {
		t.Error("a glob that is none is accepted")
	}
}

func TestSeverity(t *testing.T) {
	also := func(rules ...string) (list []Sighting) {
		for _, rule := range rules {
			list = append(list, Sighting{Rule: rule})
		}
		return list
	}
	tests := []struct {
		name       string
		severities map[string]Severity
		finding    Finding
		want       Severity
	}{
		{"nothing said", nil, Finding{Rule: "a"}, Error},
		{"a warning", map[string]Severity{"a": Warning}, Finding{Rule: "a"}, Warning},
		{"of another rule", map[string]Severity{"b": Warning}, Finding{Rule: "a"}, Error},
		{"any rule", map[string]Severity{"*": Warning}, Finding{Rule: "a"}, Warning},
		{"any but one", map[string]Severity{"*": Warning, "a": Error}, Finding{Rule: "a"}, Error},
		{"a second rule is an error", map[string]Severity{"a": Warning}, Finding{Rule: "a", Also: also("b")}, Error},
		{"two warnings", map[string]Severity{"a": Warning, "b": Warning}, Finding{Rule: "a", Also: also("b")}, Warning},
		{"a live secret", map[string]Severity{"*": Warning}, Finding{Rule: "a", Verification: Live}, Error},
		{"a dead secret", map[string]Severity{"*": Warning}, Finding{Rule: "a", Verification: Dead}, Warning},
	}
	for _, test := range tests {
		if got := (Policy{Severities: test.severities}).findingSeverity(test.finding); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	report := mustScan(t, newScanner(t, Policy{Severities: map[string]Severity{"Word": Warning}}, words("words")),
		file("a", canary+"abc"))
	if report.Count(Warning) != 1 || report.Count(Error) != 0 {
		t.Errorf("findings %+v, want a warning", report.Findings)
	}
}

// TestInlineIgnore: a comment applies to its line, and only if the policy allows it.
func TestInlineIgnore(t *testing.T) {
	text := canary + "one # trufflehog:ignore\n" + canary + "two\n# trufflehog:ignore\n"
	strictly := mustScan(t, newScanner(t, Policy{}, words("words")), file("a", text))
	if len(strictly.Findings) != 2 || len(strictly.Accepted) != 0 {
		t.Errorf("%d findings and %d accepted, want all of 2", len(strictly.Findings), len(strictly.Accepted))
	}
	report := mustScan(t, newScanner(t, Policy{HonorInlineIgnore: true}, words("words")), file("a", text))
	if len(report.Findings) != 1 || report.Findings[0].Line != 2 || len(report.Accepted) != 1 ||
		report.Accepted[0].Line != 1 || report.Accepted[0].By != ByComment {
		t.Errorf("findings %+v, accepted %+v, want those of lines 2 and 1", report.Findings, report.Accepted)
	}
	if got := report.Manifest().Accepted; !slices.Equal(got, []string{strictly.Findings[0].Fingerprint}) {
		t.Errorf("the manifest accepts %v, want the one finding", got)
	}
	inside := fakeDetector{name: "fake", scan: func(_ context.Context, f File) (Result, error) {
		return Result{Bytes: int64(len(f.Data)), Matches: []Match{{Rule: "Rule", Secret: secret.New("x"), Inside: true}}}, nil
	}}
	if report := mustScan(t, newScanner(t, Policy{HonorInlineIgnore: true}, inside),
		file("a", "trufflehog:ignore")); len(report.Accepted) > 0 {
		t.Error("a comment accepts what is in an archive")
	}
}

// TestExamplePolicy reads the example with the names that this package knows.
func TestExamplePolicy(t *testing.T) {
	data, err := os.ReadFile("../examples/scan-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known := func(string) error { return nil }
	p, err := ReadPolicy("scan-policy.yaml", data, Catalog{Detector: known, Rule: known, ArchiveSize: 1 << 30,
		Custom: func(json.RawMessage) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.CustomDetectors) != 1 || len(p.Severities) != 2 || p.HonorInlineIgnore {
		t.Errorf("policy %+v", p)
	}
}

// FuzzReadPolicy: reading any file ends, and reading a valid file twice gives scanners with the
// same policy digest.
func FuzzReadPolicy(f *testing.F) {
	f.Add([]byte("severities: {a: warning}\nexcludePaths: [a/**]\ncustomDetectors: [{name: x, regex: {a: b}}]\nlimits: " +
		"{detectorTimeout: 1s}\n"))
	f.Add([]byte("honorInlineIgnore: true\nincludePaths: ['{a,b}']\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		digestOf := func() string {
			p, err := ReadPolicy("p.yaml", data, testCatalog())
			if err != nil {
				return ""
			}
			s, err := New(p, words("words"))
			if err != nil {
				t.Fatalf("a policy that was read makes no scanner: %v", err)
			}
			d, err := s.policy.computeDigest()
			if err != nil {
				t.Fatal(err)
			}
			return d.String()
		}
		if a, b := digestOf(), digestOf(); a != b {
			t.Errorf("digests %s and %s of one policy", a, b)
		}
	})
}
