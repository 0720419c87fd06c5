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
	// More counts the workspaces that are not shown, by state; "" if all are shown.
	More string
}

// row is one workspace.
type row struct {
	Slug, Name, Version, Error string
	State                      state.WorkspaceState
	Tone                       tone
	Cause                      *cause // of several workspaces
}

// bar counts the workspaces of the release.
type bar struct{ Done, Failed, Pending int }

// Total is the number of workspaces that are known.
func (b bar) Total() int { return b.Done + b.Failed + b.Pending }

// Text is such as "412 done, 86 failed, 2 pending".
func (b bar) Text() string {
	return strings.TrimSuffix(fmt.Sprintf("%d done, %s", b.Done, b.Left()), ", ")
}

// Left is such as "86 failed, 2 pending", "" if all are done.
func (b bar) Left() string {
	var parts []string
	if b.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", b.Failed))
	}
	if b.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d pending", b.Pending))
	}
	return strings.Join(parts, ", ")
}

func (b *bar) add(all []state.Workspace) {
	for _, w := range all {
		switch toneOf(w.State) {
		case bad:
			b.Failed++
		case quiet:
			b.Pending++
		default:
			b.Done++
		}
	}
}

func (v *view) addGroups(groups []state.Group, causes map[string]*cause) {
	for _, g := range groups {
		v.Bar.add(g.Workspaces)
		v.Growing = v.Growing || len(g.Workspaces) == 0
	}
	v.MoreGroups = max(0, len(groups)-maxGroups)
	groups = groups[:len(groups)-v.MoreGroups]
	picked := pick(groups)
	for n := range groups {
		v.Groups = append(v.Groups, newGroup(&groups[n], picked[n], causes))
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

func newGroup(g *state.Group, picked []int, causes map[string]*cause) group {
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
		out.Rows[n] = newRow(w, causes)
	}
	if len(picked) < len(g.Workspaces) {
		out.More = more(hidden)
	}
	return out
}

// newRow leaves out the error of a workspace that others share: their card has it.
func newRow(w *state.Workspace, causes map[string]*cause) row {
	r := row{Slug: printable(w.Slug, maxName), Name: printable(w.Name, maxName), Version: printable(w.Version, maxName),
		State: w.State, Tone: toneOf(w.State)}
	if c := causes[causeKey(w)]; r.Tone == bad && c != nil && len(c.Slugs) > 1 {
		r.Cause = c
	} else {
		r.Error = printable(w.Error, maxError)
	}
	return r
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
