// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"maps"
	"slices"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Finish returns the facts of all workspaces and all diagnostics, sorted by position. The collector
// must not be used afterwards.
func (c *Collector) Finish() (*Repository, []diagnostic.Diagnostic) {
	c.findGroups()
	repo := &Repository{
		groups: c.options.Groups, externalApps: c.options.ExternalApps, explicit: len(c.options.StartupGroups) > 0,
		foundGroups: c.foundGroups,
	}
	if len(c.spaces) == 0 {
		c.report(ruleRepositoryEmpty, Position{}, "there is no workspace")
	}
	for _, slug := range slices.Sorted(maps.Keys(c.spaces)) {
		s := c.spaces[slug]
		w := s.collectFacts()
		c.checkWorkspace(s, &w)
		delete(c.spaces, slug)
		repo.Workspaces = append(repo.Workspaces, w)
	}
	c.checkScripts(repo.Workspaces)
	c.checkUnique(repo.Workspaces)
	c.keepBase(repo)
	c.checkStartupGroups(repo.Workspaces)
	return repo, c.sortedFindings()
}

// collectFacts returns the facts of a workspace.
func (s *workspaceState) collectFacts() Workspace {
	w := Workspace{
		Slug: s.slug, Files: len(s.files), Bytes: s.bytes, Digest: release.ContentDigest(s.files),
		Requires:  s.listRequirements(),
		delegates: s.delegates,
	}
	if s.index != nil {
		w.ID = s.index.id
		w.IndexSlug = s.index.slug
		w.Name = s.index.name
		w.Labels = s.index.labels
	}
	if s.metadata != nil {
		w.Version = s.metadata.version
		w.App = s.metadata.app
		w.Groups = s.metadata.groups
		w.DependsOn = s.metadata.dependsOn
		if s.metadata.workspaceID.Value != "" {
			w.ID = s.metadata.workspaceID
		}
	}
	return w
}

// checkWorkspace checks a workspace once all its files are known.
func (c *Collector) checkWorkspace(s *workspaceState, w *Workspace) {
	directory := Position{File: s.slug}
	c.checkSlug(Text{Value: s.slug, At: directory})
	if !s.hasIndex {
		c.reportMissingIndex(s, directory)
	}
	if w.IndexSlug.Value != "" && w.IndexSlug.Value != s.slug {
		c.report(ruleSlugDirectory, w.IndexSlug.At, "slug %s differs from the name of the directory, %s",
			quoteName(w.IndexSlug.Value), quoteName(s.slug))
	}
	if limit := c.options.Limits.Files; s.documents > limit {
		c.report(ruleLimit, directory, "the workspace has more than %d YAML and JSON files (%d)", limit, s.documents)
	}
	c.checkSecrets(s)
	c.checkObjects(s)
	c.checkApp(s, w)
	switch {
	case s.metadata != nil:
		c.checkMetadata(s, w)
	case !s.hasMetadata && !c.options.Alone:
		c.report(ruleMetadataMissing, directory,
			"workspace %s has no .import.yml, so it is not in any group", quoteName(s.slug))
	}
}

func (c *Collector) reportMissingIndex(s *workspaceState, directory Position) {
	for _, o := range s.overrides {
		if o.name == indexFile {
			c.report(ruleIndexMissing, o.at, "the file must be index.yml: a release finds its workspaces by that name")
			return
		}
	}
	c.report(ruleIndexMissing, directory, "directory %s has no index.yml", quoteName(s.slug))
}

func (c *Collector) checkMetadata(s *workspaceState, w *Workspace) {
	file := Position{File: s.slug + "/" + metadataFile}
	c.checkIDs(s)
	c.checkVersion(w, file)
	if w.App.Value != "" && !appSlug.MatchString(w.App.Value) && !placeholder.MatchString(w.App.Value) {
		c.report(ruleAppSlugInvalid, w.App.At, "app slug %s is not valid", quoteName(w.App.Value))
	}
	if !c.options.Alone {
		c.checkGroups(w, file)
	}
	c.checkImports(s, w)
	c.checkChecksums(s, file.File)
}

func (c *Collector) checkIDs(s *workspaceState) {
	if s.index == nil {
		return
	}
	here := s.metadata.workspaceID
	there := s.index.id
	if here.Value != "" && there.Value != "" && here.Value != there.Value {
		c.report(ruleWorkspaceIDMismatch, here.At, "workspaceId %s differs from id of index.yml, %s",
			quoteName(here.Value),
			quoteName(there.Value))
	}
}

// isReserved reports whether the platform gives a version name another meaning.
func isReserved(name string) bool { return name == "latest" || name == "current" }

func (c *Collector) checkVersion(w *Workspace, file Position) {
	switch {
	case w.Version.Value == "":
		c.report(ruleVersionNameMissing, file, "workspace %s has no version name", quoteName(w.Slug))
	case isReserved(w.Version.Value):
		c.report(ruleVersionNameReserved, w.Version.At, "version name %q is reserved by the platform", w.Version.Value)
	}
}

// checkImports reports used apps that are not declared, each once.
func (c *Collector) checkImports(s *workspaceState, w *Workspace) {
	declared := map[string]bool{}
	for _, d := range w.DependsOn {
		declared[d.Value] = true
	}
	slices.SortFunc(s.imports, func(a, b appImport) int { return compareText(a.app, b.app) })
	for _, i := range s.imports {
		if !declared[i.app.Value] && !slices.Contains(c.options.ExternalApps, i.app.Value) {
			declared[i.app.Value] = true
			c.report(ruleImportUndeclared, i.app.At, "app %s is used but not in dependsOn of .import.yml",
				quoteName(i.app.Value))
		}
	}
}

// checkScripts reports references between automations and pages that do not match.
func (c *Collector) checkScripts(workspaces []Workspace) {
	for _, w := range workspaces {
		c.scripts.Publish(w.Slug, w.App.Value)
	}
	for _, f := range c.scripts.Check() {
		c.report(f.Rule, Position{File: f.File, Line: f.Line, Column: f.Column}, "%s", f.Message)
	}
}
