// SPDX-License-Identifier: Apache-2.0

// Package release defines the release manifest: the contract between the
// builder, which writes it into an image, and whoever reads it there, first of
// all the sidecar that verifies an import against it.
//
// The encoding is canonical: equal manifests have equal bytes and so an equal
// digest, which the image carries as label [LabelManifestDigest].
package release

import (
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// SchemaVersion is the version of the manifest that this package writes and reads.
// Fields may be added under the same version; readers ignore what they do not know.
const SchemaVersion = 1

const (
	// Directory of the image that holds the manifest, outside of the workspaces
	// directory, which the platform takes for a repository.
	Directory = "/www/release"
	// ManifestPath is where the image holds the manifest.
	ManifestPath = Directory + "/manifest.json"
	// MediaType names the manifest's format.
	MediaType = "application/vnd.prismeai.workspaces.release.v1+json"
)

// Labels (and annotations) of a release image beside the org.opencontainers.image ones.
const (
	// LabelManifestDigest holds the digest of the manifest's bytes.
	// Its presence is what makes an image "one of our releases".
	LabelManifestDigest = "ai.prisme.workspaces.manifest.digest"
	// LabelRepository holds the id of the platform repository.
	LabelRepository = "ai.prisme.workspaces.repository.id"
	// LabelDirectory holds the directory of the workspaces.
	LabelDirectory = "ai.prisme.workspaces.directory"
	// LabelGroups holds the names of the groups in import order, with commas.
	LabelGroups = "ai.prisme.workspaces.groups"
)

// Manifest describes one release.
type Manifest struct {
	SchemaVersion int `json:"schemaVersion"`
	// Name of the release, such as v2.4.0.
	Name string `json:"name"`
	// Created is the release epoch, in UTC and whole seconds: SOURCE_DATE_EPOCH,
	// else the time of the source commit, else 0. It is never the time of the build.
	Created    time.Time  `json:"created"`
	Source     Source     `json:"source"`
	Base       *Base      `json:"base,omitempty"` // nil for a content-only image
	Repository Repository `json:"repository"`
	Layer      Layer      `json:"layer"`
	// Groups in import order.
	Groups []Group `json:"groups"`
	// Workspaces sorted by slug.
	Workspaces []Workspace `json:"workspaces"`
	// Checksums says what the build made of files that are not those of their checksums in
	// .import.yml: warn, verify, refresh or ignore. Empty is not known.
	Checksums string `json:"checksums,omitempty"`
	Scan      Scan   `json:"scan"`
	Tool      Tool   `json:"tool"`
}

// Source says where the workspaces come from.
type Source struct {
	// URL of the Git repository, without credentials; empty for a bare directory.
	URL string `json:"url,omitempty"`
	// Commit is the full hash of the commit.
	Commit string `json:"commit,omitempty"`
	// Ref is the branch or tag that was asked for.
	Ref string `json:"ref,omitempty"`
	// Subdir is the directory of the workspaces within the repository.
	Subdir string `json:"subdir,omitempty"`
	// Dirty reports that what ships is not what the commit holds.
	Dirty bool `json:"dirty,omitempty"`
}

// Base is the image that the release was built on.
type Base struct {
	// Name is the reference as it was asked for, without credentials.
	Name string `json:"name"`
	// Digest is that of the index, or of the manifest where there is no index.
	Digest digest.Digest `json:"digest"`
}

// Repository is the platform repository that the image provides
// (platform contract: WORKSPACES_STORAGE_GIT_PLATFORM_<id>_*).
type Repository struct {
	ID string `json:"id"`
	// Name is what GET /v2/workspaces/platform reports as
	// platformRepositories.<id>.name: it tells which release a pod carries.
	Name      string `json:"name"`
	Directory string `json:"directory"`
}

// Layer is the image layer that holds the workspaces.
type Layer struct {
	// Digest is that of the compressed blob, DiffID that of the tar within.
	Digest digest.Digest `json:"digest"`
	DiffID digest.Digest `json:"diffId"`
	// Size of the compressed blob in bytes.
	Size int64 `json:"size"`
}

// Group is a set of workspaces that is imported by one request.
type Group struct {
	Name string `json:"name"`
	// Labels put a workspace into the group on the platform that pushes it.
	Labels []string `json:"labels,omitempty"`
	// Workspaces are slugs, in the order of the import.
	Workspaces []string `json:"workspaces"`
}

// Workspace is one workspace of the release.
type Workspace struct {
	// Slug is the name of the directory, by which a bulk import identifies it.
	Slug string `json:"slug"`
	// ID is workspaceId of .import.yml, or id of index.yml; empty if neither has one.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Version is version.name of .import.yml: the platform skips a workspace
	// whose installed version has the same name.
	Version string `json:"version,omitempty"`
	// SourceVersion is the name in the source, where Version has a stamp of the content.
	SourceVersion string `json:"sourceVersion,omitempty"`
	// App is the slug of the app that the workspace publishes.
	App string `json:"app,omitempty"`
	// DependsOn lists the app slugs that it uses, sorted.
	DependsOn []string `json:"dependsOn,omitempty"`
	Files     int      `json:"files"`
	Bytes     int64    `json:"bytes"`
	// Digest is the [ContentDigest] of its files.
	Digest digest.Digest `json:"digest"`
	// FromBase reports that the base image holds the workspace: it is not in [Layer], and
	// the scan has not looked at it.
	FromBase bool `json:"fromBase,omitempty"`
	// Requires are the values that the workspace needs and a release does not carry.
	Requires Requirements `json:"requires,omitzero"`
}

// Requirements are names of values that differ from platform to platform, sorted
// (platform contract §12: WORKSPACE_SECRET_<slug>_<name>, WORKSPACE_CONFIG_<slug>_<name>).
type Requirements struct {
	// Secrets are referred to as {{secret.name}}, or declared to be required.
	Secrets []string `json:"secrets,omitempty"`
	// Config are referred to as {{config.name}}, and have no value and no default.
	Config []string `json:"config,omitempty"`
}

// Scan says what the secret scan looked at and what it found.
type Scan struct {
	// Scanners lists what scanned, with the digests of their rules.
	Scanners []Scanner `json:"scanners"`
	// Policy is the digest of the policy in force.
	Policy digest.Digest `json:"policy"`
	Files  int           `json:"files"`
	Bytes  int64         `json:"bytes"`
	// Accepted lists the fingerprints of the findings that the policy or a baseline
	// accepts; Warnings counts those that the policy does not take for errors.
	Accepted []string `json:"accepted,omitempty"`
	Warnings int      `json:"warnings,omitempty"`
}

// Scanner is one secret scanner.
type Scanner struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Detectors is the number of detectors, Rules the digest of their names and versions.
	Detectors int           `json:"detectors"`
	Rules     digest.Digest `json:"rules"`
}

// Tool is the program that built the release.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Group returns the group of that name.
func (m *Manifest) Group(name string) (Group, bool) {
	i := slices.IndexFunc(m.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return m.Groups[i], true
}

// Workspace returns the workspace of that slug.
func (m *Manifest) Workspace(slug string) (Workspace, bool) {
	i, found := slices.BinarySearchFunc(m.Workspaces, slug, func(w Workspace, slug string) int {
		return strings.Compare(w.Slug, slug)
	})
	if !found {
		return Workspace{}, false
	}
	return m.Workspaces[i], true
}

// FromBase counts the workspaces that the base image holds.
func (m *Manifest) FromBase() int {
	n := 0
	for _, w := range m.Workspaces {
		if w.FromBase {
			n++
		}
	}
	return n
}

// GroupNames returns the names of the groups in import order.
func (m *Manifest) GroupNames() []string {
	names := make([]string, len(m.Groups))
	for i, g := range m.Groups {
		names[i] = g.Name
	}
	return names
}
