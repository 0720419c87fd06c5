// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"maps"
	"slices"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// groupName matches groups whose name can be part of a variable's name.
var groupName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// findGroups adds the groups that the workspaces name, if none are configured: first the platform's
// groups in their order, then the others in dependency order, by name if there is a choice.
func (c *Collector) findGroups() {
	if len(c.options.StartupGroups) > 0 || c.options.Alone {
		return
	}
	members := map[string][]*metadata{}
	for _, s := range c.spaces {
		if s.metadata == nil {
			continue
		}
		for _, g := range s.metadata.groups {
			if _, known := findGroup(c.options.Groups, g.Value); !known && groupName.MatchString(g.Value) {
				members[g.Value] = append(members[g.Value], s.metadata)
			}
		}
	}
	names := slices.Sorted(maps.Keys(members))
	needs := neededGroups(members)
	for len(names) > 0 {
		next := slices.IndexFunc(names, func(name string) bool {
			return !slices.ContainsFunc(names, func(other string) bool { return other != name && needs[name][other] })
		})
		next = max(next, 0) // break a cycle; the plan reports dependencies that come too late
		c.options.Groups = append(c.options.Groups, Group{Name: names[next]})
		c.foundGroups = true
		names = slices.Delete(names, next, next+1)
	}
}

// neededGroups returns, for each group, the groups that publish the apps its workspaces depend on.
func neededGroups(members map[string][]*metadata) map[string]map[string]bool {
	publishers := map[string][]string{}
	for name, list := range members {
		for _, m := range list {
			publishers[m.app.Value] = append(publishers[m.app.Value], name)
		}
	}
	needs := map[string]map[string]bool{}
	for name, list := range members {
		needs[name] = map[string]bool{}
		for _, m := range list {
			for _, app := range m.dependsOn {
				for _, publisher := range publishers[app.Value] {
					needs[name][publisher] = true
				}
			}
		}
	}
	return needs
}

// FoundGroups returns the groups in import order if they were found in the workspaces. It returns
// nil if they were configured.
func (r *Repository) FoundGroups() []string {
	var names []string
	for _, g := range r.groups {
		member := slices.ContainsFunc(r.Workspaces, func(w Workspace) bool { return w.inGroup(g.Name) })
		if r.foundGroups && member {
			names = append(names, g.Name)
		}
	}
	return names
}
