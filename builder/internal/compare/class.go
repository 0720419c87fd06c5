// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"cmp"
	"slices"
	"strings"
)

// Class says what kind of change something is, for people who decide on it.
type Class string

// The classes, in the order in which they are shown.
const (
	// Permission is more, or other, access: security.yml, an automation that is no longer
	// private, a new endpoint, a template that anybody may clone.
	Permission Class = "permission"
	// Breaking is something that another workspace of the release uses, and that is gone or
	// asks for more than before.
	Breaking Class = "breaking"
	// Outgoing is a host that the workspace did not fetch from before.
	Outgoing Class = "outgoing"
	// Behaviour is any other change of what a workspace does.
	Behaviour Class = "behaviour"
	// Wording is a change of names, descriptions and documents.
	Wording Class = "text"
	// Metadata is a change of what the platform or the repository notes down.
	Metadata Class = "metadata"
)

// Classes returns all classes, in the order in which they are shown.
func Classes() []Class {
	return []Class{Permission, Breaking, Outgoing, Behaviour, Wording, Metadata}
}

// Reason is why a change is of a class.
type Reason struct {
	Class Class `json:"class"`
	// File is the path within the workspace; empty for what concerns all of it.
	File    string `json:"file,omitempty"`
	Message string `json:"message"`
}

func (r Reason) String() string {
	if r.File == "" {
		return string(r.Class) + ": " + r.Message
	}
	return string(r.Class) + ": " + r.File + ": " + r.Message
}

// rank is the place of the most important class; the number of classes if there is none.
func rank(classes []Class) int {
	least := len(Classes())
	for _, c := range classes {
		least = min(least, slices.Index(Classes(), c))
	}
	return least
}

// union returns the classes of two sets, in order.
func union(a, b []Class) []Class {
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

// Has reports whether anything that differs is of a class.
func (r *Report) Has(c Class) bool { return r.Changes[c] > 0 }

// rankAll puts what matters first: workspaces and files by the most important of their
// classes, and then by name.
func (r *Report) rankAll() {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		slices.SortStableFunc(w.Files, func(a, b File) int {
			return cmp.Or(rank(a.Classes)-rank(b.Classes), strings.Compare(a.Path, b.Path))
		})
		slices.SortStableFunc(w.Reasons, func(a, b Reason) int {
			return cmp.Or(rank([]Class{a.Class})-rank([]Class{b.Class}), strings.Compare(a.File, b.File))
		})
	}
	slices.SortStableFunc(r.Workspaces, func(a, b Workspace) int {
		return cmp.Or(
			compareBool(a.OnlyVersion, b.OnlyVersion), rank(a.Classes)-rank(b.Classes), strings.Compare(a.Slug, b.Slug),
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

// countChanges counts the workspaces of each class, with groups and settings as if they were
// workspaces, and those that only get a new version name.
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
