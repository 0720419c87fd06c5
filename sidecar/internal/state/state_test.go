// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// declared returns the declared string constants of a type in source order, so that no list can
// omit one.
func declared(t *testing.T, file, typeName string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typeName {
			values = append(values, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return false
	})
	return values
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for n, v := range list {
		out[n] = string(v)
	}
	return out
}

// TestListsAreComplete checks the lists with which metrics initialise their series.
func TestListsAreComplete(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		list []string
	}{
		"Reason":         {"reason.go", texts(state.Reasons())},
		"Phase":          {"phase.go", texts(state.Phases())},
		"GroupState":     {"phase.go", texts(state.GroupStates())},
		"WorkspaceState": {"phase.go", texts(state.WorkspaceStates())},
	} {
		if diff := cmp.Diff(declared(t, c.file, name), c.list); diff != "" || len(c.list) == 0 {
			t.Errorf("list of %s (-declared +listed):\n%s", name, diff)
		}
	}
}

// TestEveryReasonHasAdvice checks that the advice has a title, a remedy and a runbook.
func TestEveryReasonHasAdvice(t *testing.T) {
	for _, r := range state.Reasons() {
		a := state.Advise(r)
		if a.Title == "" || strings.HasSuffix(a.Title, ".") || len(a.Title) > 60 {
			t.Errorf("title of %s is %q", r, a.Title)
		}
		if !strings.HasSuffix(a.Remedy, ".") || len(a.Remedy) < 40 {
			t.Errorf("remedy of %s is %q", r, a.Remedy)
		}
		if a.Runbook == "" || strings.ContainsAny(a.Runbook, "/. ") {
			t.Errorf("runbook of %s is %q", r, a.Runbook)
		}
	}
	if a := state.Advise("no-such-reason"); a != (state.Advice{}) {
		t.Errorf("advice about nothing: %+v", a)
	}
}

// TestRunbooksExist checks that every runbook of the advice exists.
func TestRunbooksExist(t *testing.T) {
	pages := map[string]string{}
	for _, r := range state.Reasons() {
		pages[state.Advise(r).Runbook] = string(r)
	}
	tree := os.DirFS("../../..")
	sources, err := fs.Glob(tree, "sidecar/internal/*/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, file := range sources {
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"docs/runbooks/([a-z-]+)\.md"`).FindAllSubmatch(text, -1) {
			if !strings.HasSuffix(file, "_test.go") {
				pages[string(m[1])] = file
			}
		}
	}
	for page, from := range pages {
		if _, err := fs.Stat(tree, "docs/runbooks/"+page+".md"); err != nil {
			t.Errorf("%s names the runbook %s: %v", from, page, err)
		}
	}
}

// TestTransient checks which reasons are transient.
func TestTransient(t *testing.T) {
	var got []state.Reason
	for _, r := range state.Reasons() {
		if r.IsTransient() {
			got = append(got, r)
		}
	}
	want := []state.Reason{state.TargetDown, state.ServicesNotReady, state.LockHeld, state.RateLimited,
		state.OutcomeUnknown, state.NotImportedYet,
		state.Draining, state.Superseded}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNewProblem(t *testing.T) {
	p := state.NewProblem(state.SlugTaken, "slug a", "base1")
	a := state.Advise(state.SlugTaken)
	if time.Since(p.Since) > time.Minute {
		t.Errorf("since %s", p.Since)
	}
	want := &state.Problem{Reason: state.SlugTaken, Message: "slug a", Group: "base1", Title: a.Title, Remedy: a.Remedy,
		Runbook: "docs/runbooks/" + a.Runbook + ".md", Since: p.Since}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

func TestStoreStartsClosed(t *testing.T) {
	s := state.NewStore().Get()
	if s.Phase != state.Waiting || s.Confirmed || s.Gate.Open || s.Gate.Why != state.GateWaits || s.Groups == nil ||
		s.Started.IsZero() {
		t.Errorf("%+v", s)
	}
}

// TestSetGroup checks that a snapshot does not change after it was read.
func TestSetGroup(t *testing.T) {
	store := state.NewStore()
	store.Update(func(s *state.Snapshot) {
		s.Groups = []state.Group{{Name: "a", State: state.GroupPending}, {Name: "b", State: state.GroupPending}}
	})
	before := store.Get()
	for _, name := range []string{"b", "unknown", ""} {
		store.Update(func(s *state.Snapshot) { s.SetGroup(name, func(g *state.Group) { g.State = state.GroupFailed }) })
	}
	if got := states(before); got != "[pending pending]" {
		t.Errorf("earlier snapshot changed to %s", got)
	}
	if got := states(store.Get()); got != "[pending failed]" {
		t.Errorf("groups are %s", got)
	}
}

func states(s state.Snapshot) string {
	var all []state.GroupState
	for _, g := range s.Groups {
		all = append(all, g.State)
	}
	return fmt.Sprint(all)
}

// TestStoreIsSafeForManyReaders is meant for the race detector. It also checks that snapshots are
// consistent.
func TestStoreIsSafeForManyReaders(t *testing.T) {
	store := state.NewStore()
	store.Update(func(s *state.Snapshot) { s.Groups = []state.Group{{Name: "a"}, {Name: "b"}} })
	const rounds, readers = 500, 8
	var all sync.WaitGroup
	all.Go(func() {
		for n := range rounds {
			store.Update(func(s *state.Snapshot) {
				s.Passes = n
				for _, name := range []string{"a", "b"} {
					s.SetGroup(name, func(g *state.Group) { g.Workspaces = make([]state.Workspace, n) })
				}
			})
		}
		store.Update(func(s *state.Snapshot) { s.Confirmed = true })
	})
	opened := make(chan state.Gate, readers*rounds)
	for range readers {
		all.Go(func() {
			for range rounds {
				s := store.Get()
				if len(s.Groups[0].Workspaces) != s.Passes || len(s.Groups[1].Workspaces) != s.Passes {
					t.Errorf("pass %d with groups of %d and %d", s.Passes, len(s.Groups[0].Workspaces), len(s.Groups[1].Workspaces))
					return
				}
				if g, changed := store.Gate(state.GatePolicy{}); changed {
					opened <- g
				}
			}
		})
	}
	all.Wait()
	if g, changed := store.Gate(state.GatePolicy{}); changed {
		opened <- g
	}
	if len(opened) != 1 {
		t.Errorf("%d callers saw the gate open, want one", len(opened))
	}
}

// TestSnapshotJSON compares the document that scripts and the status command read with the golden.
// Adding a field is compatible; renaming or removing one requires another SchemaVersion.
func TestSnapshotJSON(t *testing.T) {
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(full()); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/snapshot.json", got.Bytes())
	var back state.Snapshot
	if err := json.Unmarshal(got.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), back); diff != "" || back.SchemaVersion != 1 {
		t.Errorf("version %d, read again (-want +got):\n%s", back.SchemaVersion, diff)
	}
}

// TestEmptySnapshotJSON checks that empty lists are encoded as lists.
func TestEmptySnapshotJSON(t *testing.T) {
	data, err := json.Marshal(state.NewStore().Get())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(`"groups":[]`)) || bytes.Contains(data, []byte("null")) {
		t.Errorf("%s", data)
	}
}

// full returns a snapshot with every field set.
func full() state.Snapshot {
	at := func(minute int) *time.Time { t := time.Date(2026, 11, 25, 12, minute, 0, 0, time.UTC); return &t }
	return state.Snapshot{
		SchemaVersion: state.SchemaVersion, Phase: state.Retrying, Since: *at(1), Started: *at(0), Mode: "import",
		Gate:      state.Gate{Open: true, Why: state.GateTimedOut, Since: at(2)},
		Confirmed: true,
		Release: state.Release{Name: "2026.11.2", Repository: "release", RepositoryName: "Release 2026.11.2",
			ManifestDigest: "sha256:0123", Verification: state.Full},
		Groups: []state.Group{{Name: "base1", State: state.GroupFailed, Workspaces: []state.Workspace{
			{Slug: "a", Name: "A", Version: "2026.11.2", State: state.WorkspaceFailed, Error: "SlugAlreadyInUse"},
			{Slug: "b", State: state.WorkspaceImported}}}},
		Current: &state.Current{Named: "sha256:4567", Superseded: true, Since: *at(11)},
		Problem: &state.Problem{Reason: state.SlugTaken, Title: "title", Message: "message", Group: "base1", Remedy: "remedy",
			Runbook: "docs/runbooks/x.md", Since: *at(3)},
		Passes: 4, LastAttempt: at(4), LastSuccess: at(5), LastProgress: at(6), NextAttempt: at(7),
		Lock: &state.LockInfo{By: "api", Reason: "bulk_import", Since: *at(8), Pod: "workspaces-0", EndsBy: at(38),
			Orphaned: true},
		Warnings: []state.Warning{{Name: state.WarnSubPath, Text: "text"}},
		Drift:    &state.Drift{Checked: *at(9), Workspaces: []string{"a"}},
		Foreign:  []string{"c"}, PlatformCheck: &state.PlatformCheck{Time: *at(12), Missing: []string{"b"},
			Foreign: []string{"a"}, VersionsReported: true},
		CorrelationID: "sidecar-1", TokenExpires: at(10),
	}
}

// TestFullIsFull checks that full sets new fields as well.
func TestFullIsFull(t *testing.T) {
	data, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), "snapshot.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	fields := parsed.Scope.Lookup("Snapshot").Decl.(*ast.TypeSpec).Type.(*ast.StructType).Fields
	want := 0
	for _, f := range fields.List {
		want += len(f.Names)
	}
	if len(got) != want {
		t.Errorf("the golden has %d of %d fields: %v", len(got), want, slices.Sorted(maps.Keys(got)))
	}
}

// TestWarn checks that there is one warning of each kind, and that earlier copies do not change.
func TestWarn(t *testing.T) {
	store := state.NewStore()
	store.Warn(state.WarnTolerated, "a")
	store.Warn(state.WarnFilesPolled, "b")
	before := store.Get()
	store.Warn(state.WarnTolerated, "c")
	store.Warn(state.WarnFilesPolled, "")
	if diff := cmp.Diff([]state.Warning{{Name: state.WarnFilesPolled, Text: "b"}, {Name: state.WarnTolerated, Text: "a"}},
		before.Warnings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]state.Warning{{Name: state.WarnTolerated, Text: "c"}}, store.Get().Warnings); diff != "" {
		t.Error(diff)
	}
}
