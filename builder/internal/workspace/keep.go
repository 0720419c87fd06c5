// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// basePrefix marks positions in the base image.
const basePrefix = "base image:"

// Base collects the workspaces of the base image.
type Base struct {
	collector *Collector
}

// NewBase returns an empty base. Only the options that control parsing are used.
func NewBase(options Options) *Base { return &Base{NewCollector(options)} }

// Add adds a file: see [Collector.Add].
func (b *Base) Add(f source.File) { b.collector.Add(f) }

// Finish returns the workspaces, marked as FromBase, for [Options]. Problems of the base are not
// reported: the authors of this repository cannot fix them.
func (b *Base) Finish() []Workspace {
	repo, _ := b.collector.Finish()
	for i := range repo.Workspaces {
		w := &repo.Workspaces[i]
		w.FromBase = true
		for _, text := range w.positionedTexts() {
			text.At.File = basePrefix + text.At.File
		}
	}
	return repo.Workspaces
}

// positionedTexts returns all values with a position.
func (w *Workspace) positionedTexts() []*Text {
	list := []*Text{&w.IndexSlug, &w.Name, &w.ID, &w.Version, &w.App}
	for _, more := range [][]Text{w.Labels, w.Groups, w.DependsOn} {
		for i := range more {
			list = append(list, &more[i])
		}
	}
	return list
}

// keepBase adds the workspaces of the base to the repository and reports clashes. It skips
// workspaces without a group, which are never imported.
func (c *Collector) keepBase(r *Repository) {
	c.reportClashes(r.Workspaces, c.options.Kept)
	for _, w := range c.options.Kept {
		if len(w.Groups) == 0 {
			continue
		}
		for _, name := range w.Groups {
			if _, known := findGroup(r.groups, name.Value); !known {
				c.report(ruleBaseGroup, name.At, "workspace %s of the base is in group %s, which is not one of %s",
					quoteName(w.Slug), quoteName(name.Value), groupNames(r.groups))
			}
		}
		r.Workspaces = append(r.Workspaces, w)
	}
	slices.SortStableFunc(r.Workspaces, func(a, b Workspace) int { return strings.Compare(a.Slug, b.Slug) })
}

// reportClashes reports slugs, IDs and apps that a workspace of the repository shares with one of
// the base. If the directory is the same, it reports only that.
func (c *Collector) reportClashes(ours, base []Workspace) {
	slugs := map[string]string{}
	ids := map[string]string{}
	apps := map[string]string{}
	for _, w := range base {
		slugs[w.Slug] = w.Slug
		ids[w.ID.Value] = w.Slug
		apps[w.App.Value] = w.Slug
	}
	for _, w := range ours {
		if !c.reportClash(slugs, w.Slug, w, "directory") {
			c.reportClash(ids, w.ID.Value, w, "workspace id")
			c.reportClash(apps, w.App.Value, w, "app slug")
		}
	}
}

func (c *Collector) reportClash(taken map[string]string, value string, w Workspace, what string) bool {
	other, clash := taken[value]
	if clash = clash && value != ""; clash {
		c.report(ruleBaseClash, Position{File: w.Slug}, "%s %s is already that of workspace %s of the base", what,
			quoteName(value), quoteName(other))
	}
	return clash
}

// adjustBaseFindings reduces diagnostics of the base to warnings and drops those about unknown
// apps: the base cannot be changed.
func adjustBaseFindings(found []diagnostic.Diagnostic) []diagnostic.Diagnostic {
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
