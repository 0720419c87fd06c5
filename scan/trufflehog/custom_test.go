// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

func ownDetector(name, expression string) scan.CustomDetector {
	definition, err := json.Marshal(map[string]any{"name": name, "keywords": []string{"acme_"},
		"regex": map[string]string{"token": expression}})
	if err != nil {
		panic(err)
	}
	return scan.CustomDetector{Name: name, Definition: definition}
}

// TestCustomDetector: a custom detector finds a secret that no other detector knows, under its
// own rule.
func TestCustomDetector(t *testing.T) {
	token := scantest.NewPlanter(1).Text(`acme_[0-9a-f]{32}`)
	file := scan.File{Path: "w/index.yml", Data: []byte("a: 1\nkey: " + token + "\n")}
	opts := Options{Include: []string{"github"}}
	for _, test := range []struct {
		custom []scan.CustomDetector
		only   bool
		want   int
	}{
		{nil, false, 0},
		{[]scan.CustomDetector{ownDetector("acme-token", `\b(acme_[0-9a-f]{32})\b`)}, false, 1},
		{[]scan.CustomDetector{ownDetector("acme-token", `\b(acme_[0-9a-f]{32})\b`), ownDetector("other", `\b(acme_[g-z]+)\b`)}, true, 1},
	} {
		opts.Custom, opts.CustomOnly = test.custom, test.only
		d, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		result, err := d.Scan(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Matches) != test.want {
			t.Fatalf("with %d detectors of our own: %d matches, want %d", len(test.custom), len(result.Matches), test.want)
		}
		if test.want > 0 {
			if m := result.Matches[0]; m.Rule != "custom-acme-token" || m.Line != 2 || m.Column != 6 ||
				m.Secret.Reveal() != token {
				t.Errorf("match of %s at %d:%d, want custom-acme-token at 2:6", m.Rule, m.Line, m.Column)
			}
		}
		if got, want := d.Describe().Detectors, len(test.custom); test.only && got != want {
			t.Errorf("%d detectors, want %d", got, want)
		}
	}
}

// TestCustomDetectorsAreInTheDigest: another expression changes the digest of the rules.
func TestCustomDetectorsAreInTheDigest(t *testing.T) {
	seen := map[string]bool{}
	for _, custom := range [][]scan.CustomDetector{nil, {ownDetector("a", "x")}, {ownDetector("a", "y")},
		{ownDetector("b", "x")}, {ownDetector("a", "x"), ownDetector("b", "x")}} {
		d, err := New(Options{Include: []string{"github"}, Custom: custom})
		if err != nil {
			t.Fatal(err)
		}
		if rules := d.Describe().Rules.String(); seen[rules] {
			t.Errorf("%d detectors have the digest of others", len(custom))
		} else {
			seen[rules] = true
		}
	}
}

func TestCheckCustom(t *testing.T) {
	if err := CheckCustom(ownDetector("a", "x").Definition); err != nil {
		t.Errorf("error %v", err)
	}
	for definition, want := range map[string]string{
		`{"name":"a"}`: "no keywords",
		`{"name":"a","keywords":["x"],"regex":{"a":"["}}`:                                         "regex",
		`{"name":"a","keywords":["x"],"regexes":{"a":"x"}}`:                                       "regexes",
		`{"name":"a","keywords":["x"],"regex":{"a":"x"}},{}`:                                      "no keywords",
		`{"name":"a","keywords":["x"],"regex":{"a":"x"}}],"sources":[{"type":"SOURCE_TYPE_NONE"}`: "source",
		`text`: "",
		``:     "it is not one detector",
		`{"name":"a","keywords":["x"],"regex":{"a":"x"}},{"name":"b","keywords":["x"],"regex":{"a":"x"}}`: "it is not one detector",
	} {
		if err := CheckCustom(json.RawMessage(definition)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", definition, err, want)
		}
	}
	if _, err := New(Options{Custom: []scan.CustomDetector{{Name: "mine",
		Definition: json.RawMessage(`{}`)}}}); err == nil || !strings.Contains(err.Error(), "detector mine") {
		t.Errorf("error %v does not name the detector", err)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"Github": true, "github": false, "NoSuch": false, "8": false} {
		if got := IsRule(name); got != want {
			t.Errorf("%s is a rule: %v, want %v", name, got, want)
		}
	}
	if CheckDetector("github") != nil || CheckDetector("8") != nil || CheckDetector("NoSuch") == nil {
		t.Error("github and 8 are detectors, and NoSuch is none")
	}
}

func TestLimitsCanBeSet(t *testing.T) {
	d, err := New(Options{Include: []string{"github"}, Limits: scan.Limits{DetectorTimeout: time.Hour, ArchiveSize: 3}})
	if err != nil {
		t.Fatal(err)
	}
	if d.timeout != time.Hour || d.unpacked != 3 {
		t.Errorf("limits of %s and %d bytes", d.timeout, d.unpacked)
	}
	if d, err = New(Options{Include: []string{"github"}}); err != nil || d.timeout != detectorTimeout ||
		d.unpacked != archiveMaxSize {
		t.Errorf("without limits: %s and %d bytes, error %v", d.timeout, d.unpacked, err)
	}
}
