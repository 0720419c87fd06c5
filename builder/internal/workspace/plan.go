// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"container/heap"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Plan is the import order: the groups one after another, each in dependency order, by slug if
// there is a choice. Its JSON encoding is stable.
type Plan struct {
	Groups []PlannedGroup `json:"groups"`
	// Dependencies are those on workspaces of this repository, by workspace and app.
	Dependencies []Dependency `json:"dependencies"`
	// External are the dependencies on apps that no workspace of the repository publishes.
	External []Dependency `json:"external"`
}

// PlannedGroup is one request to the platform.
type PlannedGroup struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels,omitempty"`
	// Workspaces in import order.
	Workspaces []Step `json:"workspaces"`
}

// Step is the import of one workspace.
type Step struct {
	Slug    string `json:"slug"`
	Version string `json:"version,omitempty"`
	App     string `json:"app,omitempty"`
}

// Dependency is the reason why a workspace comes after another.
type Dependency struct {
	// Workspace is the slug of the dependent workspace.
	Workspace string `json:"workspace"`
	// App is the slug of the app that it depends on.
	App string `json:"app"`
	// Provider is the slug of the workspace that publishes the app.
	Provider string `json:"provider,omitempty"`
	// DeclaredAt is the position in .import.yml.
	DeclaredAt Position `json:"declaredAt"`
}

// Plan orders the workspaces and reports problems of the order. A plan with errors is still usable:
// a cycle is broken at the workspace with the fewest remaining providers.
func (r *Repository) Plan() (*Plan, []diagnostic.Diagnostic) {
	g := newGraph(r)
	rep := new(reporter)
	g.reportUnknown(rep, r.externalApps)
	g.reportOrder(rep)
	g.reportCycles(rep)
	plan := &Plan{Groups: []PlannedGroup{}, Dependencies: g.edges, External: g.external}
	for _, group := range r.groups {
		if planned := g.planGroup(group); len(planned.Workspaces) > 0 || r.explicit {
			plan.Groups = append(plan.Groups, planned)
		}
	}
	g.reportDelegations(rep, plan)
	return plan, adjustBaseFindings(rep.sortedFindings())
}

// Manifest returns the groups in the form of the release manifest.
func (p *Plan) Manifest() []release.Group {
	out := make([]release.Group, 0, len(p.Groups))
	for _, g := range p.Groups {
		group := release.Group{Name: g.Name, Labels: g.Labels, Workspaces: []string{}}
		for _, s := range g.Workspaces {
			group.Workspaces = append(group.Workspaces, s.Slug)
		}
		out = append(out, group)
	}
	return out
}

// graph holds the workspaces and dependencies of a repository.
type graph struct {
	groups     []Group
	workspaces []Workspace
	bySlug     map[string]*Workspace
	edges      []Dependency
	external   []Dependency
	// providers holds the slugs that must come before each workspace.
	providers map[string][]string
	// between holds the first dependency of one workspace on another.
	between map[[2]string]Dependency
}

func newGraph(r *Repository) *graph {
	g := &graph{
		groups: r.groups, workspaces: r.Workspaces,
		bySlug: map[string]*Workspace{}, providers: map[string][]string{}, between: map[[2]string]Dependency{},
		edges: []Dependency{}, external: []Dependency{},
	}
	byApp := map[string]string{}
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		g.bySlug[w.Slug] = w
		if _, taken := byApp[w.App.Value]; !taken && w.App.Value != "" {
			byApp[w.App.Value] = w.Slug
		}
	}
	for i := range r.Workspaces {
		g.connectProviders(&r.Workspaces[i], byApp)
	}
	return g
}

// connectProviders adds the dependencies of w, each app once.
func (g *graph) connectProviders(w *Workspace, byApp map[string]string) {
	seen := map[string]bool{}
	for _, d := range w.DependsOn {
		if seen[d.Value] {
			continue
		}
		seen[d.Value] = true
		edge := Dependency{Workspace: w.Slug, App: d.Value, Provider: byApp[d.Value], DeclaredAt: d.At}
		if edge.Provider == "" {
			g.external = append(g.external, edge)
			continue
		}
		g.edges = append(g.edges, edge)
		if pair := [2]string{w.Slug, edge.Provider}; g.between[pair].Workspace == "" {
			g.between[pair] = edge
		}
		g.providers[w.Slug] = append(g.providers[w.Slug], edge.Provider)
	}
	slices.Sort(g.providers[w.Slug])
}

// planGroup orders the members of a group: repeatedly the first slug whose providers are done.
func (g *graph) planGroup(group Group) PlannedGroup {
	planned := PlannedGroup{Name: group.Name, Labels: group.Labels, Workspaces: []Step{}}
	waiting, dependents := g.pendingMembers(group)
	ready := &queue{}
	for slug, n := range waiting {
		if n == 0 {
			ready.Push(slug)
		}
	}
	heap.Init(ready)
	stuck := newStuckQueue(waiting)
	for len(waiting) > 0 {
		slug := ""
		if ready.Len() > 0 {
			slug, _ = heap.Pop(ready).(string)
		} else {
			slug = stuck.nextStuck(waiting) // break a cycle
		}
		delete(waiting, slug)
		for _, d := range dependents[slug] {
			if _, still := waiting[d]; !still {
				continue
			}
			waiting[d]--
			stuck.addPending(d, waiting[d])
			if waiting[d] == 0 {
				heap.Push(ready, d)
			}
		}
		planned.Workspaces = append(planned.Workspaces, g.newStep(slug))
	}
	return planned
}

// pendingMembers returns, for each member of a group, the number of providers in the group, and the
// members that depend on it.
func (g *graph) pendingMembers(group Group) (waiting map[string]int, dependents map[string][]string) {
	waiting = map[string]int{}
	dependents = map[string][]string{}
	for i := range g.workspaces {
		if w := &g.workspaces[i]; w.inGroup(group.Name) {
			waiting[w.Slug] = 0
		}
	}
	for slug := range waiting {
		for _, provider := range g.providers[slug] {
			if _, member := waiting[provider]; member && provider != slug {
				waiting[slug]++
				dependents[provider] = append(dependents[provider], slug)
			}
		}
	}
	return waiting, dependents
}

// queue is a heap of slugs.
type queue []string

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] < q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(slug any)     { *q = append(*q, slug.(string)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// stuckQueue finds the workspace with the fewest pending providers when all have some. It holds
// each slug once for every number that it has had.
type stuckQueue struct{ byNumber []queue }

func newStuckQueue(waiting map[string]int) *stuckQueue {
	s := &stuckQueue{}
	for slug, n := range waiting {
		s.addPending(slug, n)
	}
	return s
}

func (s *stuckQueue) addPending(slug string, n int) {
	for len(s.byNumber) <= n {
		s.byNumber = append(s.byNumber, nil)
	}
	heap.Push(&s.byNumber[n], slug)
}

// nextStuck returns the first slug with the fewest pending providers, skipping outdated entries.
func (s *stuckQueue) nextStuck(waiting map[string]int) string {
	for n := range s.byNumber {
		for s.byNumber[n].Len() > 0 {
			slug, _ := heap.Pop(&s.byNumber[n]).(string)
			if now, still := waiting[slug]; still && now == n {
				return slug
			}
		}
	}
	return ""
}

func (g *graph) newStep(slug string) Step {
	w := g.bySlug[slug]
	return Step{Slug: slug, Version: w.Version.Value, App: w.App.Value}
}

// reportUnknown reports dependencies on apps that neither the repository nor the platform has.
func (g *graph) reportUnknown(rep *reporter, known []string) {
	for _, d := range g.external {
		if slices.Contains(known, d.App) {
			continue
		}
		rep.report(ruleDependencyUnknown, d.DeclaredAt, "app %s is published by no workspace of the repository",
			quoteName(d.App))
	}
}

// reportOrder reports providers that come in a later group than the first group of a dependent
// workspace.
func (g *graph) reportOrder(rep *reporter) {
	for _, d := range g.edges {
		own, ok := g.firstGroup(d.Workspace)
		provider, provided := g.firstGroup(d.Provider)
		if ok && provided && provider > own {
			rep.report(ruleDependencyOrder, d.DeclaredAt, "workspace %s of group %s depends on app %s, which "+
				"workspace %s brings only with the later group %s",
				quoteName(d.Workspace), g.groups[own].Name, quoteName(d.App), quoteName(d.Provider),
				g.groups[provider].Name)
		}
	}
}

func (g *graph) firstGroup(slug string) (int, bool) {
	i := slices.IndexFunc(g.groups, func(group Group) bool { return g.bySlug[slug].inGroup(group.Name) })
	return i, i >= 0
}

// reportCycles reports each cycle as a path, at its first dependency.
func (g *graph) reportCycles(rep *reporter) {
	for _, cycle := range g.findCycles() {
		path := strings.Join(cycle, " → ")
		first := g.edgeBetween(cycle[0], cycle[1])
		rep.report(ruleDependencyCycle, first.DeclaredAt, "workspaces depend on each other: %s (%s)", path,
			g.describeCycle(cycle))
	}
}

func (g *graph) describeCycle(cycle []string) string {
	var places []string
	for i := range len(cycle) - 1 {
		places = append(places, g.edgeBetween(cycle[i], cycle[i+1]).DeclaredAt.String())
	}
	return strings.Join(places, ", ")
}

func (g *graph) edgeBetween(from, to string) Dependency { return g.between[[2]string{from, to}] }

// delegatedCaller is the workspace that may read delegated secrets by default
// (DELEGATED_SECRET_CALLERS).
const delegatedCaller = "knowledge-sync"

// reportDelegations reports workspaces that delegate secrets but are imported before the caller:
// the platform looks the caller up during the import.
func (g *graph) reportDelegations(rep *reporter, plan *Plan) {
	if g.bySlug[delegatedCaller] == nil {
		return
	}
	seen := false
	for _, group := range plan.Groups {
		for _, step := range group.Workspaces {
			seen = seen || step.Slug == delegatedCaller
			if at := g.bySlug[step.Slug].delegates; at.File != "" && !seen {
				rep.report(ruleDelegationOrder, at, "the rule lets workspace %s read secrets, but that workspace is "+
					"imported later", delegatedCaller)
			}
		}
	}
}
