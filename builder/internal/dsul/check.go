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

// Check returns the findings, sorted by position. No more files may be added afterwards.
func (r *Release) Check() []Finding {
	if r == nil {
		return nil
	}
	c := checker{Release: r, known: map[*workspace]map[string]*automation{}, budget: maxCompared}
	for _, slug := range slices.Sorted(maps.Keys(r.workspaces)) {
		c.checkWorkspace(r.workspaces[slug])
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
	// budget is the number of names that may still be compared for suggestions.
	budget int
}

// maxCompared bounds the time spent on suggestions.
const maxCompared = 1 << 17

// suggest returns a suggestion of the nearest of n names.
func (c *checker) suggest(name string, names iter.Seq[string], n int) string {
	if c.budget -= n; c.budget < 0 {
		return ""
	}
	return suggestion(spelling.Nearest(name, names))
}

func (c *checker) nearestAutomation(name string, w *workspace) string {
	known := c.indexAutomations(w)
	return c.suggest(name, maps.Keys(known), len(known))
}

func (c *checker) nearestInstance(name string, w *workspace) string {
	return c.suggest(name, maps.Keys(w.instances), len(w.instances))
}

func (c *checker) report(w *workspace, file string, at position, rule, format string, args ...any) {
	c.found = append(c.found, Finding{
		Rule: rule, File: w.slug + "/" + file, Line: int(at.line), Column: int(at.column),
		Message: fmt.Sprintf(format, args...),
	})
}

func (c *checker) checkWorkspace(w *workspace) {
	slices.SortFunc(w.automations, func(a, b file) int { return strings.Compare(a.path, b.path) })
	guards := c.findGuards(w)
	emitted, all := w.emittedEvents()
	for _, f := range w.automations {
		name := "automations/" + f.path
		for _, finding := range f.findings {
			c.report(w, name, finding.at, finding.rule, "%s", finding.message)
		}
		for _, call := range f.calls {
			c.checkCall(w, name, call)
		}
		for _, event := range f.events {
			if all {
				c.checkEvent(w, name, event, emitted)
			}
		}
		if f.endpoint && !f.private && !w.guarded && !guards[f.automation] {
			const open = "the endpoint is open to everyone: the automation does not check its caller"
			c.report(w, name, position{}, OpenEndpoint, open)
		}
	}
	for _, l := range w.links {
		c.checkLink(w, l)
	}
}

// indexAutomations returns the automations of a workspace by slug, path and file name.
func (c *checker) indexAutomations(w *workspace) map[string]*automation {
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

// target is the automation that a name refers to.
type target struct {
	automation *automation
	// elsewhere is set if the automation is outside of the release.
	elsewhere bool
	// missing is the name of the missing instance or automation.
	missing  string
	instance bool
	of       *workspace
}

// resolveName resolves the name of an automation: a slug, or instance.slug of an app.
func (c *checker) resolveName(w *workspace, name string, depth int) target {
	if a := c.indexAutomations(w)[name]; a != nil {
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
	return c.resolveName(provider, rest, depth-1)
}

// maxApps bounds the nesting of apps in apps.
const maxApps = 8

func (c *checker) checkCall(w *workspace, file string, call call) {
	to := c.resolveName(w, call.target, maxApps)
	switch {
	case to.elsewhere:
	case to.automation != nil:
		c.checkArguments(w, file, call, to.automation)
	case to.of != w || call.workflow && !to.instance:
		c.reportMissing(w, file, call.at, to)
	case to.instance:
		c.reportMissing(w, file, call.at, to)
	default:
		meant := suggestion(spelling.Nearest(to.missing, c.words.instructionNames()))
		if meant == "" {
			meant = c.nearestAutomation(to.missing, w)
		}
		c.report(w, file, call.at, UnknownInstruction, "%s is neither an instruction nor an automation of the "+
			"workspace%s",
			quoteName(to.missing), meant)
	}
}

// reportMissing reports a missing app instance or automation.
func (c *checker) reportMissing(w *workspace, file string, at position, to target) {
	if to.instance {
		c.report(w, file, at, UnknownInstance, "workspace %s has no app instance %s%s",
			quoteName(to.of.slug), quoteName(to.missing), c.nearestInstance(to.missing, to.of))
		return
	}
	c.report(w, file, at, UnknownAutomation, "workspace %s has no automation %s%s",
		quoteName(to.of.slug), quoteName(to.missing), c.nearestAutomation(to.missing, to.of))
}

// checkArguments reports arguments that the automation neither declares nor reads.
func (c *checker) checkArguments(w *workspace, file string, call call, to *automation) {
	if len(to.arguments) == 0 || to.readsVariable("payload") {
		return
	}
	for _, argument := range call.arguments {
		if slices.Contains(to.arguments, argument.name) || to.readsVariable(argument.name) || isInput(argument.name) {
			continue
		}
		c.report(w, file, argument.at, UnknownArgument, "%s has no argument %s%s",
			quoteName(call.target), quoteName(argument.name),
			c.suggest(argument.name, slices.Values(to.arguments), len(to.arguments)))
	}
}

// isInput reports whether every automation gets the name from its trigger (docs, "Variable
// scopes").
func isInput(name string) bool {
	switch name {
	case "body", "headers", "query", "method", "pathParams", "payload", "source", "event":
		return true
	}
	return false
}

// checkEvent reports an event that nothing in the release emits.
func (c *checker) checkEvent(w *workspace, file string, event reference, emitted []string) {
	first, _, dotted := strings.Cut(event.name, ".")
	_, installed := w.instances[first]
	switch {
	case dotted && installed, slices.Contains(nativeEvents(), first):
		return
	case !isName(event.name), c.mentions.contains(event.name):
		return
	}
	meant := c.suggest(event.name, slices.Values(emitted), len(emitted))
	c.report(w, file, event.at, UnknownEvent, "nothing in the release emits event %s%s", quoteName(event.name), meant)
}

// emittedEvents returns the events that a workspace emits, and whether these are all.
func (w *workspace) emittedEvents() ([]string, bool) {
	var names []string
	for _, f := range w.automations {
		if f.computed || f.unread {
			return nil, false
		}
		names = append(names, f.emits...)
	}
	return names, !w.computed && !w.app
}

func (c *checker) checkLink(w *workspace, l pageLink) {
	if l.page != "" {
		// A link may start with a language (docs, "URL Structure").
		_, page, _ := strings.Cut(l.page, "/")
		if w.pages[l.page] || w.pages[page] || w.computed {
			return
		}
		c.report(w, l.file, l.at, UnknownPage, "the workspace has no page %s%s",
			quoteName(l.page), c.suggest(l.page, maps.Keys(w.pages), len(w.pages)))
		return
	}
	if to := c.resolveName(w, l.automation, maxApps); to.automation == nil && !to.elsewhere {
		c.reportMissing(w, l.file, l.at, to)
	}
}

// findGuards returns the automations that check their caller, directly or through an automation
// that they call. An unknown app may do so, too.
func (c *checker) findGuards(w *workspace) map[*automation]bool {
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
			if to := c.resolveName(w, call.target, maxApps); to.automation != nil {
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
