// SPDX-License-Identifier: AGPL-3.0-or-later

package ruleset

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

var ruleID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// TestRulesAreComplete checks the table that diagnostics and documentation are generated from.
func TestRulesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		if seen[r.ID] || !ruleID.MatchString(r.ID) {
			t.Errorf("rule id %q is there twice, or not in kebab case", r.ID)
		}
		seen[r.ID] = true
		for field, text := range map[string]string{
			"title":   r.Title,
			"meaning": r.Meaning,
			"example": r.Example,
			"remedy":  r.Remedy,
		} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("rule %s has no %s", r.ID, field)
			}
		}
		if r.Severity.Level() < diagnostic.Info.Level() {
			t.Errorf("rule %s has severity %q", r.ID, r.Severity)
		}
	}
}

// TestProtectingRulesAreFixed lists the rules that must stay errors.
func TestProtectingRulesAreFixed(t *testing.T) {
	for _, id := range []string{
		"symlink", "hard-link", "special-file", "submodule", "file-too-large", "source-changed",
		"unreadable", "lfs-pointer",
		"git-crypt", "name-not-utf8", "file-name-invalid", "name-whiteout", "name-too-long", "name-duplicate",
		"unicode-collision", "limit-exceeded", "repository-empty", "base-clash", "groups-missing",
	} {
		for _, severity := range []diagnostic.Severity{diagnostic.Warning, diagnostic.Info, diagnostic.Off} {
			_, err := New([]Setting{{Rule: id, Severity: severity, Reason: "we dare", Place: "release.yaml:3"}})
			if err == nil || !strings.Contains(err.Error(), "release.yaml:3: rule "+id+" stays error") {
				t.Errorf("rule %s can be %s: %v", id, severity, err)
			}
		}
		if _, err := New([]Setting{{Rule: id, Severity: diagnostic.Error, Reason: "as it is"}}); err != nil {
			t.Errorf("rule %s cannot be what it is: %v", id, err)
		}
	}
}

func TestWrongSettings(t *testing.T) {
	good := Setting{Rule: "secret-unused", Severity: diagnostic.Off, Reason: "known", Place: "release.yaml:7"}
	for name, test := range map[string]struct {
		change func(*Setting)
		want   string
	}{
		"no rule": {func(s *Setting) { s.Rule = "" }, "has no rule"},
		"misspelt rule": {func(s *Setting) { s.Rule = "secret-unsued" },
			`unknown rule "secret-unsued", did you mean "secret-unused"?`},
		"unknown rule":   {func(s *Setting) { s.Rule = "fluffy-bunnies" }, "builder rules lists them"},
		"no severity":    {func(s *Setting) { s.Severity = "" }, "is not error, warning, info or off"},
		"wrong severity": {func(s *Setting) { s.Severity = "fatal" }, `severity "fatal" of rule secret-unused`},
		"no reason":      {func(s *Setting) { s.Reason = " " }, "has no reason"},
		"wrong glob":     {func(s *Setting) { s.Path = "mail/[" }, `path "mail/["`},
		"wrong date":     {func(s *Setting) { s.Until = "tomorrow" }, "is not a date such as 2027-01-31"},
		"no such date":   {func(s *Setting) { s.Until = "2027-02-30" }, "is not a date"},
	} {
		t.Run(name, func(t *testing.T) {
			setting := good
			test.change(&setting)
			_, err := New([]Setting{good, setting})
			if err == nil || !strings.Contains(err.Error(), "release.yaml:7: ") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with the place and %q", err, test.want)
			}
		})
	}
}

func TestAllMistakesAreNamed(t *testing.T) {
	_, err := New([]Setting{
		{Rule: "nonsense", Place: "release.yaml:2"},
		{Rule: "symlink", Severity: "off", Place: "release.yaml:5"},
	})
	if err == nil || !strings.Contains(err.Error(), "release.yaml:2") ||
		!strings.Contains(err.Error(), "release.yaml:5") {
		t.Errorf("error %v does not name both", err)
	}
}

// now is the last day of some settings in UTC, but already the next day elsewhere.
var now = time.Date(2027, 1, 31, 23, 59, 0, 0, time.UTC).In(time.FixedZone("east", 3600))

func TestApply(t *testing.T) {
	unused := func(file string, s diagnostic.Severity) diagnostic.Diagnostic {
		return diagnostic.Diagnostic{Rule: "secret-unused", Severity: s, File: file}
	}
	in := []diagnostic.Diagnostic{
		{Rule: "group-empty", Severity: diagnostic.Error},
		unused("crm/index.yml", diagnostic.Warning), unused("mail/a/index.yml", diagnostic.Warning),
		unused("mail/index.yml", diagnostic.Warning),
	}
	set := func(path string, s diagnostic.Severity, until string) Setting {
		return Setting{
			Rule:     "secret-unused",
			Path:     path,
			Severity: s,
			Reason:   "r",
			Until:    until,
			Place:    "release.yaml:1",
		}
	}
	lowered := func(path string, s diagnostic.Severity, n int) diagnostic.Lowered {
		return diagnostic.Lowered{Rule: "secret-unused", Path: path, Severity: s, Count: n, Reason: "r"}
	}
	for name, test := range map[string]struct {
		settings []Setting
		want     string
		lowered  []diagnostic.Lowered
	}{
		"none": {nil, "error warning warning warning", nil},
		"off":  {[]Setting{set("", "off", "")}, "error", []diagnostic.Lowered{lowered("", "off", 3)}},
		"off below": {
			[]Setting{set("mail/**", "off", "")},
			"error warning",
			[]diagnostic.Lowered{lowered("mail/**", "off", 2)},
		},
		"one star": {
			[]Setting{set("*/index.yml", "info", "")},
			"error info warning info",
			[]diagnostic.Lowered{lowered("*/index.yml", "info", 2)},
		},
		"the last one counts": {
			[]Setting{set("", "off", ""), set("crm/**", "error", "")},
			"error error",
			[]diagnostic.Lowered{lowered("", "off", 2)},
		},
		"raised":    {[]Setting{set("", "error", "")}, "error error error error", nil},
		"no match":  {[]Setting{set("other/**", "off", "")}, "error warning warning warning", nil},
		"unchanged": {[]Setting{set("", "warning", "")}, "error warning warning warning", nil},
		"the last day": {
			[]Setting{set("", "off", "2027-01-31")},
			"error",
			[]diagnostic.Lowered{{Rule: "secret-unused", Severity: "off", Count: 3, Reason: "r", Until: "2027-01-31"}},
		},
		"expired": {[]Setting{set("", "off", "2027-01-30")}, "error rule-setting-expired warning warning warning", nil},
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := New(test.settings)
			if err != nil {
				t.Fatal(err)
			}
			out, low := rules.Apply(in, now)
			var got []string
			for _, d := range out {
				if d.Rule == expiredRule {
					got = append(got, d.Rule)
					continue
				}
				got = append(got, string(d.Severity))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.lowered, low); diff != "" {
				t.Errorf("lowered, -want +got:\n%s", diff)
			}
		})
	}
	if in[1].Severity != diagnostic.Warning {
		t.Error("the diagnostics that were given have changed")
	}
}

func TestNoSetChangesNothing(t *testing.T) {
	in := []diagnostic.Diagnostic{{Rule: "b", File: "2"}, {Rule: "a", File: "1"}}
	out, low := (*Set)(nil).Apply(in, now)
	if diff := cmp.Diff(in, out); diff != "" || low != nil {
		t.Errorf("lowered %v, %s", low, diff)
	}
}

func TestTextSaysWhetherTheSeverityIsFixed(t *testing.T) {
	for id, want := range map[string]string{"symlink": "cannot lower it", "secret-unused": "can set another one"} {
		rule, err := Find(id)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := WriteText(&out, rule); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{want, rule.Meaning, rule.Example, rule.Remedy, diagnostic.URL(id)} {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%q is not in:\n%s", text, out.String())
			}
		}
	}
}

func TestMarkdownIsEscaped(t *testing.T) {
	for in, want := range map[string]string{"a_b <c>": `a\_b \<c>`, "a|b": `a\|b`} {
		if got := escapeMarkdown(in); got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"{{x}}": "`{{x}}`", "a ` b": "`` a ` b ``"} {
		if got := quoteCode(in); got != want {
			t.Errorf("%q is quoted %q, want %q", in, got, want)
		}
	}
}
