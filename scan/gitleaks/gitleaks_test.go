// SPDX-License-Identifier: AGPL-3.0-or-later

package gitleaks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/gitleaks/internal/table"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

func newDetector(t testing.TB, opts Options) *Detector {
	t.Helper()
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// found returns "line:column rule: secret" for each match.
func found(t testing.TB, d *Detector, path, text string) []string {
	t.Helper()
	result, err := d.Scan(t.Context(), scan.File{Path: path, Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if result.Bytes != int64(len(text)) {
		t.Errorf("%d of %d bytes are looked at", result.Bytes, len(text))
	}
	var list []string
	for _, m := range result.Matches {
		list = append(list, fmt.Sprintf("%d:%d %s: %s", m.Line, m.Column, strings.TrimPrefix(m.Rule, "gitleaks-"),
			m.Secret.Reveal()))
	}
	return list
}

// TestTable: rules.json is the output of go generate for the pinned gitleaks.
func TestTable(t *testing.T) {
	want, err := table.Generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("rules.json is out of date: run go generate ./scan/gitleaks (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(got), table.Module+" "+rulesVersion) {
		t.Errorf("rules.json is not of gitleaks %s", rulesVersion)
	}
}

// TestRulesCompile: rules are otherwise compiled only when a keyword occurs.
func TestRulesCompile(t *testing.T) {
	set := indexed()
	for _, r := range set.Rules {
		r.compileOnce()
		if r.Group > regexp.MustCompile(r.secret.String()).NumSubexp() {
			t.Errorf("%s has no group %d", r.ID, r.Group)
		}
		if len(r.Keywords) == 0 {
			t.Errorf("%s has no keyword, and would never be looked at", r.ID)
		}
		for _, word := range r.Keywords {
			if word != strings.ToLower(word) || word == "" {
				t.Errorf("%s has the keyword %q", r.ID, word)
			}
		}
	}
	if len(set.Rules) < 200 || len(set.allowed()) == 0 {
		t.Errorf("%d rules are too few", len(set.Rules))
	}
}

func TestTokens(t *testing.T) {
	p := scantest.NewPlanter(3)
	d := newDetector(t, Options{})
	perplexity, databricks := "pplx-"+p.Text(`[a-zA-Z0-9]{48}`), "dapi"+p.Text(`[a-f0-9]{32}`)
	tests := []struct {
		name, path, text string
		want             []string
	}{
		{"alone", "w/a.yml", "do:\n- set: {name: item, value: \"" + perplexity + "\"}\n", []string{"2:29 perplexity-api-key: " + perplexity}},
		{"two in a line", "w/a.txt", databricks + " " + databricks + "\n", []string{"1:1 databricks-api-token: " + databricks, "1:38 databricks-api-token: " + databricks}},
		{"far into a long line", "w/a.json", strings.Repeat("lorem ", 20_000) + databricks + " x", []string{"1:120001 databricks-api-token: " + databricks}},
		{"of low entropy", "w/a.yml", "x: dapi" + strings.Repeat("a", 32) + "\n", nil},
		{"keyword without a token", "w/a.yml", "x: pplx-none\n", nil},
		{"made up for a test", "w/a.yml", "x: glpat-ACCTEST1234567890123\n", nil},
		{"placeholder", "w/a.yml", "airtable_key: ${AIRTABLE_KEY}\n", nil},
		{"of a kind of file", "w/nuget.config", "<add key=\"Password\" value=\"Qz7vLp2wRt\" />\n", []string{"1:28 nuget-config-password: Qz7vLp2wRt"}},
		{"of another kind of file", "w/a.xml", "<add key=\"Password\" value=\"Qz7vLp2wRt\" />\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, found(t, d, test.path, test.text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestPublishedKeys: the examples of a vendor are public, whatever other detector finds them.
func TestPublishedKeys(t *testing.T) {
	i := slices.IndexFunc(indexed().Rules, func(r *rule) bool { return r.ID == "gcp-api-key" })
	key := indexed().Rules[i].Allow[1]
	result, err := newDetector(t, Options{}).Scan(t.Context(),
		scan.File{Path: "w/a.yml", Data: []byte("key: '" + key + "'\n")})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Matches) != 0 || len(result.Public) != 1 || result.Public[0].Secret.Reveal() != key {
		t.Errorf("%d matches and %d public keys, want none and %s", len(result.Matches), len(result.Public), key)
	}
}

func TestSelection(t *testing.T) {
	p := scantest.NewPlanter(3)
	text := "x: dapi" + p.Text(`[a-f0-9]{32}`) + "\ny: pplx-" + p.Text(`[a-zA-Z0-9]{48}`) + "\n"
	for name, test := range map[string]struct {
		opts Options
		want int
	}{
		"all":     {Options{}, 2},
		"by name": {Options{Include: []string{Name}}, 2},
		"one":     {Options{Include: []string{"gitleaks-databricks-api-token"}}, 1},
		"without": {Options{Exclude: []string{"gitleaks-databricks-api-token"}}, 1},
	} {
		if got := found(t, newDetector(t, test.opts), "w/a.yml", text); len(got) != test.want {
			t.Errorf("%s: %d findings, want %d", name, len(got), test.want)
		}
	}
	all := newDetector(t, Options{}).Describe()
	fewer := newDetector(t, Options{Exclude: []string{"gitleaks-databricks-api-token"}}).Describe()
	if all.Rules == fewer.Rules || all.Detectors != fewer.Detectors+1 || all.Detectors != len(Rules()) {
		t.Errorf("descriptions %+v and %+v", all, fewer)
	}
	if _, err := New(Options{Include: []string{"gitleaks-nothing"}}); err == nil ||
		!strings.Contains(err.Error(), "not a rule of gitleaks") {
		t.Errorf("an unknown rule: error %v", err)
	}
	if _, err := New(Options{Exclude: []string{Name}}); err == nil {
		t.Error("no rule is no error")
	}
}

// TestPartsEnd: keywords in every word do not extend a part beyond the maximum, and the scan
// checks the context between parts.
func TestPartsEnd(t *testing.T) {
	data := []byte(strings.Repeat("dapi0 ", 100_000))
	s := &fileScan{Detector: newDetector(t, Options{}), set: indexed(), file: scan.File{Path: "w/a.txt", Data: data}}
	parts, _ := s.findParts(t.Context())
	for _, list := range parts {
		for _, p := range list {
			if p.end-p.start > maxPart+before+after+2*stretch {
				t.Fatalf("a part has %d bytes", p.end-p.start)
			}
		}
		if last := list[len(list)-1]; last.end != len(data) {
			t.Errorf("the last part ends at %d of %d", last.end, len(data))
		}
	}
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := s.scanRules(ctx); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
}

// FuzzScan: a match in the text around a keyword is also a match in the complete text.
func FuzzScan(f *testing.F) {
	f.Add("x: dapi0123456789abcdef0123456789abcdef\n")
	f.Add("xoxb- shpat_ glpat- \xff\x00")
	d := newDetector(f, Options{})
	f.Fuzz(func(t *testing.T, text string) {
		result, err := d.Scan(t.Context(), scan.File{Path: "w/a.yml", Data: []byte(text)})
		if err != nil || result.Bytes != int64(len(text)) {
			t.Fatalf("%d of %d bytes, error %v", result.Bytes, len(text), err)
		}
		for _, m := range result.Matches {
			i := slices.IndexFunc(indexed().Rules, func(r *rule) bool { return r.name == m.Rule })
			whole := regexp.MustCompile(indexed().Rules[i].Regex)
			if !strings.Contains(text, m.Secret.Reveal()) || !whole.MatchString(text) {
				t.Errorf("%s is not in the text", m.Rule)
			}
		}
	})
}

// TestWordEnd compares findWordEnd with a search without memory.
func TestWordEnd(t *testing.T) {
	data := []byte(strings.Repeat("a", 3000) + " " + strings.Repeat("bc\n", 50) + strings.Repeat("d", 500))
	s := &fileScan{file: scan.File{Data: data}}
	for at := 0; at < len(data); at += 7 {
		want := at
		for n := 0; n < stretch && want < len(data) && !isSpace(data[want]); n++ {
			want++
		}
		if got := s.findWordEnd(at); got != want {
			t.Fatalf("the word at %d ends at %d, want %d", at, got, want)
		}
	}
}

// TestEndsWithItsContext: the scan of a text full of keywords can be cancelled.
func TestEndsWithItsContext(t *testing.T) {
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("somebody has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	f := scan.File{Path: "w/a.txt", Data: bytes.Repeat([]byte("api_key="), 100_000)}
	if _, err := d.Scan(ctx, f); !errors.Is(err, reason) {
		t.Errorf("error %v, want %v", err, reason)
	}
}
