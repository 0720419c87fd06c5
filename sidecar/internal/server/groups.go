// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Limits of the page, so that a phone can show a release of any size.
const (
	maxRows   = 200
	maxGroups = 50
)

// group is a group on the page.
type group struct {
	Name        string
	State       state.GroupState
	Tone        tone
	Done, Total int
	// Open is true if the page shows the group expanded.
	Open bool
	Rows []row
	// More counts the hidden workspaces by state. It is empty if all are shown.
	More string
}

// row is a workspace on the page.
type row struct {
	Slug, Name, Version, Error string
	State                      state.WorkspaceState
	Tone                       tone
	Cause                      *cause // nil unless several workspaces share it
}

// bar is the progress of the release, in workspaces.
type bar struct{ Done, Failed, Pending int }

// Total returns the number of known workspaces.
func (b bar) Total() int { return b.Done + b.Failed + b.Pending }

// Text returns the progress as text, for example "412 done, 86 failed, 2 pending".
func (b bar) Text() string {
	return strings.TrimSuffix(fmt.Sprintf("%d done, %s", b.Done, b.Left()), ", ")
}

// Left returns the unfinished part, for example "86 failed, 2 pending", or "" if all are done.
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

func (b *bar) addWorkspaces(all []state.Workspace) {
	for _, w := range all {
		switch workspaceTone(w.State) {
		case toneBad:
			b.Failed++
		case toneQuiet:
			b.Pending++
		default:
			b.Done++
		}
	}
}

func (v *view) addGroups(groups []state.Group, causes map[string]*cause) {
	for _, g := range groups {
		v.Bar.addWorkspaces(g.Workspaces)
		v.Growing = v.Growing || len(g.Workspaces) == 0
	}
	v.MoreGroups = max(0, len(groups)-maxGroups)
	groups = groups[:len(groups)-v.MoreGroups]
	picked := pickWorkspaces(groups)
	for n := range groups {
		v.Groups = append(v.Groups, newGroup(&groups[n], picked[n], causes))
	}
}

// pickWorkspaces chooses the workspaces to show, by index within each group: failed ones first, then pending
// ones, then the others.
func pickWorkspaces(groups []state.Group) [][]int {
	picked := make([][]int, len(groups))
	left := maxRows
	for _, wanted := range []tone{toneBad, toneQuiet, toneGood} {
		for n, g := range groups {
			for m := 0; m < len(g.Workspaces) && left > 0; m++ {
				if workspaceTone(g.Workspaces[m].State) == wanted {
					picked[n] = append(picked[n], m)
					left--
				}
			}
		}
	}
	return picked
}

func newGroup(g *state.Group, picked []int, causes map[string]*cause) group {
	out := group{
		Name:  sanitize(g.Name, maxName),
		State: g.State,
		Tone:  groupTone(g.State),
		Open:  g.State != state.GroupConfirmed && g.State != state.GroupPending,
		Done:  countDone(g.Workspaces),
		Total: len(g.Workspaces),
		Rows:  make([]row, len(picked)),
	}
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
		out.More = describeHidden(hidden)
	}
	return out
}

// newRow omits the error if several workspaces share it: the card of the cause shows it.
func newRow(w *state.Workspace, causes map[string]*cause) row {
	r := row{
		Slug:    sanitize(w.Slug, maxName),
		Name:    sanitize(w.Name, maxName),
		Version: sanitize(w.Version, maxName),
		State:   w.State,
		Tone:    workspaceTone(w.State),
	}
	if c := causes[causeKey(w)]; r.Tone == toneBad && c != nil && len(c.Slugs) > 1 {
		r.Cause = c
	} else {
		r.Error = sanitize(w.Error, maxError)
	}
	return r
}

// describeHidden describes the hidden workspaces, for example "12 failed, 800 imported".
func describeHidden(hidden map[state.WorkspaceState]int) string {
	var texts []string
	for _, s := range []state.WorkspaceState{state.WorkspaceFailed, state.WorkspaceMissing, state.WorkspacePending,
		state.WorkspaceImported, state.WorkspaceSkipped, state.WorkspaceConfirmed} {
		if n := hidden[s]; n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(texts, ", ")
}

func countDone(all []state.Workspace) int {
	n := 0
	for _, w := range all {
		if workspaceTone(w.State) == toneGood {
			n++
		}
	}
	return n
}

func workspaceTone(s state.WorkspaceState) tone {
	switch s {
	case state.WorkspaceFailed, state.WorkspaceMissing:
		return toneBad
	case state.WorkspacePending:
		return toneQuiet
	}
	return toneGood
}

func groupTone(s state.GroupState) tone {
	switch s {
	case state.GroupFailed:
		return toneBad
	case state.GroupConfirmed:
		return toneGood
	case state.GroupPending:
		return toneQuiet
	}
	return toneBusy
}
