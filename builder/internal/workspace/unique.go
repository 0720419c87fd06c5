// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"cmp"
	"slices"
	"strings"
)

// checkUnique reports values that two workspaces share. Workspaces are sorted by slug; the later
// one gets the diagnostic.
func (c *Collector) checkUnique(workspaces []Workspace) {
	slugs := map[string]Text{}
	ids := map[string]Text{}
	apps := map[string]Text{}
	for _, w := range workspaces {
		slugs[w.Slug] = Text{Value: w.Slug, At: Position{File: w.Slug}}
	}
	for _, w := range workspaces {
		if w.IndexSlug.Value != w.Slug {
			c.claimValue(slugs, w.IndexSlug, ruleSlugDuplicate, "slug")
		}
		c.claimValue(ids, w.ID, ruleWorkspaceIDClash, "workspace id")
		c.claimValue(apps, w.App, ruleAppSlugDuplicate, "app slug")
	}
}

func (c *Collector) claimValue(owners map[string]Text, t Text, rule, what string) {
	if t.Value == "" || placeholder.MatchString(t.Value) {
		return
	}
	if owner, taken := owners[t.Value]; taken {
		c.report(rule, t.At, "%s %s is already that of %s", what, quoteName(t.Value), owner.At)
		return
	}
	owners[t.Value] = t
}

// checkGroups compares the groups of a workspace with the configured ones.
func (c *Collector) checkGroups(w *Workspace, file Position) {
	if len(w.Groups) == 0 {
		c.report(ruleGroupsMissing, file, "workspace %s is not in any group", quoteName(w.Slug))
	}
	for _, name := range w.Groups {
		if _, known := findGroup(c.options.Groups, name.Value); !known && !placeholder.MatchString(name.Value) {
			c.report(ruleGroupUnknown, name.At, "group %s is not one of %s", quoteName(name.Value),
				groupNames(c.options.Groups))
		}
	}
	for _, g := range c.options.Groups {
		c.checkLabels(w, g, file)
	}
}

// checkLabels compares the groups of the last push with the labels: a workspace is in a group if it
// has any of the group's labels.
func (c *Collector) checkLabels(w *Workspace, g Group, file Position) {
	labelled := slices.ContainsFunc(w.Labels, func(t Text) bool { return slices.Contains(g.Labels, t.Value) })
	switch {
	case len(g.Labels) == 0 || labelled == w.inGroup(g.Name):
	case labelled:
		c.report(ruleGroupLabels, file, "the labels put the workspace into group %s, but its groups do not "+
			"include it", quoteName(g.Name))
	default:
		at := w.Groups[slices.IndexFunc(w.Groups, func(t Text) bool { return t.Value == g.Name })].At
		c.report(ruleGroupLabels, at, "the workspace is in group %s but has none of its labels (%s)", quoteName(g.Name),
			strings.Join(g.Labels, ", "))
	}
}

func (c *Collector) checkStartupGroups(workspaces []Workspace) {
	for _, name := range c.options.StartupGroups {
		if _, known := findGroup(c.options.Groups, name); !known {
			c.report(ruleGroupUnknown, Position{}, "startup group %s is not one of %s", quoteName(name),
				groupNames(c.options.Groups))
			continue
		}
		if !slices.ContainsFunc(workspaces, func(w Workspace) bool { return w.inGroup(name) }) {
			c.report(ruleGroupEmpty, Position{}, "no workspace is in group %s, which is imported at startup",
				quoteName(name))
		}
	}
}

func findGroup(groups []Group, name string) (int, bool) {
	i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
	return i, i >= 0
}

func groupNames(groups []Group) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	return strings.Join(names, ", ")
}

func compareText(a, b Text) int {
	return cmp.Or(strings.Compare(a.At.File, b.At.File), strings.Compare(a.Value, b.Value))
}
