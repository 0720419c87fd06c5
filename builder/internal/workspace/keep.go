// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// basePrefix begins the places of what is in the base image.
const basePrefix = "base image:"

// Base is what the base image holds in the directory of the workspaces.
type Base struct {
	collector *Collector
}

// NewBase returns an empty base. Of the options those count that say how files are read.
func NewBase(options Options) *Base { return &Base{NewCollector(options)} }

// Add takes one file: see [Collector.Add].
func (b *Base) Add(name string, data []byte) { b.collector.Add(name, data) }

// Finish returns the workspaces, each marked as one of the base, for [Options]. What is wrong with them
// is not for this repository's people to mend, and not reported.
func (b *Base) Finish() []Workspace {
	repo, _ := b.collector.Finish()
	for i := range repo.Workspaces {
		w := &repo.Workspaces[i]
		w.FromBase = true
		for _, text := range w.texts() {
			text.At.File = basePrefix + text.At.File
		}
	}
	return repo.Workspaces
}

// texts are all that say where they stand.
func (w *Workspace) texts() []*Text {
	list := []*Text{&w.IndexSlug, &w.Name, &w.ID, &w.Version, &w.App}
	for _, more := range [][]Text{w.Labels, w.Groups, w.DependsOn} {
		for i := range more {
			list = append(list, &more[i])
		}
	}
	return list
}

// keep adds the workspaces of the base to the repository, except those without a group,
// which nobody imports, and reports what both claim.
func (c *Collector) keep(r *Repository) {
	c.clashes(r.Workspaces, c.options.Kept)
	for _, w := range c.options.Kept {
		if len(w.Groups) == 0 {
			continue
		}
		for _, name := range w.Groups {
			if _, known := findGroup(r.groups, name.Value); !known {
				c.report(ruleBaseGroup, name.At, "workspace %s of the base is in group %s, which is not one of %s",
					show(w.Slug), show(name.Value), groupNames(r.groups))
			}
		}
		r.Workspaces = append(r.Workspaces, w)
	}
	slices.SortStableFunc(r.Workspaces, func(a, b Workspace) int { return strings.Compare(a.Slug, b.Slug) })
}

// clashes reports what a workspace of ours has in common with one of the base; the
// directory alone, if it is that: it will be the same workspace.
func (c *Collector) clashes(ours, base []Workspace) {
	slugs, ids, apps := map[string]string{}, map[string]string{}, map[string]string{}
	for _, w := range base {
		slugs[w.Slug], ids[w.ID.Value], apps[w.App.Value] = w.Slug, w.Slug, w.Slug
	}
	for _, w := range ours {
		if !c.clash(slugs, w.Slug, w, "directory") {
			c.clash(ids, w.ID.Value, w, "workspace id")
			c.clash(apps, w.App.Value, w, "app slug")
		}
	}
}

func (c *Collector) clash(taken map[string]string, value string, w Workspace, what string) bool {
	other, clash := taken[value]
	if clash = clash && value != ""; clash {
		c.report(ruleBaseClash, Position{File: w.Slug}, "%s %s is already that of workspace %s of the base", what,
			show(value), show(other))
	}
	return clash
}

// foreign makes warnings of what is reported of the base, which is as it is, and leaves
// out that its workspaces use apps from elsewhere.
func foreign(found []diagnostic.Diagnostic) []diagnostic.Diagnostic {
	var list []diagnostic.Diagnostic
	for _, d := range found {
		if strings.HasPrefix(d.File, basePrefix) {
			d.Severity = diagnostic.Warning
			if d.Rule == ruleDependencyUnknown {
				continue
			}
		}
		list = append(list, d)
	}
	return list
}
