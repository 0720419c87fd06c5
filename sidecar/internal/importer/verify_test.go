// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

var twoWorkspaces = GroupPlan{Name: "base1", Workspaces: []release.Workspace{
	{Slug: "a", ID: "ida", Name: "A", Version: "v1"}, {Slug: "b", ID: "idb", Name: "B", Version: "v1"}}}

func decoded(t *testing.T, body string) *platform.ImportReport {
	t.Helper()
	r := new(platform.ImportReport)
	if err := json.Unmarshal([]byte(body), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	const a, b = `{"slug":"a","status":"imported","version":"v1"}`, `{"slug":"b","status":"skipped","version":"v1"}`
	for name, c := range map[string]struct {
		workspaces, more string
		want             state.Reason
		states           string
		partial          bool
	}{
		"all reported":              {a + "," + b, "", "", "imported skipped", false},
		"in another order":          {b + "," + a, "", "", "imported skipped", false},
		"by id":                     {`{"slug":"renamed","workspaceId":"ida","status":"imported","version":"v1"},` + b, "", "", "imported skipped", false},
		"without versions":          {`{"slug":"a","status":"imported"},` + b, "", "", "imported skipped", true},
		"as lists of ids only":      {"", `,"createdWorkspaceIds":["ida"],"skippedWorkspaceIds":["idb"]`, "", "imported skipped", true},
		"status in a list of ids":   {`{"slug":"a","workspaceId":"ida"},` + b, `,"updatedWorkspaceIds":["ida"]`, "", "imported skipped", true},
		"one more":                  {a + "," + b + `,{"slug":"z","status":"imported"}`, "", "", "imported skipped", false},
		"one more, with errors":     {a + "," + b + `,{"slug":"z","status":"error"}`, "", state.ImportErrors, "imported skipped", false},
		"twice, once with an error": {a + "," + b + `,{"slug":"a","status":"error"},` + a, "", state.ImportErrors, "imported skipped", false},
		"one is missing":            {a, "", state.WorkspaceSilent, "imported missing", false},
		"no status":                 {`{"slug":"a"},` + b, "", state.WorkspaceSilent, "missing skipped", true},
		"an unknown status":         {`{"slug":"a","status":"upToDate","version":"v1"},` + b, "", "", "imported skipped", false},
		"an unknown bad status":     {`{"slug":"a","status":"mergeConflict"},` + b, "", state.ImportErrors, "failed skipped", true},
		"an error beside success":   {`{"slug":"a","status":"imported","errors":[{"msg":"no"}]},` + b, "", state.ImportErrors, "failed skipped", true},
		"a slug is taken":           {`{"slug":"a","status":"error","errors":[{"error":"SlugAlreadyInUse","message":"x"}]},` + b, "", state.SlugTaken, "failed skipped", true},
		"another version":           {`{"slug":"a","status":"imported","version":"v2"},` + b, "", state.WrongVersion, "failed skipped", false},
		"errors of the whole":       {a + "," + b, `,"errors":[{"message":"1"},{"msg":"2"},{"err":"3"},{"error":"4"}]`, state.ImportErrors, "imported skipped", false},
		"another group":             {a + "," + b, `,"groups":["base2"]`, state.BadAnswer, "", false},
		"more groups":               {a + "," + b, `,"groups":["base1","base2"]`, state.BadAnswer, "", false},
	} {
		v := verifyReport(&twoWorkspaces, decoded(t, `{"repositoryId":"release","workspaces":[`+c.workspaces+`]`+c.more+`}`),
			nil)
		var states []string
		for _, w := range v.workspaces {
			states = append(states, string(w.State))
		}
		got := state.Reason("")
		if v.failure != nil {
			got = v.failure.Reason
		}
		if got != c.want || strings.Join(states, " ") != c.states || v.partial != c.partial {
			t.Errorf("%s: reason %q, states %v, partial %t; want %q, %s, %t", name, got, states, v.partial, c.want, c.states,
				c.partial)
		}
	}
}

func TestVerifyRepeatsFewErrors(t *testing.T) {
	r := decoded(t,
		`{"repositoryId":"release","errors":[{"message":"1"},{"msg":"2"},{"err":"3"},{"error":"4"},{"error":"5"}]}`)
	if v := verifyReport(&twoWorkspaces, r, nil); v.failure == nil || v.failure.Message != "1; 2; 3; and 2 more" {
		t.Errorf("%+v", v.failure)
	}
}

// FuzzVerify checks that a report confirms a group only if it has every expected workspace, has no
// error anywhere, and does not skip a distrusted workspace.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"repositoryId":"release","groups":["base1"],"workspaces":[{"slug":"a","status":"imported","version":"v1"},{"slug":"b","status":"skipped"}]}`), "b")
	f.Add([]byte(`{"repositoryId":"release","errors":[{"msg":"x"}],"createdWorkspaceIds":["ida","idb"]}`), "")
	f.Add([]byte(`{"repositoryId":"release","workspaces":[{"slug":"a","status":"error"},{"workspaceId":"idb"}]}`), "a")
	f.Fuzz(func(t *testing.T, body []byte, distrusted string) {
		r := new(platform.ImportReport)
		if json.Unmarshal(body, r) != nil {
			return
		}
		failed := r.Failed()
		v := verifyReport(&twoWorkspaces, r, map[string]bool{distrusted: true})
		if v.failure != nil {
			return
		}
		if failed || len(v.workspaces) != len(twoWorkspaces.Workspaces) {
			t.Fatalf("confirmed with errors, or without a workspace: %s", body)
		}
		for _, w := range v.workspaces {
			bad := w.State != state.WorkspaceImported && w.State != state.WorkspaceSkipped
			if bad || w.State == state.WorkspaceSkipped && w.Slug == distrusted {
				t.Errorf("confirmed with %s %s: %s", w.Slug, w.State, body)
			}
			reported := slices.ContainsFunc(r.Workspaces,
				func(o platform.WorkspaceReport) bool { return o.Slug == w.Slug || o.ID == "id"+w.Slug })
			for _, ids := range [][]string{r.Created, r.Updated, r.Skipped} {
				reported = reported || slices.Contains(ids, "id"+w.Slug)
			}
			if !reported {
				t.Errorf("confirmed without a word of %s: %s", w.Slug, body)
			}
		}
	})
}

func TestNewDesired(t *testing.T) {
	m := manifestOf(files("v1"))
	for name, c := range map[string]struct {
		repository string
		groups     []string
		manifest   *release.Manifest
		want       string
		fails      bool
	}{
		"all of the manifest":       {"", nil, m, "base1 base2 extended", false},
		"some of it, reordered":     {"release", []string{"extended", "base1"}, m, "extended base1", false},
		"without a manifest":        {"release", []string{"x"}, nil, "x", false},
		"another repository":        {"other", nil, m, "", true},
		"a group that it has not":   {"", []string{"base9"}, m, "", true},
		"neither group nor file":    {"release", nil, nil, "", true},
		"neither repository nor it": {"", []string{"x"}, nil, "", true},
	} {
		d, err := NewDesired(c.repository, c.groups, c.manifest, "sha256:1")
		var names []string
		for _, g := range d.Groups {
			names = append(names, g.Name)
		}
		f := asFailure(err)
		if (f != nil) != c.fails || f == nil && strings.Join(names, " ") != c.want ||
			f != nil && f.Reason != state.ManifestMismatch {
			t.Errorf("%s: %v, %v", name, names, err)
		}
	}
}
