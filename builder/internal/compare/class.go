// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"cmp"
	"slices"
	"strings"
)

// Class is the kind of a change, for approvers.
type Class string

// The classes, in display order.
const (
	// Permission is more or different access: security.yml, an automation that is no longer
	// private, a new endpoint, a template that any user may clone.
	Permission Class = "permission"
	// Breaking is the removal of something that another workspace of the release uses, or a new
	// requirement for it.
	Breaking Class = "breaking"
	// Outgoing is a host that the workspace did not call before.
	Outgoing Class = "outgoing"
	// Behaviour is any other change of what a workspace does.
	Behaviour Class = "behaviour"
	// Wording is a change of names, descriptions and documents.
	Wording Class = "text"
	// Metadata is a change of what the platform or the repository records.
	Metadata Class = "metadata"
)

// Classes returns all classes in display order.
func Classes() []Class {
	return []Class{Permission, Breaking, Outgoing, Behaviour, Wording, Metadata}
}

// Reason explains why a change has a class.
type Reason struct {
	Class Class `json:"class"`
	// File is the path in the workspace; empty if the reason concerns the whole workspace.
	File    string `json:"file,omitempty"`
	Message string `json:"message"`
}

func (r Reason) String() string {
	if r.File == "" {
		return string(r.Class) + ": " + r.Message
	}
	return string(r.Class) + ": " + r.File + ": " + r.Message
}

// importanceOf returns the index of the most important class, or the number of classes if there is none.
func importanceOf(classes []Class) int {
	least := len(Classes())
	for _, c := range classes {
		least = min(least, slices.Index(Classes(), c))
	}
	return least
}

// unionOf returns the union of two sets of classes, in display order.
func unionOf(a, b []Class) []Class {
	out := []Class{}
	for _, c := range Classes() {
		if slices.Contains(a, c) || slices.Contains(b, c) {
			out = append(out, c)
		}
	}
	return out
}

func joinClasses(classes []Class) string {
	parts := make([]string, len(classes))
	for i, c := range classes {
		parts[i] = string(c)
	}
	return strings.Join(parts, ", ")
}

// Has reports whether any change has a class.
func (r *Report) Has(c Class) bool { return r.Changes[c] > 0 }

// rankAll sorts workspaces and files by their most important class, then by name.
func (r *Report) rankAll() {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		slices.SortStableFunc(w.Files, func(a, b File) int {
			return cmp.Or(importanceOf(a.Classes)-importanceOf(b.Classes), strings.Compare(a.Path, b.Path))
		})
		slices.SortStableFunc(w.Reasons, func(a, b Reason) int {
			return cmp.Or(importanceOf([]Class{a.Class})-importanceOf([]Class{b.Class}),
				strings.Compare(a.File, b.File))
		})
	}
	slices.SortStableFunc(r.Workspaces, func(a, b Workspace) int {
		return cmp.Or(
			compareBool(a.OnlyVersion, b.OnlyVersion), importanceOf(a.Classes)-importanceOf(b.Classes),
			strings.Compare(a.Slug, b.Slug),
		)
	})
}

// compareBool sorts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// countChanges counts workspaces, groups and settings by class, and the workspaces with only a new
// version name.
func (r *Report) countChanges() {
	r.Changes = map[Class]int{}
	count := func(classes []Class) {
		for _, c := range classes {
			r.Changes[c]++
		}
	}
	versions := map[Change[string]]int{}
	for _, w := range r.Workspaces {
		if w.OnlyVersion {
			versions[w.Version]++
			r.OnlyVersion.Count++
		}
		count(w.Classes)
	}
	for _, g := range r.Groups {
		count([]Class{g.Class})
	}
	for _, s := range r.Settings {
		count([]Class{s.Class})
	}
	if len(r.Accepted.New) > 0 {
		count([]Class{Permission})
	}
	for change, n := range versions {
		r.OnlyVersion.Versions = append(r.OnlyVersion.Versions, VersionChange{change, n})
	}
	slices.SortFunc(r.OnlyVersion.Versions, func(a, b VersionChange) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Old, b.Old), strings.Compare(a.New, b.New))
	})
}
