// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
)

func sample() []Diagnostic {
	ds := []Diagnostic{
		{
			Severity: Warning,
			Rule:     "checksum-missing",
			File:     "mail/automations/b.yml",
			Message:  "the file has no checksum",
			Help:     "push again",
		},
		{
			Severity: Error,
			Rule:     "slug-duplicate",
			File:     "mail/index.yml",
			Line:     12,
			Column:   7,
			Message:  `slug "mail" is <taken> & gone`,
			Help:     "give one another slug",
		},
		{
			Severity: Error,
			Rule:     "yaml-invalid",
			File:     "mail/index.yml",
			Line:     3,
			Message:  "invalid YAML: did not find expected key",
			Help:     "correct the file",
		},
		{
			Severity: Error,
			Rule:     "yaml-invalid",
			File:     "mail/index.yml",
			Line:     4,
			Message:  "invalid YAML: once more",
			Help:     "correct the file",
		},
		{Severity: Error, Rule: "group-empty", Message: `no workspace is in group "base1"`},
		{
			Severity: Info,
			Rule:     "outside-workspace",
			File:     "evil\x1b[31m\nname",
			Message:  "the file is not in a workspace\x07",
		},
	}
	Sort(ds)
	return ds
}

func TestRenderers(t *testing.T) {
	human := func(how Human) func(Report, io.Writer) error {
		return func(r Report, w io.Writer) error { return r.WriteHuman(w, how) }
	}
	strict := Report{Diagnostics: Strict(sample())}
	full := Report{sample(), []Lowered{
		{Rule: "secret-unused", Severity: Off, Count: 3, Reason: "the vendor's", Until: "2027-01-31"},
		{Rule: "secret-unused", Path: "mail/**", Severity: Off, Count: 1, Reason: "ours"},
		{Rule: "unknown-key", Severity: Info, Count: 1, Reason: "one <day>"},
	}}
	for _, c := range []struct {
		golden string
		render func(Report, io.Writer) error
		in     Report
	}{
		{"human.txt", human(Human{}), full},
		{"human-color.txt", human(Human{Color: true}), full},
		{"human-strict.txt", human(Human{}), strict},
		{"human-cut.txt", human(Human{Max: 3}), full},
		{"human-empty.txt", human(Human{}), Report{}},
		{"diagnostics.json", Report.WriteJSON, full},
		{"diagnostics-empty.json", Report.WriteJSON, Report{}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			var got bytes.Buffer
			if err := c.render(c.in, &got); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", c.golden), got.Bytes())
			if err := c.render(c.in, brokenWriter{}); err == nil {
				t.Error("no error from a broken writer")
			}
		})
	}
}

// TestCutShowsEveryRule checks that the worst diagnostics come first, and that a frequent rule does
// not hide others.
func TestCutShowsEveryRule(t *testing.T) {
	ds := slices.Repeat([]Diagnostic{{Severity: Error, Rule: "many"}}, 50)
	ds = append(ds, Diagnostic{Severity: Error, Rule: "one"}, Diagnostic{Severity: Warning, Rule: "mild"})
	for limit, want := range map[int]string{
		0: "many:50 one:1 mild:1", 1: "many:1", 2: "many:1 one:1", 10: "many:9 one:1", 52: "many:50 one:1 mild:1",
		99: "many:50 one:1 mild:1",
	} {
		shown := selectShown(ds, limit)
		var got []string
		for _, rule := range []string{"many", "one", "mild"} {
			n := 0
			for _, d := range shown {
				if d.Rule == rule {
					n++
				}
			}
			if n > 0 {
				got = append(got, fmt.Sprintf("%s:%d", rule, n))
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestLevels(t *testing.T) {
	for s, want := range map[Severity]int{Off: 0, Info: 1, Warning: 2, Error: 3, "fatal": -1, "": -1} {
		if got := s.Level(); got != want {
			t.Errorf("level %d of %q, want %d", got, s, want)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHumanOutputHasNoControlCharacters(t *testing.T) {
	var got bytes.Buffer
	if err := (Report{Diagnostics: sample()}).WriteHuman(&got, Human{}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(got.String(), func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("control character %q at %d", got.String()[i], i)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	if err := (Report{Diagnostics: sample()}).WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Diagnostics []Diagnostic
		Summary     Summary
	}
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got.Diagnostics); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
	if want := (Summary{Errors: 4, Warnings: 1, Infos: 1}); got.Summary != want {
		t.Errorf("summary %+v, want %+v", got.Summary, want)
	}
}

func TestSummary(t *testing.T) {
	for want, s := range map[string]Summary{
		"0 errors, 0 warnings":         {},
		"1 error, 1 warning":           {Errors: 1, Warnings: 1},
		"3 errors, 2 warnings":         {Errors: 3, Warnings: 2},
		"0 errors, 0 warnings, 1 info": {Infos: 1},
	} {
		if got := s.String(); got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
	}
}

func TestPosition(t *testing.T) {
	for want, d := range map[string]Diagnostic{
		"":        {},
		"f":       {File: "f"},
		"f:3":     {File: "f", Line: 3},
		"f:3:4":   {File: "f", Line: 3, Column: 4},
		"f:10:40": {File: "f", Line: 10, Column: 40, Rule: "r"},
	} {
		if got := d.Position(); got != want {
			t.Errorf("position %q, want %q", got, want)
		}
	}
}

func TestStrictLeavesTheOriginal(t *testing.T) {
	ds := sample()
	if got := Count(Strict(ds), Error); got != 5 {
		t.Errorf("%d errors in strict mode, want 5", got)
	}
	if diff := cmp.Diff(sample(), ds); diff != "" {
		t.Errorf("the original changed:\n%s", diff)
	}
}
