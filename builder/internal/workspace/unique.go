// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"cmp"
	"slices"
	"strings"
)

// checkUnique reports what two workspaces claim both. Workspaces are in the
// order of their slugs; the later one gets the report.
func (c *Collector) checkUnique(workspaces []Workspace) {
	slugs, ids, apps := map[string]Text{}, map[string]Text{}, map[string]Text{}
	for _, w := range workspaces {
		slugs[w.Slug] = Text{Value: w.Slug, At: Position{File: w.Slug}}
	}
	for _, w := range workspaces {
		if w.IndexSlug.Value != w.Slug {
			c.claim(slugs, w.IndexSlug, ruleSlugDuplicate, "slug")
		}
		c.claim(ids, w.ID, ruleWorkspaceIDClash, "workspace id")
		c.claim(apps, w.App, ruleAppSlugDuplicate, "app slug")
	}
}

func (c *Collector) claim(owners map[string]Text, t Text, rule, what string) {
	if t.Value == "" || placeholder.MatchString(t.Value) {
		return
	}
	if owner, taken := owners[t.Value]; taken {
		c.report(rule, t.At, "%s %s is already that of %s", what, show(t.Value), owner.At)
		return
	}
	owners[t.Value] = t
}

// checkGroups compares the groups of a workspace with those that are configured.
func (c *Collector) checkGroups(w *Workspace, file Position) {
	if len(w.Groups) == 0 {
		c.report(ruleGroupsMissing, file, "workspace %s is in no group", show(w.Slug))
	}
	for _, name := range w.Groups {
		if _, known := findGroup(c.options.Groups, name.Value); !known && !placeholder.MatchString(name.Value) {
			c.report(ruleGroupUnknown, name.At, "group %s is not one of %s", show(name.Value),
				groupNames(c.options.Groups))
		}
	}
	for _, g := range c.options.Groups {
		c.checkLabels(w, g, file)
	}
}

// checkLabels checks that the groups of the last push are what the labels make
// of the workspace: it is in a group if it has any of the group's labels.
func (c *Collector) checkLabels(w *Workspace, g Group, file Position) {
	labelled := slices.ContainsFunc(w.Labels, func(t Text) bool { return slices.Contains(g.Labels, t.Value) })
	switch {
	case len(g.Labels) == 0 || labelled == w.inGroup(g.Name):
	case labelled:
		c.report(ruleGroupLabels, file, "the labels put the workspace into group %s, its groups do not", show(g.Name))
	default:
		at := w.Groups[slices.IndexFunc(w.Groups, func(t Text) bool { return t.Value == g.Name })].At
		c.report(ruleGroupLabels, at, "the workspace is in group %s but has none of its labels (%s)", show(g.Name),
			strings.Join(g.Labels, ", "))
	}
}

func (c *Collector) checkStartupGroups(workspaces []Workspace) {
	for _, name := range c.options.StartupGroups {
		if _, known := findGroup(c.options.Groups, name); !known {
			c.report(ruleGroupUnknown, Position{}, "startup group %s is not one of %s", show(name),
				groupNames(c.options.Groups))
			continue
		}
		if !slices.ContainsFunc(workspaces, func(w Workspace) bool { return w.inGroup(name) }) {
			c.report(ruleGroupEmpty, Position{}, "no workspace is in group %s, which is imported at startup",
				show(name))
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
