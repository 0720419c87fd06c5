// SPDX-License-Identifier: AGPL-3.0-or-later

// Package workspace validates repositories of Prisme.ai workspaces and computes their import order.
//
// A [Collector] is given each file once and keeps small facts only. [Collector.Finish] reports all
// problems of the files; [Repository.Plan] reports problems of their order. Together they validate
// a repository. Validation never stops at the first problem.
//
// Messages quote keys, slugs, names and numbers, but no other content: the files have not been
// scanned for secrets yet.
//
// The facts about the platform come from its public documentation and from published workspaces;
// [Rules] lists the checks and their reasons.
package workspace

import (
	"cmp"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Group is a set of workspaces that the platform imports with one request.
type Group struct {
	Name string
	// Labels put a workspace that has any of them into the group when it is pushed. Empty means
	// that the labels are unknown.
	Labels []string
}

// DefaultGroups returns the groups of the platform's upgrade guide, in its order.
func DefaultGroups() []Group {
	return []Group{{Name: "base1"}, {Name: "base2"}, {Name: "extended"}, {Name: "one-product"}}
}

// Limits bound the size of a repository. A zero field means its default.
type Limits struct {
	// FileSize is the maximum size of a YAML or JSON file in bytes; 10 MiB by default.
	FileSize int
	// ScalarSize is the maximum size of a YAML scalar in bytes; 4 MiB by default.
	ScalarSize int
	// Nodes is the maximum number of nodes of a YAML file with aliases expanded; 500,000 by
	// default.
	Nodes int
	// Depth is the maximum nesting of a YAML file; 100 by default, as on the platform.
	Depth int
	// Files is the maximum number of YAML and JSON files of a workspace; 5,000 by default, the most
	// that the platform imports.
	Files int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		FileSize:   cmp.Or(l.FileSize, 10<<20),
		ScalarSize: cmp.Or(l.ScalarSize, 4<<20),
		Nodes:      cmp.Or(l.Nodes, 500_000),
		Depth:      cmp.Or(l.Depth, 100),
		Files:      cmp.Or(l.Files, 5000),
	}
}

// Options configure the validation.
type Options struct {
	// Groups in import order. Nil means [DefaultGroups], any of which may be empty, followed by the
	// groups that workspaces name, in dependency order.
	Groups []Group
	// StartupGroups are imported when the platform starts, and must not be empty. Nil means all of
	// Groups, if those are given.
	StartupGroups []string
	Limits        Limits
	// ExternalApps are slugs of apps that the platform already has. Workspaces may use them without
	// declaring them.
	ExternalApps []string
	// Kept are the workspaces of the base image that ship with these: see [Base].
	Kept []Workspace
	// Alone checks workspaces that are imported individually: they need no group, and hence no
	// .import.yml.
	Alone bool
	// Checksums controls how checksum differences are reported.
	Checksums ChecksumMode
	// Stamped is set if version names have stamps: see [Stamper].
	Stamped bool
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	if o.Alone {
		o.Groups = nil
		o.StartupGroups = nil
	}
	if len(o.Groups) == 0 {
		o.Groups = DefaultGroups()
		return o
	}
	if len(o.StartupGroups) == 0 {
		for _, g := range o.Groups {
			o.StartupGroups = append(o.StartupGroups, g.Name)
		}
	}
	return o
}

// Position is a position in a file; line and column are 1-based.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Text is a string of a file and its position.
type Text struct {
	Value string
	At    Position
}

// Workspace holds the facts of one workspace.
type Workspace struct {
	// Slug is the name of the directory, by which a bulk import identifies the workspace.
	Slug string
	// IndexSlug is slug of index.yml; may be empty.
	IndexSlug Text
	Name      Text
	Labels    []Text
	// ID is workspaceId of .import.yml, else id of index.yml.
	ID Text
	// Version is version.name of .import.yml; plain exports have none.
	Version Text
	// SourceVersion is the version name in the source if Version has a stamp: see [Stamper].
	SourceVersion string
	// App is the slug of the app that the workspace publishes, if any.
	App    Text
	Groups []Text
	// DependsOn holds app slugs without the prefix app/.
	DependsOn []Text
	// Files and Bytes count all files of the workspace.
	Files  int
	Bytes  int64
	Digest digest.Digest
	// Requires are the values that the workspace refers to but does not define.
	Requires release.Requirements
	// FromBase marks a workspace of the base image: see [Base].
	FromBase bool

	// delegates is the position of the rule in security.yml that lets other workspaces read
	// secrets.
	delegates Position
}

// Repository holds the facts of all workspaces.
type Repository struct {
	// Workspaces sorted by slug.
	Workspaces []Workspace

	groups       []Group
	externalApps []string
	// explicit is set if the groups were configured: empty groups are kept.
	explicit bool
	// foundGroups is set if groups were found in the workspaces.
	foundGroups bool
}

// Manifest returns the workspaces in the form of the release manifest.
func (r *Repository) Manifest() []release.Workspace {
	out := make([]release.Workspace, 0, len(r.Workspaces))
	for _, w := range r.Workspaces {
		out = append(out, release.Workspace{
			Slug:          w.Slug,
			ID:            w.ID.Value,
			Name:          w.Name.Value,
			Version:       w.Version.Value,
			SourceVersion: w.SourceVersion,
			App:           w.App.Value,
			DependsOn:     w.sortedDependencies(),
			Files:         w.Files,
			Bytes:         w.Bytes,
			Digest:        w.Digest,
			Requires:      w.Requires,
			FromBase:      w.FromBase,
		})
	}
	return out
}

func (w *Workspace) sortedDependencies() []string {
	var slugs []string
	for _, d := range w.DependsOn {
		slugs = append(slugs, d.Value)
	}
	slices.Sort(slugs)
	return slices.Compact(slugs)
}

func (w *Workspace) inGroup(name string) bool {
	return slices.ContainsFunc(w.Groups, func(t Text) bool { return t.Value == name })
}

// String returns file:line:column, as far as known.
func (p Position) String() string {
	return diagnostic.Diagnostic{File: p.File, Line: p.Line, Column: p.Column}.Position()
}
