// SPDX-License-Identifier: AGPL-3.0-or-later

// Package workspace knows what a repository of Prisme.ai workspaces is: its
// facts, its mistakes, and the order in which the platform will import it.
//
// A [Collector] is fed each file once and keeps small facts only.
// [Collector.Finish] reports everything that is wrong with the files;
// [Repository.Plan] reports what is wrong with their order. Both together are
// the validation of a repository. Nothing stops at the first mistake.
//
// Messages quote keys, slugs, names and numbers, never other content of a file:
// the files have not been scanned for secrets yet.
//
// The facts about the platform are those of its public documentation and of
// published workspaces; [Rules] says what is checked and why.
package workspace

import (
	"cmp"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Group is a set of workspaces that the platform imports by one request.
type Group struct {
	Name string
	// Labels put a workspace that has any of them into the group when the
	// workspaces are pushed. Empty means that nothing is known about labels.
	Labels []string
}

// DefaultGroups returns the groups that the platform's upgrade guide names, in its order.
func DefaultGroups() []Group {
	return []Group{{Name: "base1"}, {Name: "base2"}, {Name: "extended"}, {Name: "one-product"}}
}

// Limits bound what a repository may hold. A zero field means its default.
type Limits struct {
	// FileSize is the size of a YAML or JSON file in bytes; 10 MiB by default.
	FileSize int
	// ScalarSize is the size of one YAML scalar in bytes; 4 MiB by default.
	ScalarSize int
	// Nodes is the number of nodes of a YAML file, aliases counted as what they
	// stand for; 500,000 by default.
	Nodes int
	// Depth is the nesting of a YAML file. The default, 100, is that of the platform.
	Depth int
	// Files is the number of YAML and JSON files of a workspace. The default,
	// 5,000, is the most that the platform imports.
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

// Options say what the workspaces are checked against.
type Options struct {
	// Groups in import order. None means [DefaultGroups], of which any may be empty, and
	// then those that the workspaces name, in the order of their dependencies.
	Groups []Group
	// StartupGroups are imported when the platform starts and need a member each.
	// None means all of Groups, if those are given.
	StartupGroups []string
	Limits        Limits
	// ExternalApps are slugs of apps that the platform has without this repository:
	// workspaces may use them, and need not declare them.
	ExternalApps []string
	// Kept are the workspaces that the base holds, and that ship with these: see [Base].
	Kept []Workspace
	// Alone checks workspaces that are imported one at a time, by no group: they need
	// none, nor the .import.yml that says so.
	Alone bool
	// Checksums says what differences from the checksums of .import.yml mean.
	Checksums ChecksumMode
	// Stamped says that version names tell what has changed: see [Stamper].
	Stamped bool
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	if o.Alone {
		o.Groups, o.StartupGroups = nil, nil
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

// Position is a place in a file; line and column are 1-based.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Text is a string of a file and where it stands.
type Text struct {
	Value string
	At    Position
}

// Workspace is what is known about one workspace.
type Workspace struct {
	// Slug is the name of the directory, by which a bulk import identifies it.
	Slug string
	// IndexSlug is slug of index.yml, which may be absent.
	IndexSlug Text
	Name      Text
	Labels    []Text
	// ID is workspaceId of .import.yml, else id of index.yml.
	ID Text
	// Version is version.name of .import.yml; plain exports have none.
	Version Text
	// SourceVersion is the version name in the source, if Version has a stamp: see [Stamper].
	SourceVersion string
	// App is the slug of the app that the workspace publishes, if any.
	App    Text
	Groups []Text
	// DependsOn holds app slugs, without the app/ that they are written with.
	DependsOn []Text
	// Files and Bytes count all files that were added for the workspace.
	Files  int
	Bytes  int64
	Digest digest.Digest
	// Requires are the values that it refers to and does not have.
	Requires release.Requirements
	// FromBase marks a workspace that the base image holds: see [Base].
	FromBase bool

	// delegates is where security.yml lets other workspaces read secrets, if it does.
	delegates Position
}

// Repository is what is known about all workspaces.
type Repository struct {
	// Workspaces sorted by slug.
	Workspaces []Workspace

	groups       []Group
	externalApps []string
	// explicit reports that the groups were configured: an empty one is kept.
	explicit bool
	// foundGroups reports that groups were found in the workspaces.
	foundGroups bool
}

// Manifest returns the workspaces as the release manifest lists them.
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

// String returns file:line:column as far as they are known.
func (p Position) String() string {
	return diagnostic.Diagnostic{File: p.File, Line: p.Line, Column: p.Column}.Position()
}
