// SPDX-License-Identifier: AGPL-3.0-or-later

// Package compare reports the differences between two releases of workspaces, for those who approve
// the newer one for production.
//
// It compares manifests first, and then reads only the files of workspaces that differ. All texts
// pass through a [scan.Redactor]; a file that cannot be redacted is named but not shown. Content is
// bounded, and omissions are counted.
package compare

import (
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// Report lists the differences between two releases. Lists are never null. See [Report.WriteJSON].
type Report struct {
	Old Side `json:"old"`
	New Side `json:"new"`
	// Differ is set if there is any difference. Names, times and commits do not count.
	Differ bool `json:"differ"`
	// Warnings are what an approver should read first.
	Warnings []Warning `json:"warnings"`
	// Workspaces that differ, the most important changes first.
	Workspaces []Workspace `json:"workspaces"`
	// Unchanged counts the other workspaces.
	Unchanged int `json:"unchanged"`
	// Changes counts workspaces, groups and settings by class.
	Changes map[Class]int `json:"changes"`
	// OnlyVersion counts the workspaces with only a new version name.
	OnlyVersion OnlyVersion `json:"onlyVersion"`
	Groups      []Group     `json:"groups"`
	// Images is set if both releases are images. Otherwise Settings and Accepted are empty: a
	// source has no base, variables or scan result.
	Images bool `json:"images"`
	// Settings are differences between the images: base, platforms, variables, labels, …
	Settings []Setting `json:"settings"`
	// Accepted lists the fingerprints of accepted findings of the secret scan that only one release
	// has.
	Accepted Change[[]string] `json:"acceptedFindings"`
	// Cut counts what did not fit.
	Cut Cut `json:"cut"`
}

// Side is one of the two releases.
type Side struct {
	// Name is the reference as given, without credentials.
	Name string `json:"name"`
	// Digest is set for an image.
	Digest digest.Digest `json:"digest,omitempty"`
	// Release is the name of the release; empty for a source.
	Release string         `json:"release,omitempty"`
	Source  release.Source `json:"source"`
	// Workspaces and Files are the totals of the release.
	Workspaces int `json:"workspaces"`
	Files      int `json:"files"`
}

// Change is a value before and after.
type Change[T any] struct {
	Old T `json:"old"`
	New T `json:"new"`
}

// OnlyVersion counts workspaces that differ only in the version name.
type OnlyVersion struct {
	Count int `json:"count"`
	// Versions are the names before and after, the most frequent first.
	Versions []VersionChange `json:"versions"`
}

// VersionChange is a version name that some workspaces changed to.
type VersionChange struct {
	Change[string]
	Count int `json:"count"`
}

// Warning is a message for approvers.
type Warning struct {
	// Workspace is the slug; empty if the warning does not concern a workspace.
	Workspace string `json:"workspace,omitempty"`
	// Rule is the kind of warning.
	Rule Rule `json:"rule"`
	// Message does not quote the releases.
	Message string `json:"message"`
}

// Rule is a kind of warning.
type Rule string

// The kinds of warnings.
const (
	// SameVersion: the content changed but the version name did not, so the platform will not
	// import the workspace.
	SameVersion Rule = "same-version"
	// NoVersion: the workspace has no version name.
	NoVersion Rule = "no-version"
	// StaysInstalled: the workspace was removed from the release, but an import does not remove it
	// from the platform.
	StaysInstalled Rule = "stays-installed"
	// NewIdentity: the workspace has another ID under the same slug.
	NewIdentity Rule = "new-identity"
	// NeedsValues: the workspace refers to secrets or settings that the target platform may lack.
	NeedsValues Rule = "needs-values"
	// InvalidSource: the source has errors and cannot be built.
	InvalidSource Rule = "invalid-source"
)

// Status is what happened to a workspace or file.
type Status string

// The statuses. A regrouped workspace has the same files but is in other groups.
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
	// RenamedFrom is the previous slug of the workspace with this ID.
	RenamedFrom string `json:"renamedFrom,omitempty"`
	// Classes are the kinds of changes; Reasons explain them.
	Classes []Class  `json:"classes"`
	Reasons []Reason `json:"reasons"`
	// OnlyVersion is set if only the version name differs.
	OnlyVersion bool             `json:"onlyVersion,omitempty"`
	Version     Change[string]   `json:"version"`
	Groups      Change[[]string] `json:"groups"`
	// Fields lists differences in id, name and app.
	Fields []Field `json:"fields"`
	// DependsOn lists removed and added dependencies.
	DependsOn Change[[]string] `json:"dependsOn"`
	// Secrets are the secrets that the target platform no longer needs or newly needs.
	Secrets Change[[]string] `json:"secrets"`
	// Config are settings, likewise.
	Config Change[[]string] `json:"config"`
	Size   Change[Size]     `json:"size"`
	// Files lists the changed files, the most important first; empty for an added or removed
	// workspace.
	Files []File `json:"files"`
}

// Size is a number of files and their size in bytes.
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
	// Classes are the kinds of changes; see the reasons of the workspace.
	Classes []Class       `json:"classes"`
	Bytes   Change[int64] `json:"bytes"`
	// Note explains missing hunks, or adds to them.
	Note string `json:"note,omitempty"`
	// Added and Removed count lines, including those not shown.
	Added   int    `json:"addedLines"`
	Removed int    `json:"removedLines"`
	Hunks   []Hunk `json:"hunks"`
	// Cut counts the lines of hunks that did not fit.
	Cut int `json:"cutLines,omitempty"`
}

// Hunk is a part of a file in unified format.
type Hunk struct {
	// Header is a hunk header such as @@ -1,3 +1,4 @@.
	Header string `json:"header"`
	// Where is the position in the structure of the file, such as do[3].fetch.body.
	Where string `json:"where,omitempty"`
	// Lines start with a space, + or -.
	Lines []string `json:"lines"`
}

// Group is a group with differences other than added or removed workspaces.
type Group struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Class  Class  `json:"class"`
	// Position is the 1-based import position of the group; 0 if it does not exist.
	Position Change[int]      `json:"position"`
	Labels   Change[[]string] `json:"labels"`
	// Order is the part of the import order that differs, among the workspaces in both versions of
	// the group.
	Order Change[[]string] `json:"order"`
}

// Setting is a difference between the images, such as a variable.
type Setting struct {
	// Kind is a kind such as variable or label. Name is empty for kinds with a single value.
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
	Class Class  `json:"class"`
	// Platforms is empty if the setting differs on all common platforms.
	Platforms []string `json:"platforms,omitempty"`
	Change[*string]
}

// Cut counts what a limit omits.
type Cut struct {
	// Files counts files without any content shown.
	Files int `json:"files"`
	// Lines counts all omitted lines.
	Lines int `json:"lines"`
}
