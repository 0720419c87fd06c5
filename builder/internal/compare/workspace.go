// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"cmp"
	"slices"

	"github.com/prismeai/workspaces-release/internal/release"
)

// compareWorkspace returns the differences except files, or nil if there are none.
func (p workspacePair) compareWorkspace(older, newer *release.Manifest) *Workspace {
	w := &Workspace{Fields: []Field{}, Files: []File{}, Reasons: []Reason{}, Classes: []Class{}}
	var before, after release.Workspace
	if p.older != nil {
		before = *p.older
	}
	if p.newer != nil {
		after = *p.newer
	}
	w.Groups = Change[[]string]{groupsOf(older, before.Slug), groupsOf(newer, after.Slug)}
	w.Version = Change[string]{before.Version, after.Version}
	w.Size = Change[Size]{Size{before.Files, before.Bytes}, Size{after.Files, after.Bytes}}
	w.DependsOn = compareLists(before.DependsOn, after.DependsOn)
	w.Secrets = compareLists(before.Requires.Secrets, after.Requires.Secrets)
	w.Config = compareLists(before.Requires.Config, after.Requires.Config)
	switch {
	case p.older == nil:
		w.Slug = after.Slug
		w.Status = Added
		return w
	case p.newer == nil:
		w.Slug = before.Slug
		w.Status = Removed
		return w
	case before.Slug != after.Slug:
		w.RenamedFrom = before.Slug
	}
	w.Slug = after.Slug
	w.Status = Changed
	for _, f := range []Field{
		{"id", Change[string]{before.ID, after.ID}},
		{"name", Change[string]{before.Name, after.Name}},
		{"app", Change[string]{before.App, after.App}},
	} {
		if f.Old != f.New {
			w.Fields = append(w.Fields, f)
		}
	}
	if before.Digest == after.Digest && w.RenamedFrom == "" {
		if slices.Equal(w.Groups.Old, w.Groups.New) {
			return nil
		}
		w.Status = Regrouped
	}
	return w
}

func groupsOf(m *release.Manifest, slug string) []string {
	groups := []string{}
	for _, g := range m.Groups {
		if slices.Contains(g.Workspaces, slug) {
			groups = append(groups, g.Name)
		}
	}
	return groups
}

// listWarnings returns warnings that follow from how the platform imports: it skips a workspace whose
// installed version has the same name, overwrites all others, and removes none (platform
// documentation, "Versioning" and "Updates"). The messages do not quote the releases.
func (p workspacePair) listWarnings() []Warning {
	if p.newer == nil {
		return []Warning{{p.older.Slug, StaysInstalled, "it is no longer part of the release, but stays " +
			"installed: an import does not remove workspaces"}}
	}
	var list []Warning
	add := func(rule Rule, message string) { list = append(list, Warning{p.newer.Slug, rule, message}) }
	if p.newer.Version == "" {
		add(NoVersion, "it has no version name, so the platform cannot tell which version is installed")
	}
	var before release.Requirements
	if p.older != nil {
		before = p.older.Requires
	}
	if now := p.newer.Requires; len(compareLists(before.Secrets, now.Secrets).New)+
		len(compareLists(before.Config, now.Config).New) > 0 {
		add(NeedsValues, "it needs secrets or settings that the release did not need before: set them on the "+
			"target platform first")
	}
	if p.older == nil {
		return list
	}
	if v := p.newer.Version; v != "" && v == p.older.Version && p.newer.Digest != p.older.Digest {
		add(SameVersion, "its files have changed but its version name has not: where that version is "+
			"installed, the platform skips it; give it a new version name, or force the import")
	}
	if p.newer.ID != p.older.ID && p.older.ID != "" && p.newer.ID != "" {
		add(NewIdentity, "another workspace has the same slug: the id differs")
	}
	return list
}

// compareGroups returns group differences other than added or removed workspaces.
func compareGroups(older, newer *release.Manifest) []Group {
	list := []Group{}
	names := newer.GroupNames()
	for _, name := range older.GroupNames() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if g := compareGroup(older, newer, name); g != nil {
			list = append(list, *g)
		}
	}
	return list
}

func compareGroup(older, newer *release.Manifest, name string) *Group {
	before, was := older.Group(name)
	after, is := newer.Group(name)
	g := &Group{
		Name: name, Status: Changed,
		Position: Change[int]{slices.Index(older.GroupNames(), name) + 1, slices.Index(newer.GroupNames(), name) + 1},
		Labels:   Change[[]string]{append([]string{}, before.Labels...), append([]string{}, after.Labels...)},
		Order:    compareOrder(before.Workspaces, after.Workspaces),
	}
	switch {
	case !was:
		g.Status = Added
	case !is:
		g.Status = Removed
	case isMovedGroup(older, newer, name), len(g.Order.New) > 0:
	case !slices.Equal(before.Labels, after.Labels):
		g.Class = Metadata
	default:
		return nil
	}
	g.Class = cmp.Or(g.Class, Behaviour)
	return g
}

// isMovedGroup reports whether the group changed its order relative to other groups in both releases.
func isMovedGroup(older, newer *release.Manifest, name string) bool {
	order := compareOrder(older.GroupNames(), newer.GroupNames())
	return slices.Contains(order.New, name)
}

// compareOrder returns the part of two lists whose common items differ in order.
func compareOrder(older, newer []string) Change[[]string] {
	common := func(list, other []string) []string {
		known := make(map[string]bool, len(other))
		for _, s := range other {
			known[s] = true
		}
		return slices.DeleteFunc(append([]string{}, list...), func(s string) bool { return !known[s] })
	}
	a := common(older, newer)
	b := common(newer, older)
	for len(a) > 0 && a[0] == b[0] {
		a = a[1:]
		b = b[1:]
	}
	for n := len(a) - 1; n >= 0 && a[n] == b[n]; n-- {
		a = a[:n]
		b = b[:n]
	}
	return Change[[]string]{a, b}
}
