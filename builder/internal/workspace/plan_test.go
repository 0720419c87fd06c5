// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/internal/release"
)

// planOf plans workspaces written as "slug group app: used, used".
func planOf(t *testing.T, groups []string, lines ...string) (*Plan, []diagnostic.Diagnostic) {
	t.Helper()
	r := &Repository{explicit: true}
	for _, g := range groups {
		r.groups = append(r.groups, Group{Name: g})
	}
	for _, line := range lines {
		head, used, _ := strings.Cut(line, ":")
		f := strings.Fields(head)
		w := Workspace{Slug: f[0], App: Text{Value: "App " + f[0]}}
		for _, g := range strings.Split(f[1], ",") {
			w.Groups = append(w.Groups, Text{Value: g})
		}
		for i, app := range strings.Fields(used) {
			w.DependsOn = append(w.DependsOn, Text{
				Value: "App " + app,
				At:    Position{File: f[0] + "/.import.yml", Line: i + 1, Column: 5},
			})
		}
		r.Workspaces = append(r.Workspaces, w)
	}
	return r.Plan()
}

func order(p *Plan) string {
	var out []string
	for _, g := range p.Manifest() {
		out = append(out, g.Name+"="+strings.Join(g.Workspaces, ","))
	}
	return strings.Join(out, " ")
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want string
	}{
		{"by slug among equals", []string{"a g1", "b g1", "c g1"}, "g1=a,b,c g2="},
		{"providers first", []string{"a g1: c", "b g1", "c g1"}, "g1=b,c,a g2="},
		{"a chain", []string{"a g1: b", "b g1: c", "c g1: d", "d g1"}, "g1=d,c,b,a g2="},
		{"a diamond", []string{"a g1: b c", "b g1: d", "c g1: d", "d g1"}, "g1=d,b,c,a g2="},
		{"a provider of an earlier group counts as done", []string{"a g2: b", "b g1", "c g2: a"}, "g1=b g2=a,c"},
		{"a provider of a later group does not hold up", []string{"a g1: b", "b g2"}, "g1=a g2=b"},
		{"in two groups", []string{"a g1,g2: b", "b g1,g2"}, "g1=b,a g2=b,a"},
		{"a cycle is cut and the rest is in order",
			[]string{"a g1: b", "b g1: a", "c g1", "d g1: a"}, "g1=c,a,b,d g2="},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, _ := planOf(t, []string{"g1", "g2"}, c.in...)
			if got := order(plan); got != c.want {
				t.Errorf("order is %s, want %s", got, c.want)
			}
		})
	}
}

func TestCycles(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want []string
	}{
		{"none", []string{"a g: b", "b g: c", "c g"}, nil},
		{"of one", []string{"a g: a"}, []string{"a → a (a/.import.yml:1:5)"}},
		{"of two", []string{"a g: b", "b g: a"}, []string{"a → b → a (a/.import.yml:1:5, b/.import.yml:1:5)"}},
		{"of three, and one that depends on it", []string{"a g: b", "b g: z c", "c g: d", "d g: b", "z g"},
			[]string{"b → c → d → b (b/.import.yml:2:5, c/.import.yml:1:5, d/.import.yml:1:5)"}},
		{"two apart", []string{"a g: b", "b g: a", "c g: d", "d g: c"}, []string{
			"a → b → a (a/.import.yml:1:5, b/.import.yml:1:5)",
			"c → d → c (c/.import.yml:1:5, d/.import.yml:1:5)"}},
		{"two that share a workspace are one report", []string{"a g: b c", "b g: a", "c g: a"},
			[]string{"a → b → a (a/.import.yml:1:5, b/.import.yml:1:5)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ds := planOf(t, []string{"g"}, c.in...)
			var got []string
			for _, d := range ds {
				if d.Rule != ruleDependencyCycle || d.Severity != diagnostic.Error {
					t.Errorf("unexpected %s %s", d.Severity, d.Rule)
				}
				_, path, _ := strings.Cut(d.Message, ": ")
				got = append(got, path)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("cycles (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCycleAcrossGroupsIsReportedWithTheOrder(t *testing.T) {
	_, ds := planOf(t, []string{"g1", "g2"}, "a g1: b", "b g2: a")
	want := []string{"error dependency-cycle a/.import.yml:1:5", "error dependency-order a/.import.yml:1:5"}
	if diff := cmp.Diff(want, brief(ds)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

func TestEmptyGroups(t *testing.T) {
	_, plan, _ := collect(Options{}, pair())
	if got, want := order(plan), "base1=alpha base2=beta"; got != want {
		t.Errorf("with default groups the order is %s, want %s", got, want)
	}
	_, plan, _ = collect(Options{Groups: []Group{{Name: "base1"}, {Name: "new"}}}, pair())
	if got, want := order(plan), "base1=alpha new="; got != want {
		t.Errorf("with configured groups the order is %s, want %s", got, want)
	}
}

func TestManyWorkspacesArePlanned(t *testing.T) {
	var lines []string
	const n = 1000
	for i := range n {
		line := fmt.Sprintf("w%04d g:", i)
		for j := max(0, i-10); j < i; j++ {
			line += fmt.Sprintf(" w%04d", j)
		}
		lines = append(lines, line)
	}
	plan, ds := planOf(t, []string{"g"}, lines...)
	if len(ds) > 0 || len(plan.Groups[0].Workspaces) != n || len(plan.Dependencies) < 9*n {
		t.Errorf("%d diagnostics, %d workspaces, %d dependencies", len(ds), len(plan.Groups[0].Workspaces),
			len(plan.Dependencies))
	}
}

// compareRendering compares with a file of testdata what render writes, and returns it.
func compareRendering(t *testing.T, name string, render func(io.Writer) error) []byte {
	t.Helper()
	var got bytes.Buffer
	if err := render(&got); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join("testdata", name), got.Bytes())
	return got.Bytes()
}

// hostilePlan has names that look like syntax of the output formats.
func hostilePlan(t *testing.T) *Plan {
	plan, _ := planOf(t, []string{`g"1`, "g2"}, `a g2: b c`, `b g"1`)
	for i := range plan.Groups {
		for j := range plan.Groups[i].Workspaces {
			plan.Groups[i].Workspaces[j].Version = "v1\\ \"<&>\x1b\n"
		}
	}
	return plan
}

func TestRenderers(t *testing.T) {
	_, examplePlan, _ := collect(Options{}, readTree(t, examples))
	for name, plan := range map[string]*Plan{"examples": examplePlan, "hostile": hostilePlan(t)} {
		t.Run(name, func(t *testing.T) {
			compareRendering(t, name+".txt", plan.WriteText)
			compareRendering(t, name+".dot", plan.WriteDOT)
			compareRendering(t, name+".mmd", plan.WriteMermaid)
			data := compareRendering(t, name+".json", plan.WriteJSON)
			var back Plan
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plan, &back); diff != "" {
				t.Errorf("plan after JSON (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDOTIsValid runs Graphviz if it is installed; the goldens hold output that it accepted.
func TestDOTIsValid(t *testing.T) {
	dot := needs.Program(t, "dot")
	var in bytes.Buffer
	if err := hostilePlan(t).WriteDOT(&in); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dot, "-Tplain")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("rror")) {
		t.Errorf("dot: %v\n%s", err, out)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRenderersReportWriteErrors(t *testing.T) {
	plan := hostilePlan(t)
	for name, render := range map[string]func(io.Writer) error{
		"text": plan.WriteText,
		"dot":  plan.WriteDOT,
		"json": plan.WriteJSON,
	} {
		if err := render(brokenWriter{}); err == nil {
			t.Errorf("%s: no error from a broken writer", name)
		}
	}
}

func TestManifest(t *testing.T) {
	repo, plan, ds := collect(Options{}, pair())
	if len(ds) > 0 {
		t.Fatal(brief(ds))
	}
	m := &release.Manifest{
		SchemaVersion: release.SchemaVersion,
		Name:          "v1",
		Created:       time.Unix(0, 0).UTC(),
		Repository:    release.Repository{ID: "release", Name: "Release v1", Directory: "/www/workspaces"},
		Groups:        plan.Manifest(),
		Workspaces:    repo.Manifest(),
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	beta, _ := m.Workspace("beta")
	sample := workspacetest.Sample{Slug: "beta", Groups: []string{"base2"}, Uses: []string{"Alpha App"}}.Files()
	size := 0
	for _, text := range sample {
		size += len(text)
	}
	want := release.Workspace{
		Slug: "beta", ID: "id-beta", Name: "Sample", Version: "v1.0.0", DependsOn: []string{"Alpha App"},
		Files: len(sample), Bytes: int64(size), Digest: beta.Digest, Requires: release.Requirements{
			Secrets: []string{"apiKey"},
		},
	}
	if diff := cmp.Diff(want, beta); diff != "" {
		t.Errorf("workspace (-want +got):\n%s", diff)
	}
}
