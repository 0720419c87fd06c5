// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// Check returns what looks wrong, sorted by place. The release takes no more files.
func (r *Release) Check() []Finding {
	if r == nil {
		return nil
	}
	c := checker{Release: r, known: map[*workspace]map[string]*automation{}, budget: maxCompared}
	for _, slug := range slices.Sorted(maps.Keys(r.workspaces)) {
		c.workspace(r.workspaces[slug])
	}
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.found
}

type checker struct {
	*Release
	// known holds the automations of a workspace by each of their names.
	known map[*workspace]map[string]*automation
	found []Finding
	// budget is the number of names that may still be compared for hints.
	budget int
}

// maxCompared bounds the time that hints take.
const maxCompared = 1 << 17

// nearest returns a hint at the one of n names that was probably meant.
func (c *checker) nearest(name string, names iter.Seq[string], n int) string {
	if c.budget -= n; c.budget < 0 {
		return ""
	}
	return hint(spelling.Nearest(name, names))
}

func (c *checker) nearestAutomation(name string, w *workspace) string {
	known := c.automations(w)
	return c.nearest(name, maps.Keys(known), len(known))
}

func (c *checker) nearestInstance(name string, w *workspace) string {
	return c.nearest(name, maps.Keys(w.instances), len(w.instances))
}

func (c *checker) report(w *workspace, file string, at place, rule, format string, args ...any) {
	c.found = append(c.found, Finding{
		Rule: rule, File: w.slug + "/" + file, Line: int(at.line), Column: int(at.column),
		Message: fmt.Sprintf(format, args...),
	})
}

func (c *checker) workspace(w *workspace) {
	slices.SortFunc(w.automations, func(a, b file) int { return strings.Compare(a.path, b.path) })
	guards := c.guards(w)
	emitted, all := w.emitted()
	for _, f := range w.automations {
		name := "automations/" + f.path
		for _, finding := range f.findings {
			c.report(w, name, finding.at, finding.rule, "%s", finding.message)
		}
		for _, call := range f.calls {
			c.call(w, name, call)
		}
		for _, event := range f.events {
			if all {
				c.event(w, name, event, emitted)
			}
		}
		if f.endpoint && !f.private && !w.guarded && !guards[f.automation] {
			const open = "the endpoint answers to everybody: the automation does not look at who calls it"
			c.report(w, name, place{}, OpenEndpoint, open)
		}
	}
	for _, l := range w.links {
		c.link(w, l)
	}
}

// automations returns the automations of a workspace by slug, path and name of the file.
func (c *checker) automations(w *workspace) map[string]*automation {
	if known := c.known[w]; known != nil {
		return known
	}
	known := make(map[string]*automation, len(w.automations))
	for _, f := range w.automations {
		path := strings.TrimSuffix(strings.TrimSuffix(f.path, ".yml"), ".yaml")
		known[path] = f.automation
		if i := strings.LastIndexByte(path, '/'); i >= 0 && known[path[i+1:]] == nil {
			known[path[i+1:]] = f.automation
		}
	}
	for _, f := range w.automations {
		if f.slug != "" {
			known[f.slug] = f.automation
		}
	}
	c.known[w] = known
	return known
}

// target is what a name of an automation leads to.
type target struct {
	automation *automation
	// elsewhere says that it leads out of what the release knows.
	elsewhere bool
	// missing is the instance or the automation that is not there, of the workspace.
	missing  string
	instance bool
	of       *workspace
}

// resolve follows the name of an automation: slug, or instance.slug of an app.
func (c *checker) resolve(w *workspace, name string, depth int) target {
	if a := c.automations(w)[name]; a != nil {
		return target{automation: a}
	}
	instance, rest, dotted := strings.Cut(name, ".")
	if !dotted {
		return target{missing: name, of: w}
	}
	app, installed := w.instances[instance]
	if !installed {
		return target{missing: instance, instance: true, of: w}
	}
	provider := c.apps[app]
	if provider == nil || depth == 0 {
		return target{elsewhere: true}
	}
	return c.resolve(provider, rest, depth-1)
}

// maxApps is how many apps within apps are followed.
const maxApps = 8

func (c *checker) call(w *workspace, file string, call call) {
	to := c.resolve(w, call.target, maxApps)
	switch {
	case to.elsewhere:
	case to.automation != nil:
		c.arguments(w, file, call, to.automation)
	case to.of != w || call.workflow && !to.instance:
		c.missing(w, file, call.at, to)
	case to.instance:
		c.missing(w, file, call.at, to)
	default:
		meant := hint(spelling.Nearest(to.missing, c.words.names()))
		if meant == "" {
			meant = c.nearestAutomation(to.missing, w)
		}
		c.report(w, file, call.at, UnknownInstruction, "%s is neither an instruction nor an automation of the "+
			"workspace%s",
			show(to.missing), meant)
	}
}

// missing reports an app instance or an automation that is not there.
func (c *checker) missing(w *workspace, file string, at place, to target) {
	if to.instance {
		c.report(w, file, at, UnknownInstance, "workspace %s has no app instance %s%s",
			show(to.of.slug), show(to.missing), c.nearestInstance(to.missing, to.of))
		return
	}
	c.report(w, file, at, UnknownAutomation, "workspace %s has no automation %s%s",
		show(to.of.slug), show(to.missing), c.nearestAutomation(to.missing, to.of))
}

// arguments reports what an automation is passed and neither declares nor reads.
func (c *checker) arguments(w *workspace, file string, call call, to *automation) {
	if len(to.arguments) == 0 || to.reads("payload") {
		return
	}
	for _, argument := range call.arguments {
		if slices.Contains(to.arguments, argument.name) || to.reads(argument.name) || isInput(argument.name) {
			continue
		}
		c.report(w, file, argument.at, UnknownArgument, "%s takes no argument %s%s",
			show(call.target), show(argument.name),
			c.nearest(argument.name, slices.Values(to.arguments), len(to.arguments)))
	}
}

// isInput reports whether a name is one that every automation has from its trigger (docs,
// "Variable scopes").
func isInput(name string) bool {
	switch name {
	case "body", "headers", "query", "method", "pathParams", "payload", "source", "event":
		return true
	}
	return false
}

// event reports an event that nothing in the release emits.
func (c *checker) event(w *workspace, file string, event reference, emitted []string) {
	first, _, dotted := strings.Cut(event.name, ".")
	_, installed := w.instances[first]
	switch {
	case dotted && installed, slices.Contains(nativeEvents(), first):
		return
	case !isName([]byte(event.name)), c.mentions.has(event.name):
		return
	}
	meant := c.nearest(event.name, slices.Values(emitted), len(emitted))
	c.report(w, file, event.at, UnknownEvent, "nothing in the release emits event %s%s", show(event.name), meant)
}

// emitted returns the events that a workspace emits, and whether these are all.
func (w *workspace) emitted() ([]string, bool) {
	var names []string
	for _, f := range w.automations {
		if f.computed || f.unread {
			return nil, false
		}
		names = append(names, f.emits...)
	}
	return names, !w.computed && !w.app
}

func (c *checker) link(w *workspace, l link) {
	if l.page != "" {
		// A link may begin with a language (docs, "URL Structure").
		_, page, _ := strings.Cut(l.page, "/")
		if w.pages[l.page] || w.pages[page] || w.computed {
			return
		}
		c.report(w, l.file, l.at, UnknownPage, "the workspace has no page %s%s",
			show(l.page), c.nearest(l.page, maps.Keys(w.pages), len(w.pages)))
		return
	}
	if to := c.resolve(w, l.automation, maxApps); to.automation == nil && !to.elsewhere {
		c.missing(w, l.file, l.at, to)
	}
}

// guards returns the automations of a workspace that look at who calls them, themselves or by
// an automation that they call. An app of which nothing is known may do so.
func (c *checker) guards(w *workspace) map[*automation]bool {
	guards := map[*automation]bool{}
	callers := map[*automation][]*automation{}
	var queue []*automation
	mark := func(a *automation) {
		if !guards[a] {
			guards[a] = true
			queue = append(queue, a)
		}
	}
	for _, f := range w.automations {
		if f.checksCaller || f.unread {
			mark(f.automation)
		}
		for _, call := range f.calls {
			if to := c.resolve(w, call.target, maxApps); to.automation != nil {
				callers[to.automation] = append(callers[to.automation], f.automation)
				if to.automation.checksCaller {
					mark(to.automation)
				}
			}
		}
	}
	for len(queue) > 0 {
		a := queue[0]
		queue = queue[1:]
		for _, caller := range callers[a] {
			mark(caller)
		}
	}
	return guards
}
