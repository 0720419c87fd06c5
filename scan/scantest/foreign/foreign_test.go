// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/scantest/programs"
)

// TestPlaces: a file without a secret has no finding, so that what counts is the secret; and the
// files are valid YAML that has the secret.
func TestPlaces(t *testing.T) {
	detector, err := dsul.New(dsul.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range listPlaces() {
		result, err := detector.Scan(t.Context(), scan.File{Path: "w/" + p.file, Data: p.write(p.neutral, "blue")})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range result.Matches {
			t.Errorf("%s: finding %s in line %d without a secret", p.name, m.Rule, m.Line)
		}
		secret := "Zk8Lq2\"Vn7"
		if p.plain {
			secret = "Zk8Lq2Vn7"
		}
		data := p.write(p.telling, secret)
		if filepath.Ext(p.file) == ".yml" {
			var document map[string]any
			if err := yaml.Unmarshal(data, &document); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
		if quoted := strconv.Quote(secret); !bytes.Contains(data, []byte(quoted[1:len(quoted)-1])) || !p.fits(secret) {
			t.Errorf("%s: no secret in %s", p.name, data)
		}
	}
}

func TestPlainPlaces(t *testing.T) {
	for secret, want := range map[string]bool{
		"Zk8/+=-_.:": true, "a'b": false, "a\"b": false, "a\nb": false, "a}b": false,
	} {
		if got := (place{plain: true}).fits(secret); got != want {
			t.Errorf("%q fits: %v", secret, got)
		}
	}
}

func TestGoExamples(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"one/one_test.go": `package one
const key = "k" + "1"
var cases = []struct{ input string; want []string }{
	{input: "nothing", want: nil},
	{input: fmt.Sprintf("%s = '%s'", "name", key), want: []string{key}},
	{input: "k2", want: []string{"k2"}},
}`,
		"pair/pair_test.go": `package pair
func test() {
	id, secret := "i1", "s1"
	run(test{input: "i1 s1", want: []string{id + ":" + secret, secret}})
}`,
		"accept/accept_test.go":         "package accept\nfunc test() { velestest.AcceptDetector(t, d, \"a1\", want) }",
		"unknown/unknown_test.go":       "package unknown\nvar c = test{input: read(), want: []string{\"x\"}}",
		"loop/loop_test.go":             "package loop\nvar a, b = b, a\nvar c = test{input: a, want: []string{a}}",
		"live/live_integration_test.go": "package live\nvar c = test{input: \"l1\", want: []string{\"l1\"}}",
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := goExamples(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []example{{"accept", "a1", "a1"}, {"one", "name = 'k1'", "k1"}, {"pair", "i1 s1", "s1"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(example{})); diff != "" {
		t.Errorf("examples: -want +got:\n%s", diff)
	}
}

// TestSample: the order of a list does not change its sample.
func TestSample(t *testing.T) {
	list := []string{"a", "b", "c", "d", "e", "f", "g"}
	backwards := slices.Clone(list)
	slices.Reverse(backwards)
	key := func(s string) string { return s }
	first, second := sample(list, 3, key), sample(backwards, 3, key)
	if diff := cmp.Diff(first, second); diff != "" || len(first) != 3 {
		t.Errorf("samples %v and %v", first, second)
	}
	if all := sample(list, 9, key); len(all) != len(list) {
		t.Errorf("sample of all: %v", all)
	}
}

func TestIsSampled(t *testing.T) {
	for name, want := range map[string]bool{
		"charts/a/values.yaml": true, "README.md": true, "conf/app.ini": true, "docs/testing.md": true,
		"main.go": false, "pkg/testdata/a.yml": false, "__tests__/a.json": false, "e2e/a.yml": false, "a/fixtures/b.md": false,
	} {
		if got := isSampled(name); got != want {
			t.Errorf("%s is sampled: %v", name, got)
		}
	}
}

func TestLabelledLines(t *testing.T) {
	at := func(file string, line int) programs.Finding { return programs.Finding{File: file, Line: line} }
	findings := []programs.Finding{at("bad", 3), at("bad", 3), at("bad", 4), at("worse", 1), at("good", 7)}
	named := labelled{
		risky: map[string]int{"bad": 2, "good": 0},
		lines: map[programs.Finding]bool{at("bad", 3): true, at("bad", 9): true},
	}
	if found, wrong := named.count(findings); found != 1 || wrong != 1 {
		t.Errorf("named lines: %d found, %d wrong; want 1 and 1", found, wrong)
	}
	counted := labelled{risky: map[string]int{"bad": 1, "worse": 5, "good": 0}}
	if found, wrong := counted.count(findings); found != 2 || wrong != 1 {
		t.Errorf("counted lines: %d found, %d wrong; want 2 and 1", found, wrong)
	}
}

// TestJudge counts findings by verdict. What nobody has judged is a false alarm.
func TestJudge(t *testing.T) {
	verdicts := map[spot]verdict{{"a", "1"}: {demo, "d"}, {"a", "2"}: {madeUp, "m"}, {"b", "1"}: {falseAlarm, "words"}}
	findings := []programs.Finding{
		{File: "a", Line: 1}, {File: "a", Line: 2}, {File: "b", Line: 1}, {File: "b", Line: 1}, {File: "c", Line: 9},
	}
	reasons := map[string]int{}
	m := &meter{}
	if got, want := m.judge(newTree(""), 1000, findings, verdicts, reasons), "1 | 1 | 3 (3.0) "; got != want {
		t.Errorf("columns %q, want %q", got, want)
	}
	if diff := cmp.Diff(map[string]int{"words": 2, "not judged": 1}, reasons); diff != "" {
		t.Errorf("reasons: -want +got:\n%s", diff)
	}
	m.writeReasons(reasons)
	if want := reasonsIntro + "| 2 | words |\n| 1 | not judged |\n"; m.text.String() != want {
		t.Errorf("table %q, want %q", m.text.String(), want)
	}
}

// TestVerdicts: the verdicts can be read, and each has a reason.
func TestVerdicts(t *testing.T) {
	verdicts, err := readVerdicts()
	if err != nil {
		t.Fatal(err)
	}
	for at, v := range verdicts {
		if line, err := strconv.Atoi(at.line); err != nil || line < 1 || v.reason == "" {
			t.Errorf("%s,%s: line or reason is missing", at.file, at.line)
		}
		if !slices.Contains([]string{demo, madeUp, falseAlarm}, v.kind) {
			t.Errorf("%s,%s: unknown verdict %q", at.file, at.line, v.kind)
		}
	}
}

// TestUnpack: only sampled files are written, and none outside of the directory.
func TestUnpack(t *testing.T) {
	var archive bytes.Buffer
	gz := gzip.NewWriter(&archive)
	tw := tar.NewWriter(gz)
	add := func(name string) {
		t.Helper()
		if err := tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	closeAll := func() {
		if err := tw.Close(); err != nil {
			t.Fatal(err)
		}
		if err := gz.Close(); err != nil {
			t.Fatal(err)
		}
	}
	add("package/README.md")
	add("package/docs/a.md")
	add("package/index.js")
	closeAll()
	dir := filepath.Join(t.TempDir(), "a")
	if err := unpack(archive.Bytes(), dir); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pattern := range []string{"*.*", "docs/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if want := []string{filepath.Join(dir, "README.md"), filepath.Join(dir, "docs/a.md")}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	archive.Reset()
	gz = gzip.NewWriter(&archive)
	tw = tar.NewWriter(gz)
	add("package/../../../evil.md")
	closeAll()
	if err := unpack(archive.Bytes(), dir); err == nil {
		t.Error("a file outside of the directory is no error")
	}
}

// TestReuse: the report of a pinned program is read again for the same files, and written for
// other files. The builder runs each time.
func TestReuse(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "runs")
	p := programs.All(programs.Paths{})[2]
	p.Shell = func(_, out string) string { return "echo run >>" + log + "; echo '[]' >" + out }
	m := &meter{}
	for _, step := range []struct {
		text  string
		reuse bool
		runs  int
	}{{"a", true, 1}, {"a", true, 1}, {"b", true, 2}, {"a", false, 3}} {
		tree := newTree(filepath.Join(dir, "tree"))
		tree.files["w/a.txt"] = []byte(step.text)
		if _, err := m.runProgram(t.Context(), p, tree, step.reuse); err != nil {
			t.Fatal(err)
		}
		runs, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(runs, []byte("\n")); n != step.runs {
			t.Errorf("%+v: %d runs", step, n)
		}
	}
}

// TestFirstOfRules: the order in which examples are made up does not change which ones are taken.
func TestFirstOfRules(t *testing.T) {
	a, b, c := example{"r", "a", "1"}, example{"r", "b", "2"}, example{"q", "z", "3"}
	for _, list := range [][]example{{b, a, c}, {c, a, b}} {
		if got := firstOfRules(list, 1); !slices.Equal(got, []example{c, a}) {
			t.Errorf("examples %v", got)
		}
	}
}
