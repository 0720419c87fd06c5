// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "slices"

// findCycles returns one cycle for each set of mutually dependent workspaces: the shortest one through
// the first slug of the set, which starts and ends it.
func (g *graph) findCycles() [][]string {
	var out [][]string
	reported := g.orderableWorkspaces()
	dependents := g.mapDependents()
	for i := range g.workspaces {
		w := &g.workspaces[i]
		if reported[w.Slug] {
			continue
		}
		cycle := g.cycleThrough(w.Slug)
		if cycle == nil {
			continue
		}
		out = append(out, cycle)
		for _, member := range g.entangledWith(w.Slug, dependents) {
			reported[member] = true
		}
	}
	return out
}

// orderableWorkspaces returns the workspaces that are not in a cycle and do not depend on one.
func (g *graph) orderableWorkspaces() map[string]bool {
	blocked := make(map[string]int, len(g.workspaces))
	var ready []string
	for i := range g.workspaces {
		slug := g.workspaces[i].Slug
		if blocked[slug] = len(g.providers[slug]); blocked[slug] == 0 {
			ready = append(ready, slug)
		}
	}
	dependents := g.mapDependents()
	done := make(map[string]bool, len(g.workspaces))
	for len(ready) > 0 {
		slug := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		done[slug] = true
		for _, d := range dependents[slug] {
			if blocked[d]--; blocked[d] == 0 {
				ready = append(ready, d)
			}
		}
	}
	return done
}

// mapDependents returns the slugs that must come after each workspace.
func (g *graph) mapDependents() map[string][]string {
	dependents := map[string][]string{}
	for _, d := range g.edges {
		dependents[d.Provider] = append(dependents[d.Provider], d.Workspace)
	}
	return dependents
}

// cycleThrough runs a breadth-first search from slug back to itself.
func (g *graph) cycleThrough(slug string) []string {
	from := map[string]string{}
	queue := []string{slug}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, next := range g.providers[at] {
			if next == slug {
				return pathTo(from, slug, at)
			}
			if _, seen := from[next]; !seen {
				from[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// pathTo returns slug → … → end → slug.
func pathTo(from map[string]string, slug, end string) []string {
	path := []string{slug}
	for at := end; at != slug; at = from[at] {
		path = append(path, at)
	}
	path = append(path, slug)
	slices.Reverse(path)
	return path
}

// entangledWith returns the workspaces that slug depends on and that depend on slug.
func (g *graph) entangledWith(slug string, dependents map[string][]string) []string {
	below := findReachable(g.providers, slug)
	above := findReachable(dependents, slug)
	var out []string
	for s := range below {
		if above[s] {
			out = append(out, s)
		}
	}
	return out
}

func findReachable(edges map[string][]string, start string) map[string]bool {
	seen := map[string]bool{start: true}
	queue := []string{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, next := range edges[at] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return seen
}
