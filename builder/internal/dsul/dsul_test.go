// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
)

// check returns the findings in the files of an archive, as "file:line:column rule message". Lines
// of its comment such as "app w=Chat" declare that workspace w publishes app Chat.
func check(archive *txtar.Archive) []string {
	r := New()
	reader := NewReader()
	for _, f := range archive.Files {
		slug, name, _ := strings.Cut(f.Name, "/")
		r.Add(slug, name, reader.Read(fileOf(name, f.Data)))
	}
	for line := range strings.Lines(string(archive.Comment)) {
		if app, ok := strings.CutPrefix(strings.TrimSpace(line), "app "); ok {
			slug, app, _ := strings.Cut(app, "=")
			r.Publish(slug, app)
		}
	}
	var out []string
	for _, f := range r.Check() {
		out = append(out, fmt.Sprintf("%s:%d:%d %s %s", f.File, f.Line, f.Column, f.Rule, f.Message))
	}
	return out
}

func fileOf(name string, data []byte) File {
	return File{Name: name, Data: data, Root: func() *yaml.Node { return parse(data) }}
}

// do returns an automation with instructions.
func do(instructions string) []byte {
	return []byte("slug: main\nname: Main\ndo:\n" + instructions)
}

// TestCheck checks the workspaces in testdata, whose last file lists the findings. The order of the
// files must not matter.
func TestCheck(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	untested := map[string]bool{}
	for _, rule := range Rules() {
		untested[rule.ID] = true
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		last := len(archive.Files) - 1
		want := strings.Split(strings.TrimSuffix(string(archive.Files[last].Data), "\n"), "\n")
		want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
		archive.Files = archive.Files[:last]
		t.Run(filepath.Base(name), func(t *testing.T) {
			if diff := cmp.Diff(want, check(archive), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			slices.Reverse(archive.Files)
			if diff := cmp.Diff(want, check(archive), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("findings of the files in reverse (-want +got):\n%s", diff)
			}
		})
		for _, finding := range want {
			delete(untested, strings.Fields(finding)[1])
		}
	}
	if len(untested) > 0 {
		t.Errorf("no case provokes %v", slices.Sorted(maps.Keys(untested)))
	}
}

func TestEveryRuleSaysWhatToDo(t *testing.T) {
	for _, rule := range Rules() {
		if rule.Help == "" || strings.HasSuffix(rule.Help, ".") {
			t.Errorf("help of %s: %q", rule.ID, rule.Help)
		}
	}
}

// A workspace full of unresolved names must not take quadratic time.
func TestTimeIsLinear(t *testing.T) {
	r := New()
	reader := NewReader()
	for i := range 1000 {
		calls := fmt.Sprintf("  - automation-numbr-%d: {}\n  - wait:\n      oneOf:\n        - event: none.%d\n", i, i)
		name := fmt.Sprintf("automations/automation-number-%d.yml", i)
		r.Add("w", name, reader.Read(fileOf(name, do(calls))))
	}
	c := checker{Release: r, known: map[*workspace]map[string]*automation{}, budget: maxCompared}
	c.checkWorkspace(r.workspaces["w"])
	if len(c.found) != 2000 {
		t.Errorf("%d findings instead of 2000", len(c.found))
	}
	if c.budget > 0 {
		t.Errorf("%d comparisons are left, so that the test proves nothing", c.budget)
	}
}
