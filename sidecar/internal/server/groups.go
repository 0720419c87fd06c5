// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Bounds of the page, so that a release of any size makes one that a phone shows.
const (
	maxRows   = 200
	maxGroups = 50
)

// group of the page.
type group struct {
	Name        string
	State       state.GroupState
	Tone        tone
	Done, Total int
	// Open: there is something to see, so that the page unfolds it.
	Open bool
	Rows []row
	// More tells about the workspaces that are not shown; "" if all are.
	More string
}

// row is one workspace.
type row struct {
	Slug, Name, Version, Error string
	State                      state.WorkspaceState
	Tone                       tone
}

func (v *view) addGroups(groups []state.Group) {
	for _, g := range groups {
		v.Total += len(g.Workspaces)
		v.Done += done(g.Workspaces)
		v.Growing = v.Growing || len(g.Workspaces) == 0
	}
	v.MoreGroups = max(0, len(groups)-maxGroups)
	groups = groups[:len(groups)-v.MoreGroups]
	picked := pick(groups)
	for n := range groups {
		v.Groups = append(v.Groups, newGroup(&groups[n], picked[n]))
	}
}

// pick chooses the workspaces that are shown, by their place in each group: first
// those that need somebody, then those on their way, then the others.
func pick(groups []state.Group) [][]int {
	picked, left := make([][]int, len(groups)), maxRows
	for _, wanted := range []tone{bad, quiet, good} {
		for n, g := range groups {
			for m := 0; m < len(g.Workspaces) && left > 0; m++ {
				if toneOf(g.Workspaces[m].State) == wanted {
					picked[n] = append(picked[n], m)
					left--
				}
			}
		}
	}
	return picked
}

func newGroup(g *state.Group, picked []int) group {
	out := group{Name: printable(g.Name, maxName), State: g.State, Tone: groupTone(g.State),
		Open: g.State != state.GroupConfirmed && g.State != state.GroupPending,
		Done: done(g.Workspaces), Total: len(g.Workspaces), Rows: make([]row, len(picked))}
	hidden := map[state.WorkspaceState]int{}
	for _, w := range g.Workspaces {
		hidden[w.State]++
	}
	for n, m := range picked {
		w := &g.Workspaces[m]
		hidden[w.State]--
		out.Rows[n] = row{Slug: printable(w.Slug, maxName), Name: printable(w.Name, maxName), Version: printable(w.Version, maxName),
			Error: printable(w.Error, maxError), State: w.State, Tone: toneOf(w.State)}
	}
	if len(picked) < len(g.Workspaces) {
		out.More = more(hidden)
	}
	return out
}

// more counts what is not shown, such as "12 failed, 800 imported".
func more(hidden map[state.WorkspaceState]int) string {
	var texts []string
	for _, s := range []state.WorkspaceState{state.WorkspaceFailed, state.WorkspaceMissing, state.WorkspacePending,
		state.WorkspaceImported, state.WorkspaceSkipped, state.WorkspaceConfirmed} {
		if n := hidden[s]; n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(texts, ", ")
}

func done(all []state.Workspace) int {
	n := 0
	for _, w := range all {
		if toneOf(w.State) == good {
			n++
		}
	}
	return n
}

func toneOf(s state.WorkspaceState) tone {
	switch s {
	case state.WorkspaceFailed, state.WorkspaceMissing:
		return bad
	case state.WorkspacePending:
		return quiet
	}
	return good
}

func groupTone(s state.GroupState) tone {
	switch s {
	case state.GroupFailed:
		return bad
	case state.GroupConfirmed:
		return good
	case state.GroupPending:
		return quiet
	}
	return moves
}
