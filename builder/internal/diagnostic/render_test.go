// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func sample() []Diagnostic {
	ds := []Diagnostic{
		{Severity: Warning, Rule: "checksum-missing", File: "mail/automations/b.yml", Message: "the file has no checksum", Help: "push again"},
		{Severity: Error, Rule: "slug-duplicate", File: "mail/index.yml", Line: 12, Column: 7, Message: `slug "mail" is <taken> & gone`, Help: "give one another slug"},
		{Severity: Error, Rule: "yaml-invalid", File: "mail/index.yml", Line: 3, Message: "invalid YAML: did not find expected key", Help: "correct the file"},
		{Severity: Error, Rule: "yaml-invalid", File: "mail/index.yml", Line: 4, Message: "invalid YAML: once more", Help: "correct the file"},
		{Severity: Error, Rule: "group-empty", Message: `no workspace is in group "base1"`},
		{Severity: Info, Rule: "outside-workspace", File: "evil\x1b[31m\nname", Message: "the file is in no workspace\x07"},
	}
	Sort(ds)
	return ds
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), -update rewrites it:\n%s", file, diff)
	}
}

func TestRenderers(t *testing.T) {
	plain := func(w io.Writer, ds []Diagnostic) error { return WriteHuman(w, ds, false) }
	colored := func(w io.Writer, ds []Diagnostic) error { return WriteHuman(w, ds, true) }
	for _, c := range []struct {
		golden string
		render func(io.Writer, []Diagnostic) error
		in     []Diagnostic
	}{
		{"human.txt", plain, sample()},
		{"human-color.txt", colored, sample()},
		{"human-strict.txt", plain, Strict(sample())},
		{"human-empty.txt", plain, nil},
		{"diagnostics.json", WriteJSON, sample()},
		{"diagnostics-empty.json", WriteJSON, nil},
	} {
		t.Run(c.golden, func(t *testing.T) {
			var got bytes.Buffer
			if err := c.render(&got, c.in); err != nil {
				t.Fatal(err)
			}
			golden(t, c.golden, got.Bytes())
			if err := c.render(brokenWriter{}, c.in); err == nil {
				t.Error("no error from a broken writer")
			}
		})
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHumanOutputHasNoControlCharacters(t *testing.T) {
	var got bytes.Buffer
	if err := WriteHuman(&got, sample(), false); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(got.String(), func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("control character %q at %d", got.String()[i], i)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	if err := WriteJSON(&buf, sample()); err != nil {
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
