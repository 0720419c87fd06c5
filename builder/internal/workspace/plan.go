// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"container/heap"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Plan is the order in which the platform will import: the groups one after
// another, each in the order of its dependencies, and by slug where those leave
// a choice. Its JSON encoding is stable.
type Plan struct {
	Groups []PlannedGroup `json:"groups"`
	// Dependencies on workspaces of this repository, by workspace and app.
	Dependencies []Dependency `json:"dependencies"`
	// External lists the dependencies on apps that no workspace here publishes.
	External []Dependency `json:"external"`
}

// PlannedGroup is one request to the platform.
type PlannedGroup struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels,omitempty"`
	// Workspaces in the order of the import.
	Workspaces []Step `json:"workspaces"`
}

// Step is the import of one workspace.
type Step struct {
	Slug    string `json:"slug"`
	Version string `json:"version,omitempty"`
	App     string `json:"app,omitempty"`
}

// Dependency is why a workspace comes after another.
type Dependency struct {
	// Workspace is the slug of the one that depends.
	Workspace string `json:"workspace"`
	// App is the slug of the app that it depends on.
	App string `json:"app"`
	// Provider is the slug of the workspace that publishes the app.
	Provider string `json:"provider,omitempty"`
	// DeclaredAt is where .import.yml says so.
	DeclaredAt Position `json:"declaredAt"`
}

// Plan orders the workspaces and reports what is wrong with the order. A plan
// with an error is still as good as it can be: a cycle is cut at the workspace
// with the fewest providers left.
func (r *Repository) Plan() (*Plan, []diagnostic.Diagnostic) {
	g := newGraph(r)
	rep := newReporter()
	g.reportUnknown(rep, r.externalApps)
	g.reportOrder(rep)
	g.reportCycles(rep)
	plan := &Plan{Groups: []PlannedGroup{}, Dependencies: g.edges, External: g.external}
	for _, group := range r.groups {
		if planned := g.plan(group); len(planned.Workspaces) > 0 || r.explicit {
			plan.Groups = append(plan.Groups, planned)
		}
	}
	g.reportDelegations(rep, plan)
	return plan, foreign(rep.sorted())
}

// Manifest returns the groups as the release manifest lists them.
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

// graph is a repository as workspaces and dependencies.
type graph struct {
	groups     []Group
	workspaces []Workspace
	bySlug     map[string]*Workspace
	edges      []Dependency
	external   []Dependency
	// providers holds the slugs that a workspace comes after.
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
		g.connect(&r.Workspaces[i], byApp)
	}
	return g
}

// connect adds the dependencies of w, each app once.
func (g *graph) connect(w *Workspace, byApp map[string]string) {
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

// plan orders the members of one group: always the first slug of those whose
// providers are done.
func (g *graph) plan(group Group) PlannedGroup {
	planned := PlannedGroup{Name: group.Name, Labels: group.Labels, Workspaces: []Step{}}
	waiting, dependents := g.waiting(group)
	ready := &queue{}
	for slug, n := range waiting {
		if n == 0 {
			ready.Push(slug)
		}
	}
	heap.Init(ready)
	stuck := newStuck(waiting)
	for len(waiting) > 0 {
		slug := ""
		if ready.Len() > 0 {
			slug, _ = heap.Pop(ready).(string)
		} else {
			slug = stuck.next(waiting) // a cycle is cut
		}
		delete(waiting, slug)
		for _, d := range dependents[slug] {
			if _, still := waiting[d]; !still {
				continue
			}
			waiting[d]--
			stuck.add(d, waiting[d])
			if waiting[d] == 0 {
				heap.Push(ready, d)
			}
		}
		planned.Workspaces = append(planned.Workspaces, g.step(slug))
	}
	return planned
}

// waiting returns for each member of a group how many providers in the group it waits
// for, and which members wait for it.
func (g *graph) waiting(group Group) (waiting map[string]int, dependents map[string][]string) {
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

// stuck finds the workspace that waits for the fewest, for when all of them wait. It
// holds each slug by the number that it waited for at some time.
type stuck struct{ byNumber []queue }

func newStuck(waiting map[string]int) *stuck {
	s := &stuck{}
	for slug, n := range waiting {
		s.add(slug, n)
	}
	return s
}

func (s *stuck) add(slug string, n int) {
	for len(s.byNumber) <= n {
		s.byNumber = append(s.byNumber, nil)
	}
	heap.Push(&s.byNumber[n], slug)
}

// next returns the first slug that waits for the fewest. What it skips is out of date.
func (s *stuck) next(waiting map[string]int) string {
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

func (g *graph) step(slug string) Step {
	w := g.bySlug[slug]
	return Step{Slug: slug, Version: w.Version.Value, App: w.App.Value}
}

// reportUnknown leaves out the apps that the platform has.
func (g *graph) reportUnknown(rep *reporter, known []string) {
	for _, d := range g.external {
		if slices.Contains(known, d.App) {
			continue
		}
		rep.report(ruleDependencyUnknown, d.DeclaredAt, "app %s is published by no workspace of the repository",
			show(d.App))
	}
}

// reportOrder checks that each provider comes with the first group of those
// that depend on it, or before.
func (g *graph) reportOrder(rep *reporter) {
	for _, d := range g.edges {
		own, ok := g.firstGroup(d.Workspace)
		provider, provided := g.firstGroup(d.Provider)
		if ok && provided && provider > own {
			rep.report(ruleDependencyOrder, d.DeclaredAt, "workspace %s of group %s depends on app %s, which "+
				"workspace %s brings only with the later group %s",
				show(d.Workspace), g.groups[own].Name, show(d.App), show(d.Provider), g.groups[provider].Name)
		}
	}
}

func (g *graph) firstGroup(slug string) (int, bool) {
	i := slices.IndexFunc(g.groups, func(group Group) bool { return g.bySlug[slug].inGroup(group.Name) })
	return i, i >= 0
}

// reportCycles names each cycle as a path, at the first of its dependencies.
func (g *graph) reportCycles(rep *reporter) {
	for _, cycle := range g.cycles() {
		path := strings.Join(cycle, " → ")
		first := g.edge(cycle[0], cycle[1])
		rep.report(ruleDependencyCycle, first.DeclaredAt, "workspaces depend on each other: %s (%s)", path,
			g.places(cycle))
	}
}

func (g *graph) places(cycle []string) string {
	var places []string
	for i := range len(cycle) - 1 {
		places = append(places, g.edge(cycle[i], cycle[i+1]).DeclaredAt.String())
	}
	return strings.Join(places, ", ")
}

func (g *graph) edge(from, to string) Dependency { return g.between[[2]string{from, to}] }

// delegatedCaller is the workspace that may read delegated secrets, unless the platform
// is configured otherwise (DELEGATED_SECRET_CALLERS).
const delegatedCaller = "knowledge-sync"

// reportDelegations checks that the caller of delegated secrets is imported before the
// workspaces that let it read theirs: the platform looks for it when it imports them.
func (g *graph) reportDelegations(rep *reporter, plan *Plan) {
	if g.bySlug[delegatedCaller] == nil {
		return
	}
	seen := false
	for _, group := range plan.Groups {
		for _, step := range group.Workspaces {
			seen = seen || step.Slug == delegatedCaller
			if at := g.bySlug[step.Slug].delegates; at.File != "" && !seen {
				rep.report(ruleDelegationOrder, at, "the rule lets workspace %s read secrets, which is imported later",
					delegatedCaller)
			}
		}
	}
}
