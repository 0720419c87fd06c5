// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/secret"
)

func mustFingerprint(t *testing.T, rule, path, plain string) string {
	t.Helper()
	got, err := computeFingerprint(rule, path, secret.New(plain))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestFingerprint pins the algorithm. Users store fingerprints in files, so that a change needs
// a reason and a migration.
func TestFingerprint(t *testing.T) {
	const want = "436b13cc0f363763921c0e4ef7a55f4b"
	if got := mustFingerprint(t, "Rule", "a/index.yml", "not a secret"); got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	for name, other := range map[string]string{
		"rule":              mustFingerprint(t, "Other", "a/index.yml", "not a secret"),
		"path":              mustFingerprint(t, "Rule", "b/index.yml", "not a secret"),
		"secret":            mustFingerprint(t, "Rule", "a/index.yml", "not a secret!"),
		"rule joins a path": mustFingerprint(t, "Rulea", "/index.yml", "not a secret"),
	} {
		if other == want {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

// TestFingerprintIgnoresThePlace moves a secret within its file.
func TestFingerprintIgnoresThePlace(t *testing.T) {
	s := newScanner(t, Policy{}, words("words"))
	const word = canary + "of-some-length"
	before := mustScan(t, s, file("a/index.yml", "x: "+word+"\n"))
	after := mustScan(t, s, file("a/index.yml", strings.Repeat("# a line\n", 40)+"  y:   "+word+"\n"))
	if len(before.Findings) != 1 || len(after.Findings) != 1 {
		t.Fatalf("%d and %d findings, want one each", len(before.Findings), len(after.Findings))
	}
	if before.Findings[0].Fingerprint != after.Findings[0].Fingerprint {
		t.Error("the fingerprint differs")
	}
	if before.Findings[0].Line == after.Findings[0].Line {
		t.Error("the line does not")
	}
}

// TestColumnsCountCharacters: columns count characters instead of bytes.
func TestColumnsCountCharacters(t *testing.T) {
	s := newScanner(t, Policy{}, words("words"))
	for text, want := range map[string]string{
		canary + "abc":                    "f:1:1",
		"é: " + canary + "abc":            "f:1:4",
		"é\n日本 " + canary + "abc":         "f:2:4",
		"é\n\xff\xfe " + canary + "abc\n": "f:2:4",
	} {
		report := mustScan(t, s, file("f", text))
		if len(report.Findings) != 1 || report.Findings[0].Position() != want {
			t.Errorf("%q: %+v, want one at %s", text, report.Findings, want)
		}
	}
}

// TestColumnsBeyondTheFile: detectors may return invalid positions.
func TestColumnsBeyondTheFile(t *testing.T) {
	found := []Finding{{Line: 1, Column: 99}, {Line: 9, Column: 2}, {Line: 1}}
	countCharacters(found, []byte("é\n"))
	if found[0].Column != 3 || found[1].Column != 2 || found[2].Column != 0 {
		t.Errorf("columns %+v", found)
	}
}

func TestSame(t *testing.T) {
	f := Finding{Path: "a", Line: 1, Column: 2, Where: "x", Fingerprint: "f"}
	for i, other := range []Finding{
		{Path: "b", Line: 1, Column: 2, Where: "x", Fingerprint: "f"}, {Path: "a", Line: 2, Column: 2, Where: "x", Fingerprint: "f"},
		{Path: "a", Line: 1, Column: 3, Where: "x", Fingerprint: "f"}, {Path: "a", Line: 1, Column: 2, Where: "y", Fingerprint: "f"},
		{Path: "a", Line: 1, Column: 2, Where: "x", Fingerprint: "g"},
	} {
		if f.Same(other) || !f.Same(f) {
			t.Errorf("%d: %+v is the same as %+v", i, f, other)
		}
	}
}

func TestFindingsStopAtAnInterruption(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	found := []sighting{{"fake", Match{Rule: "Rule", Secret: secret.New("x")}}}
	if _, err := new(Scanner).newFindings(ctx, "file", found); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
}

func TestRedact(t *testing.T) {
	tests := map[string]string{
		"":                       secret.Mask,
		"ghp_0123456789abcde":    secret.Mask, // 19 bytes
		"ghp_0123456789abcdef":   "ghp_***",
		"sk-ant-0123456789abcd":  "sk-a***",
		"correct horse battery":  secret.Mask,
		"tabs\tin0123456789abcd": secret.Mask,
		"-----BEGIN KEY-----\nx": secret.Mask,
		"pa$s0123456789abcdefgh": secret.Mask,
		"éa0123456789abcdefghij": secret.Mask,
	}
	for plain, want := range tests {
		if got := redactSecret(secret.New(plain)); got != want {
			t.Errorf("redact(%q) is %q, want %q", plain, got, want)
		}
	}
}

// shownStart reimplements redact as an expression, with bytes as Latin-1.
var shownStart = regexp.MustCompile(`(?s)^([A-Za-z0-9_-]{4})[^ \t\r\n]{16,}$`)

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"", "ghp_0123456789abcdef", "ghp_0123456789abcdef\n", "été-0123456789abcdef",
		"\xff\xfe\xfd\xfc0123456789abcdef"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, plain string) {
		latin := make([]rune, len(plain))
		for i, b := range []byte(plain) {
			latin[i] = rune(b)
		}
		want := secret.Mask
		if m := shownStart.FindStringSubmatch(string(latin)); m != nil {
			want = m[1] + secret.Mask
		}
		got := redactSecret(secret.New(plain))
		if got != want {
			t.Errorf("redact(%q) is %q, want %q", plain, got, want)
		}
		if visible := strings.TrimSuffix(got, secret.Mask); len(visible) > 4 || 5*len(visible) > len(plain) {
			t.Errorf("%d of %d bytes are shown", len(visible), len(plain))
		}
	})
}

func TestUnique(t *testing.T) {
	at := func(line, column int, change func(*Match)) Match {
		m := Match{Rule: "Rule", Secret: secret.New("one"), Line: line, Column: column}
		if change != nil {
			change(&m)
		}
		return m
	}
	encoded := func(as string) func(*Match) { return func(m *Match) { m.Encoding = as } }
	tests := []struct {
		name     string
		in, want []Match
	}{
		{"nothing", nil, nil},
		{"the same place", []Match{at(1, 2, nil), at(1, 2, nil)}, []Match{at(1, 2, nil)}},
		{"two places in a line", []Match{at(1, 9, nil), at(1, 2, nil)}, []Match{at(1, 2, nil), at(1, 9, nil)}},
		{"a place beats a line", []Match{at(1, 0, nil), at(1, 2, nil)}, []Match{at(1, 2, nil)}},
		{"plain beats encoded", []Match{at(1, 0, encoded("BASE64")), at(1, 0, nil)}, []Match{at(1, 0, nil)}},
		{"one of two encodings", []Match{at(1, 0, encoded("UTF16")), at(1, 0, encoded("BASE64"))}, []Match{at(1, 0, encoded("BASE64"))}},
		{"encoded in another line", []Match{at(1, 2, nil), at(2, 0, encoded("BASE64"))}, []Match{at(1, 2, nil), at(2, 0, encoded("BASE64"))}},
		{
			"other rule, other secret",
			[]Match{at(1, 2, nil), at(1, 2, func(m *Match) { m.Rule = "Two" }),
				at(1, 2, func(m *Match) { m.Secret = secret.New("two") })},
			[]Match{at(1, 2, nil), at(1, 2, func(m *Match) { m.Secret = secret.New("two") }),
				at(1, 2, func(m *Match) { m.Rule = "Two" })},
		},
		{
			"inside of an archive and beside it",
			[]Match{at(0, 0, func(m *Match) { m.Inside = true }), at(0, 0, nil)},
			[]Match{at(0, 0, nil), at(0, 0, func(m *Match) { m.Inside = true })},
		},
		{
			"live beats not known",
			[]Match{at(1, 2, func(m *Match) { m.Verification = Unknown }), at(1, 2, func(m *Match) { m.Verification = Live })},
			[]Match{at(1, 2, func(m *Match) { m.Verification = Live })},
		},
	}
	reveal := cmp.Transformer("reveal", func(v secret.Value) string { return v.Reveal() })
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.in)
			if diff := cmp.Diff(test.want, removeDuplicates(test.in), reveal); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(before, test.in, reveal); diff != "" {
				t.Errorf("the matches themselves changed:\n%s", diff)
			}
		})
	}
}

// TestFindingsDoNotDependOnTheOrder shuffles the matches, because detectors report in map
// order.
func TestFindingsDoNotDependOnTheOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	var matches []Match
	for range 60 {
		matches = append(matches, Match{
			Rule: one("A", "B"), Secret: secret.New(one("one", "two")), Line: random.IntN(2), Column: random.IntN(3),
			Encoding: one("", "BASE64", "UTF16"), Inside: random.IntN(2) == 0,
			Verification: Verification(one(string(Live), string(Unknown), string(Dead))),
		})
	}
	var want []Finding
	for range 6 {
		random.Shuffle(len(matches), func(i, j int) { matches[i], matches[j] = matches[j], matches[i] })
		var sightings []sighting
		for _, m := range removeDuplicates(matches) {
			sightings = append(sightings, sighting{"fake", m})
		}
		got, err := new(Scanner).newFindings(t.Context(), "file", sightings)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, compareFindings)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("another order gives other findings:\n%s", diff)
		}
	}
}

func TestPosition(t *testing.T) {
	for want, f := range map[string]Finding{
		"a/b.yml":           {Path: "a/b.yml"},
		"a/b.yml:3":         {Path: "a/b.yml", Line: 3},
		"a/b.yml:3:7":       {Path: "a/b.yml", Line: 3, Column: 7},
		`"a\nb.yml":3:7`:    {Path: "a\nb.yml", Line: 3, Column: 7},
		`"a\x1b[31mb.yml"`:  {Path: "a\x1b[31mb.yml"},
		`"a\u202eb.yml":3`:  {Path: "a\u202eb.yml", Line: 3},
		"é/Custom Code.yml": {Path: "é/Custom Code.yml"},
	} {
		if got := f.Position(); got != want {
			t.Errorf("position %s, want %s", got, want)
		}
	}
}

// TestOnePlaceIsOneFinding: several detectors at one position give one finding.
func TestOnePlaceIsOneFinding(t *testing.T) {
	at := func(scanner, rule, plain string, line, column int, where string) sighting {
		m := Match{Rule: rule, Secret: secret.New(plain), Line: line, Column: column, Where: where}
		if where != "" {
			m.Help = "help with " + where
		}
		return sighting{scanner, m}
	}
	tests := map[string]struct {
		in []sighting
		// want lists the rule of each finding, its other rules and its position.
		want []string
	}{
		"the same text": {
			[]sighting{at("a", "Github", "ghp_1", 1, 8, ""), at("b", "token", "ghp_1", 1, 8, "do[0]")},
			[]string{"Github+token do[0]"},
		},
		"a part of it": {
			[]sighting{at("a", "URI", "https://u:p4ss@host", 1, 8, ""), at("b", "url", "p4ss", 1, 18, "do[0]")},
			[]string{"URI+url do[0]"},
		},
		"overlapping": {
			[]sighting{at("a", "one", "12345", 1, 8, ""), at("b", "two", "45678", 1, 11, "x")},
			[]string{"one+two x"},
		},
		"beside each other": {
			[]sighting{at("a", "one", "12345", 1, 8, ""), at("b", "two", "67890", 1, 13, "x")},
			[]string{"one ", "two x"},
		},
		"a part of its normal form": {
			[]sighting{at("a", "URI", "postgresql://u:p4sswd@h", 1, 8, ""), at("b", "url", "p4sswd", 1, 60, "x")},
			[]string{"URI+url x"},
		},
		"another line": {
			[]sighting{at("a", "one", "12345", 1, 8, ""), at("b", "two", "12345", 2, 8, "x")},
			[]string{"one ", "two x"},
		},
		"place in the line not known": {
			[]sighting{at("a", "one", "12345", 1, 0, ""), at("b", "two", "234", 1, 8, "x")},
			[]string{"one+two x"},
		},
		"line not known": {
			[]sighting{at("a", "one", "12345", 0, 0, ""), at("b", "two", "12345", 0, 0, "x")},
			[]string{"one ", "two x"},
		},
		"the same detector twice": {
			[]sighting{at("a", "one", "12345", 1, 8, ""), at("a", "two", "12345", 1, 8, "x")},
			[]string{"one ", "two x"},
		},
		"three detectors": {
			[]sighting{at("a", "one", "12345", 1, 8, ""), at("b", "two", "12345", 1, 8, "x"),
				at("c", "three", "12345", 1, 8, "y")},
			[]string{"one+two+three x"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := new(Scanner).newFindings(t.Context(), "file", test.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range list {
				text := f.Rule
				for _, s := range f.Also {
					text += "+" + s.Rule
					if s.Fingerprint == f.Fingerprint || len(s.Fingerprint) != len(f.Fingerprint) {
						t.Errorf("fingerprint %s beside %s", s.Fingerprint, f.Fingerprint)
					}
				}
				got = append(got, text+" "+f.Where)
				if f.Where == "x" && f.Help != "help with x" {
					t.Errorf("help %q, want that of the place", f.Help)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
