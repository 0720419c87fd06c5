// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// hundreds returns a release of 500 workspaces in three groups. 86 of them failed for one cause and
// 3 for another, and the last group is pending.
func hundreds() *state.Snapshot {
	s := failing()
	s.Groups = nil
	for g, name := range []string{"base1", "base2", "extended"} {
		group := state.Group{Name: name, State: []state.GroupState{state.GroupConfirmed, state.GroupFailed,
			state.GroupPending}[g]}
		for n := range []int{200, 250, 50}[g] {
			w := state.Workspace{Slug: fmt.Sprintf("%s-agent-%03d", name, n), Name: fmt.Sprintf("Agent %d", n),
				Version: "2026.11.2",
				State:   []state.WorkspaceState{state.WorkspaceSkipped, state.WorkspaceImported, state.WorkspacePending}[g]}
			switch {
			case g == 1 && n < 86:
				w.State, w.Reason = state.WorkspaceFailed, state.SlugTaken
				w.Error = fmt.Sprintf("SlugAlreadyInUse: Slug %s already used by workspace 6f1c%da", w.Slug, n)
			case g == 1 && n < 89:
				w.State, w.Reason = state.WorkspaceFailed, state.ImportErrors
				w.Error = fmt.Sprintf("ValidationError: automation 'a%d' of %s: Invalid schedule format", n, w.Slug)
			}
			group.Workspaces = append(group.Workspaces, w)
		}
		s.Groups = append(s.Groups, group)
	}
	s.Problem = problemAt(state.SlugTaken, "workspace base2-agent-000: "+s.Groups[1].Workspaces[0].Error, "base2", s.Since)
	return s
}

// TestOneCauseIsOneCard checks that each cause has one card: the problem card or a separate one.
func TestOneCauseIsOneCard(t *testing.T) {
	v := newView(hundreds(), state.GatePolicy{}, noon, version.Info{}, "")
	type short struct {
		Count, Anchor string
		Problem       bool
	}
	var got []short
	for _, c := range v.Causes {
		got = append(got, short{c.Count(), c.Anchor, v.Problem.Cause == c})
	}
	if diff := cmp.Diff([]short{{"86 workspaces", "problem-card", true}, {"3 workspaces", "cause-2", false}},
		got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(bar{Done: 361, Failed: 89, Pending: 50}, v.Bar); diff != "" {
		t.Error(diff)
	}
	page := render(t, hundreds(), false)
	for text, want := range map[string]int{
		"86 workspaces: Another workspace uses the slug": 1, "3 workspaces: The import reports errors": 1,
		"361 done, 89 failed, 50 pending": 1, ">89 failed, 50 pending<": 1, "SlugAlreadyInUse": 1, `href="#problem-card"`: 86, `href="#cause-2"`: 3,
	} {
		if n := strings.Count(page, text); n != want {
			t.Errorf("the page has %q %d times, want %d", text, n, want)
		}
	}
}

// TestCausesAreDistinguished checks that causes are distinguished by reason, and general errors by
// text.
func TestCausesAreDistinguished(t *testing.T) {
	failed := func(r state.Reason, text string) state.Workspace {
		return state.Workspace{Slug: "claims", Name: "Claims", State: state.WorkspaceFailed, Reason: r, Error: text}
	}
	for name, c := range map[string]struct {
		a, b state.Workspace
		same bool
	}{
		"one reason":       {failed(state.SlugTaken, "a"), failed(state.SlugTaken, "b"), true},
		"two reasons":      {failed(state.SlugTaken, "a"), failed(state.OrphanedApp, "a"), false},
		"ids and names":    {failed("", "Claims 6f1c2a: 'x' is bad"), failed("", "Claims 77: 'y' is bad"), true},
		"other texts":      {failed("", "no space"), failed("", "no memory"), false},
		"failed, and gone": {failed("", "x"), state.Workspace{Slug: "a", State: state.WorkspaceMissing, Error: "x"}, false},
		"words stay":       {failed("", "feed and face"), failed("", "added and face"), false},
	} {
		if got := causeKey(&c.a) == causeKey(&c.b); got != c.same {
			t.Errorf("%s: %q and %q", name, causeKey(&c.a), causeKey(&c.b))
		}
	}
}

// TestTheNumberOfCausesIsBounded covers workspaces that all have different causes.
func TestTheNumberOfCausesIsBounded(t *testing.T) {
	s := failing()
	s.Groups[1].Workspaces = nil
	for n := range 40 {
		s.Groups[1].Workspaces = append(s.Groups[1].Workspaces, state.Workspace{Slug: "w", State: state.WorkspaceFailed,
			Error: strings.Repeat("x", n+1)})
	}
	s.Problem = nil
	page := render(t, s, false)
	if n := strings.Count(page, `class="card bad cause"`); n != maxCauses ||
		!strings.Contains(page, "30 more causes are not shown") {
		t.Errorf("%d cards", n)
	}
}
