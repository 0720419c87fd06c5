// SPDX-License-Identifier: AGPL-3.0-or-later

// Package compare tells what differs between two releases of workspaces, for people
// who decide whether the newer one goes to production.
//
// It compares manifests first; of the files it reads those of the workspaces that
// differ. What it shows holds no secret: all texts go through a [Redactor], and a file
// for which that cannot vouch is named and not shown. Content is bounded, and what is
// left out is counted.
package compare

import (
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// SchemaVersion is that of [Report] as JSON. Fields may be added under the same version.
const SchemaVersion = 1

// Report is what differs between two releases. Its JSON encoding is stable; lists are
// never null.
type Report struct {
	SchemaVersion int  `json:"schemaVersion"`
	Old           Side `json:"old"`
	New           Side `json:"new"`
	// Differ reports that something below differs. Names, times and commits do not count.
	Differ bool `json:"differ"`
	// Warnings are what an approver should know before anything else.
	Warnings []Warning `json:"warnings"`
	// Workspaces that differ, the most important changes first. Unchanged counts the others.
	Workspaces []Workspace `json:"workspaces"`
	Unchanged  int         `json:"unchanged"`
	// Changes counts what differs by class: workspaces, groups, settings.
	Changes map[Class]int `json:"changes"`
	// OnlyVersion counts the workspaces that only get a new version name.
	OnlyVersion OnlyVersion `json:"onlyVersion"`
	Groups      []Group     `json:"groups"`
	// Images reports that both are images. Of a source, neither base and variables nor
	// the outcome of a scan are known, so that the next two say nothing.
	Images bool `json:"images"`
	// Settings are what differs in the images: base, platforms, variables, labels, …
	Settings []Setting `json:"settings"`
	// Accepted lists the fingerprints of accepted findings of the secret scan that only
	// one of the two has.
	Accepted Change[[]string] `json:"acceptedFindings"`
	// Cut counts what there was no room for.
	Cut Cut `json:"cut"`
}

// Side is one of the two releases.
type Side struct {
	// Name is what was asked for, without credentials.
	Name string `json:"name"`
	// Digest of an image.
	Digest digest.Digest `json:"digest,omitempty"`
	// Release is the name of the release; empty for a source, which has none yet.
	Release string         `json:"release,omitempty"`
	Source  release.Source `json:"source"`
	// Workspaces and Files count what the release holds.
	Workspaces int `json:"workspaces"`
	Files      int `json:"files"`
}

// Change is something before and after.
type Change[T any] struct {
	Old T `json:"old"`
	New T `json:"new"`
}

// OnlyVersion counts workspaces of which nothing but the version name differs.
type OnlyVersion struct {
	Count int `json:"count"`
	// Versions are the names before and after, the most frequent first.
	Versions []VersionChange `json:"versions"`
}

// VersionChange is a new version name of some workspaces.
type VersionChange struct {
	Change[string]
	Count int `json:"count"`
}

// Warning is what an approver should know.
type Warning struct {
	// Workspace is the slug; empty if it is not about one.
	Workspace string `json:"workspace,omitempty"`
	// Rule names the kind of the warning.
	Rule Rule `json:"rule"`
	// Message quotes nothing of the releases.
	Message string `json:"message"`
}

// Rule is a kind of warning.
type Rule string

// The kinds of warnings.
const (
	// SameVersion is a workspace with other content under the same version name: the
	// platform will not import it.
	SameVersion Rule = "same-version"
	// NoVersion is a workspace without a version name.
	NoVersion Rule = "no-version"
	// StaysInstalled is a workspace that was removed: an import removes none.
	StaysInstalled Rule = "stays-installed"
	// NewIdentity is a workspace that has another id than before under the same slug.
	NewIdentity Rule = "new-identity"
	// NeedsValues is a workspace that refers to secrets or settings that the target
	// platform may not have.
	NeedsValues Rule = "needs-values"
	// InvalidSource is a source with mistakes, from which no release can be built.
	InvalidSource Rule = "invalid-source"
)

// Status says what happened to a workspace or a file.
type Status string

// The statuses. Regrouped is a workspace that has the same files, and is in other groups.
const (
	Added     Status = "added"
	Removed   Status = "removed"
	Changed   Status = "changed"
	Regrouped Status = "regrouped"
)

// Workspace is a workspace that differs.
type Workspace struct {
	Slug   string `json:"slug"`
	Status Status `json:"status"`
	// RenamedFrom is the slug that the workspace of this id had before.
	RenamedFrom string `json:"renamedFrom,omitempty"`
	// Classes say what kinds of changes there are, Reasons why.
	Classes []Class  `json:"classes"`
	Reasons []Reason `json:"reasons"`
	// OnlyVersion reports that nothing but the version name differs.
	OnlyVersion bool             `json:"onlyVersion,omitempty"`
	Version     Change[string]   `json:"version"`
	Groups      Change[[]string] `json:"groups"`
	// Fields lists what differs in what is known of the workspace: id, name, app.
	Fields []Field `json:"fields"`
	// DependsOn lists the apps that it no longer uses, and those that it now uses.
	DependsOn Change[[]string] `json:"dependsOn"`
	// Secrets and Config list the values that the target platform no longer needs, and
	// those that it now needs.
	Secrets Change[[]string] `json:"secrets"`
	Config  Change[[]string] `json:"config"`
	Size    Change[Size]     `json:"size"`
	// Files lists those that differ, the most important first; none for a workspace that was
	// added or removed.
	Files []File `json:"files"`
}

// Size counts files and their bytes.
type Size struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Field is a value that differs.
type Field struct {
	Name string `json:"name"`
	Change[string]
}

// File is a file that differs.
type File struct {
	// Path is relative to the workspace.
	Path   string `json:"path"`
	Status Status `json:"status"`
	// Classes say what kinds of changes there are: see the reasons of the workspace.
	Classes []Class       `json:"classes"`
	Bytes   Change[int64] `json:"bytes"`
	// Note says why there are no hunks, or what they do not tell.
	Note string `json:"note,omitempty"`
	// Added and Removed count lines, also those that are not shown.
	Added   int    `json:"addedLines"`
	Removed int    `json:"removedLines"`
	Hunks   []Hunk `json:"hunks"`
	// Cut counts the lines of hunks that there was no room for.
	Cut int `json:"cutLines,omitempty"`
}

// Hunk is a part of a file, in the unified format.
type Hunk struct {
	// Header is such as @@ -1,3 +1,4 @@.
	Header string `json:"header"`
	// Where is the place in the structure of the file, such as do[3].fetch.body.
	Where string `json:"where,omitempty"`
	// Lines start with a space, + or -.
	Lines []string `json:"lines"`
}

// Group is a group that differs, beside workspaces that joined or left it.
type Group struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Class  Class  `json:"class"`
	// Position is the place among the groups, from 1; 0 where there is no such group.
	Position Change[int]      `json:"position"`
	Labels   Change[[]string] `json:"labels"`
	// Order is the part of the import order that differs, of workspaces that both
	// releases have in the group.
	Order Change[[]string] `json:"order"`
}

// Setting is something of the image that differs, such as a variable.
type Setting struct {
	// Kind is such as variable or label; Name is empty for what there is one of.
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
	Class Class  `json:"class"`
	// Platforms is empty if it is the same on all that both images have.
	Platforms []string `json:"platforms,omitempty"`
	Change[*string]
}

// Cut counts what is not shown because of a limit.
type Cut struct {
	// Files counts files none of whose content is shown, Lines all lines that are missing.
	Files int `json:"files"`
	Lines int `json:"lines"`
}
