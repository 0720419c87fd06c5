// SPDX-License-Identifier: AGPL-3.0-or-later

package known

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/scan"
)

const live = "Tr0ub4dor&3 with \"quotes\""

func read(t *testing.T, text string) *Set {
	t.Helper()
	s, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// places returns the positions and encodings of values in a text.
func places(t *testing.T, s *Set, text string) []string {
	t.Helper()
	result, err := s.Scan(t.Context(), scan.File{Path: "a.yml", Data: []byte(text)})
	if err != nil || result.Bytes != int64(len(text)) {
		t.Fatalf("%d bytes, error %v", result.Bytes, err)
	}
	var list []string
	for _, m := range result.Matches {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%d:%d %s", m.Line, m.Column, m.Encoding)))
		if m.Rule != Name || m.Verification != scan.Live || !m.Hidden {
			t.Errorf("match %+v", m)
		}
	}
	return list
}

// TestValuesAreFound: values are found verbatim and in the notations of files, but not within
// words.
func TestValuesAreFound(t *testing.T) {
	s := read(t, "sunrise-77x\n"+live+"\n")
	for text, want := range map[string][]string{
		"sunrise-77x":                        {"1:1"},
		"a: 1\nb: {c: sunrise-77x}\n":        {"2:8"},
		"sunrise-77xsunrise-77x":             nil,
		"sunrise-77x,sunrise-77x":            {"1:1", "1:13"},
		"é sunrise-77x\n\n\n'sunrise-77x'":   {"1:4", "4:2"},
		"mysunrise-77x sunrise-77xy":         nil,
		"postgres://u:sunrise-77x@db/x":      {"1:14"},
		"sunrise-77y":                        nil,
		"short":                              nil,
		"":                                   nil,
		"x: " + live:                         {"1:4"},
		`x: "Tr0ub4dor&3 with \"quotes\""`:   {"1:5"},
		"?p=Tr0ub4dor%263+with+%22quotes%22": {"1:4 URL"},
		"x: " + base64.StdEncoding.EncodeToString([]byte(live)):                {"1:4 BASE64"},
		"x: " + base64.StdEncoding.EncodeToString([]byte("sunrise-77x\n")):     {"1:4 BASE64"},
		strings.Repeat("lorem ipsum\n", 20_000) + "sunrise-77x":                {"20001:1"},
		strings.Repeat("sunrise-77", 20_000) + "\nsunrise-77x":                 {"2:1"},
		strings.Repeat("\n", 70_000) + "sunrise-77x " + strings.Repeat("y", 9): {"70001:1"},
	} {
		if diff := cmp.Diff(want, places(t, s, text)); diff != "" {
			t.Errorf("%.60q: -want +got:\n%s", text, diff)
		}
	}
}

// TestFormsOfFiles: every file format gives the same value.
func TestFormsOfFiles(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("sunrise-77x\n"))
	for name, text := range map[string]string{
		"lines":             "true\n\n# a comment\nsunrise-77x\n",
		"Windows":           "\xef\xbb\xbfA=1\r\nB=sunrise-77x\r\n",
		"PowerShell":        "\xff\xfe" + strings.Join(strings.Split("B=sunrise-77x\r\n", ""), "\x00") + "\x00",
		"environment":       "A=true\nexport B=sunrise-77x\n",
		"double quotes":     `B="sunrise-77x"`,
		"single quotes":     `B = 'sunrise-77x'`,
		"several lines":     "B=\"sunrise-77x\nsecond\"\nC=1",
		"Secret":            `{"kind":"Secret","data":{"p":"` + encoded + `"}}`,
		"plain Secret":      `{"kind":"Secret","stringData":{"p":"sunrise-77x"}}`,
		"list":              `{"kind":"List","items":[{"kind":"Secret","data":{"p":"` + encoded + `"}}]}`,
		"list of its kind":  `{"kind":"SecretList","items":[{"data":{"p":"` + encoded + `"}}]}`,
		"a value with a =":  "sunrise=77x\nanother",
		"in the same line":  "NAME=sunrise-77x",
		"with blanks after": "sunrise-77x   ",
	} {
		s := read(t, text)
		in := "x: sunrise-77x"
		switch name {
		case "a value with a =":
			in = "x: sunrise=77x"
		case "several lines":
			in = "x: sunrise-77x\nsecond"
		}
		if got := places(t, s, in); len(got) != 1 {
			t.Errorf("%s: found at %v", name, got)
		}
	}
}

// TestWeakValues: weak values are counted but not compared.
func TestWeakValues(t *testing.T) {
	s := read(t, "true\n1\nadmin\nproduct\n00000000\nsunrise-77x\n")
	if all, weak := s.Count(); all != 6 || weak != 5 {
		t.Errorf("%d values, %d weak", all, weak)
	}
	if all, weak := read(t, "DEBUG=true\nNAME=sunrise-77x\n").Count(); all != 2 || weak != 1 {
		t.Errorf("%d variables, %d weak", all, weak)
	}
	if got := places(t, s, "a: true\nb: admin\nc: 00000000\nd: product\n"); got != nil {
		t.Errorf("found %v", got)
	}
}

// TestMistakes: errors do not reveal values.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: Secret\ndata:\n  p: sunrise-77x\n":                "it is YAML",
		`{"kind":"ConfigMap","data":{"p":"sunrise-77x"}}`:                        `kind "ConfigMap"`,
		`{"kind":"Secret","data":{"p":"sunrise-77x!"}}`:                          "data.p of the Secret is not base64",
		`{"kind":"Secret","data":{"p":["sunrise-77x"]}}`:                         "cannot be decoded",
		`{"kind":"Secret","data":"sunrise-77x`:                                   "cannot be decoded",
		`["sunrise-77x"]`:                                                        "cannot be decoded",
		`{"kind":"List","items":[{"kind":"Pod"}]}`:                               `item 1 of the list is of the kind "Pod"`,
		`{"kind":"List","items":[{"kind":"Secret","data":{"p":"sunrise-77x"}}]}`: "not base64",
		strings.Join(strings.Split("sunrise-77x", ""), "\x00"):                   "NUL bytes: save it as UTF-8",
		"A=\"sunrise-77x\nmore":                                                  "line 1: the quote",
		strings.Repeat("x\n", maxValues+1):                                       "more than 100000 values",
	} {
		_, err := Read([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sunrise") {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

// TestDescriptionHasNoValue: release manifests contain the description.
func TestDescriptionHasNoValue(t *testing.T) {
	if diff := cmp.Diff(read(t, "sunrise-77x").Describe(), read(t, "moonrise-88x").Describe()); diff != "" {
		t.Errorf("descriptions differ:\n%s", diff)
	}
}

func TestScanEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := read(t, "sunrise-77x").Scan(ctx, scan.File{Data: make([]byte, 100)}); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
}

// FuzzScan: a value that adjoins no word is found in any file.
func FuzzScan(f *testing.F) {
	f.Add("NAME=sunrise-77x", "before ", " after")
	f.Fuzz(func(t *testing.T, values, before, after string) {
		s, err := Read([]byte(values + "\nmoonrise-88x"))
		if err != nil {
			return
		}
		text := before + "\nmoonrise-88x\n" + after
		result, err := s.Scan(t.Context(), scan.File{Path: "f", Data: []byte(text)})
		if err != nil || result.Bytes != int64(len(text)) {
			t.Fatalf("%d of %d bytes, error %v", result.Bytes, len(text), err)
		}
		for _, m := range result.Matches {
			if strings.Contains(m.Secret.Reveal(), "moonrise-88x") {
				return
			}
		}
		t.Errorf("%q does not have the value", text)
	})
}

func BenchmarkScan(b *testing.B) {
	s, err := Read([]byte("sunrise-77x\n" + live))
	if err != nil {
		b.Fatal(err)
	}
	data := []byte(strings.Repeat("lorem ipsum dolor sit amet\n", 40_000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := s.Scan(b.Context(), scan.File{Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}
