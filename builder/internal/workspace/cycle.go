// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "slices"

// cycles returns one cycle for each set of workspaces that depend on each
// other: the shortest through the first slug of the set, which starts and ends it.
func (g *graph) cycles() [][]string {
	var out [][]string
	reported := g.orderable()
	dependents := g.dependents()
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
		for _, member := range g.entangled(w.Slug, dependents) {
			reported[member] = true
		}
	}
	return out
}

// orderable returns the workspaces that neither are in a cycle nor depend on one.
func (g *graph) orderable() map[string]bool {
	blocked := make(map[string]int, len(g.workspaces))
	var ready []string
	for i := range g.workspaces {
		slug := g.workspaces[i].Slug
		if blocked[slug] = len(g.providers[slug]); blocked[slug] == 0 {
			ready = append(ready, slug)
		}
	}
	dependents := g.dependents()
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

// dependents returns the slugs that come after each workspace.
func (g *graph) dependents() map[string][]string {
	dependents := map[string][]string{}
	for _, d := range g.edges {
		dependents[d.Provider] = append(dependents[d.Provider], d.Workspace)
	}
	return dependents
}

// cycleThrough searches breadth first for a way from slug back to it.
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

// entangled returns the workspaces that slug depends on and that depend on it.
func (g *graph) entangled(slug string, dependents map[string][]string) []string {
	below := reach(g.providers, slug)
	above := reach(dependents, slug)
	var out []string
	for s := range below {
		if above[s] {
			out = append(out, s)
		}
	}
	return out
}

func reach(edges map[string][]string, start string) map[string]bool {
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
