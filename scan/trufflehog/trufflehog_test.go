// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/scan"
)

// goList returns the output of go list for TruffleHog's module.
func goList(t *testing.T, format string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", format, modulePath).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", modulePath, err)
	}
	return strings.TrimSpace(string(out))
}

func TestPinnedVersion(t *testing.T) {
	if got := goList(t, "{{.Version}}"); got != pinnedVersion {
		t.Errorf("go.mod requires %s, pinnedVersion is %s", got, pinnedVersion)
	}
}

// otherFeatures are switches for sources that this package does not use.
var otherFeatures = []string{"UseGitMirror", "UseSimplifiedGitlabEnumeration"}

// TestFeatures compares the switches that we set with those that the program's main sets
// unconditionally.
func TestFeatures(t *testing.T) {
	theirs := map[string]bool{}
	for _, decl := range parseFile(t, filepath.Join(goList(t, "{{.Dir}}"), "main.go")).Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
			for _, statement := range f.Body.List {
				if name, ok := switchedOn(statement); ok && !slices.Contains(otherFeatures, name) {
					theirs[name] = true
				}
			}
		}
	}
	ours := map[string]bool{}
	ast.Inspect(parseFile(t, "trufflehog.go"), func(n ast.Node) bool {
		if name, ok := featureName(n); ok {
			ours[name] = true
		}
		return true
	})
	if diff := cmp.Diff(theirs, ours); diff != "" || len(theirs) < 20 {
		t.Errorf("main.go switches %d features on; -theirs +ours:\n%s", len(theirs), diff)
	}
}

func parseFile(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// switchedOn returns the name of the feature in feature.Name.Store(true).
func switchedOn(statement ast.Stmt) (string, bool) {
	expression, ok := statement.(*ast.ExprStmt)
	if !ok {
		return "", false
	}
	call, ok := expression.X.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return "", false
	}
	store, ok := call.Fun.(*ast.SelectorExpr)
	if value, isName := call.Args[0].(*ast.Ident); !ok || !isName || value.Name != "true" || store.Sel.Name != "Store" {
		return "", false
	}
	return featureName(store.X)
}

// featureName returns the name in feature.Name.
func featureName(n ast.Node) (string, bool) {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return selector.Sel.Name, ok && pkg.Name == "feature"
}

// newDefault returns a detector with the defaults of our programs, changed by opts.
func newDefault(t *testing.T, opts Options) *Detector {
	t.Helper()
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rules scans a text and returns the sorted rules of the findings.
func rules(t *testing.T, d *Detector, text string) []string {
	t.Helper()
	result, err := d.Scan(t.Context(), scan.File{Path: "w/index.yml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range result.Matches {
		found[m.Rule] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// TestFamilies: every kind of secret is found alone, and at a chunk boundary before, within or
// after it.
func TestFamilies(t *testing.T) {
	d, p := newDefault(t, Options{}), newPlanter()
	const boundary = 10 << 10
	for _, f := range families {
		text := f.plant(p)
		places := map[string]string{"alone": "value: " + text + "\n"}
		for name, before := range map[string]int{"before": len(text), "in": len(text) / 2, "behind": 0} {
			places["with the end of a chunk "+name] = filler(boundary-before-1) + "\n" + text + "\n" + filler(5000)
		}
		for place, content := range places {
			if found := rules(t, d, content); !slices.Contains(found, f.detector) {
				t.Errorf("%s, %s: found %v", f.detector, place, found)
			}
		}
	}
}

// TestIgnoreComments: authors of workspaces cannot suppress findings.
func TestIgnoreComments(t *testing.T) {
	d, p := newDefault(t, Options{}), newPlanter()
	for _, f := range families[:10] {
		text := strings.ReplaceAll(f.plant(p), "\n", " ")
		content := fmt.Sprintf("a: %s # trufflehog:ignore\n# trufflehog:ignore\nb: %s\n", text, text)
		result, err := d.Scan(t.Context(), scan.File{Path: "w/index.yml", Data: []byte(content)})
		if err != nil {
			t.Fatal(err)
		}
		lines := map[int]bool{}
		for _, m := range result.Matches {
			if m.Rule == f.detector {
				lines[m.Line] = true
			}
		}
		if !lines[1] || !lines[3] {
			t.Errorf("%s: found in lines %v, want 1 and 3", f.detector, lines)
		}
	}
}

// TestNoEgress: a scan without verification makes no DNS lookups. A scan with verification
// shows that the test would notice a lookup.
func TestNoEgress(t *testing.T) {
	var lookups atomic.Int32
	errOffline := errors.New("offline")
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		lookups.Add(1)
		return nil, errOffline
	}}
	p, quiet := newPlanter(), newDefault(t, Options{})
	for _, f := range families {
		rules(t, quiet, "value: "+f.plant(p)+"\n")
	}
	if n := lookups.Load(); n != 0 {
		t.Errorf("%d names are looked up without verification", n)
	}
	github := families[0]
	result, err := newDefault(t, Options{Include: []string{github.detector}, Verify: true}).
		Scan(t.Context(), scan.File{Path: "w/index.yml", Data: []byte(github.plant(p))})
	if err != nil || len(result.Matches) == 0 || result.Matches[0].Verification != scan.Unknown {
		t.Errorf("matches %v, error %v; want one that is not known to be live", result.Matches, err)
	}
	if lookups.Load() == 0 {
		t.Error("a verification looks up no name: this test cannot see egress")
	}
}

func TestSelection(t *testing.T) {
	github, gitlab := families[0], families[1]
	p := newPlanter()
	text := github.plant(p) + "\n" + gitlab.plant(p) + "\n"
	tests := map[string]struct {
		opts Options
		want []string
	}{
		"all":             {Options{}, []string{"Github", "Gitlab"}},
		"by name":         {Options{Include: []string{"github"}}, []string{"Github"}},
		"by number":       {Options{Include: []string{"8"}}, []string{"Github"}},
		"several":         {Options{Include: []string{"github", "gitlab"}}, []string{"Github", "Gitlab"}},
		"with commas":     {Options{Include: []string{"github,gitlab"}}, []string{"Github", "Gitlab"}},
		"but one":         {Options{Exclude: []string{"gitlab"}}, []string{"Github"}},
		"another version": {Options{Exclude: []string{"github.v1"}}, []string{"Github", "Gitlab"}},
		"both":            {Options{Include: []string{"github", "gitlab"}, Exclude: []string{"github"}}, []string{"Gitlab"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, rules(t, newDefault(t, test.opts), text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for name, opts := range map[string]Options{
		"unknown":      {Include: []string{"no-such-detector"}},
		"not excluded": {Exclude: []string{"no-such-detector"}},
		"none is left": {Include: []string{"github"}, Exclude: []string{"github"}},
	} {
		if _, err := New(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestDescription: the digest depends on the enabled detectors.
func TestDescription(t *testing.T) {
	all, again := newDefault(t, Options{}).Describe(), newDefault(t, Options{}).Describe()
	if diff := cmp.Diff(all, again); diff != "" {
		t.Errorf("two detectors of the same kind differ:\n%s", diff)
	}
	if all.Name != "trufflehog" || all.Version != pinnedVersion || all.Detectors < 800 {
		t.Errorf("description %+v", all)
	}
	if fewer := newDefault(t, Options{Exclude: []string{"github"}}).Describe(); fewer.Rules == all.Rules ||
		fewer.Detectors >= all.Detectors {
		t.Errorf("without some detectors it is %+v", fewer)
	}
}

// TestPlaces checks the positions of secrets.
func TestPlaces(t *testing.T) {
	d, text := newDefault(t, Options{Include: []string{"github"}}), families[0].plant(newPlanter())
	tests := map[string]struct {
		content      string
		line, column int
	}{
		"first":           {text, 1, 1},
		"in a line":       {"a: b\nc: " + text + "\n", 2, 4},
		"line feeds":      {"a: b\r\nc: " + text + "\r\n", 2, 4},
		"in a late chunk": {filler(40<<10-1) + "\n\nkey: " + text, strings.Count(filler(40<<10-1), "\n") + 3, 6},
		"in base64":       {"a: b\nc: " + encodings["base64"](text+" ") + "\n", 2, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := d.Scan(t.Context(), scan.File{Path: "f", Data: []byte(test.content)})
			if err != nil || len(result.Matches) == 0 {
				t.Fatalf("%d matches, error %v", len(result.Matches), err)
			}
			if m := result.Matches[0]; m.Line != test.line || m.Column != test.column {
				t.Errorf("found at %d:%d, want %d:%d", m.Line, m.Column, test.line, test.column)
			}
		})
	}
}
