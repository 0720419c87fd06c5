// SPDX-License-Identifier: Apache-2.0

// Package release defines the release manifest. The builder writes it into an image; the sidecar
// and other tools read it there to verify an import.
//
// The encoding is canonical: equal manifests have equal bytes and therefore equal digests. An image
// contains a manifest in two files, so that a registry stores the larger one once for all releases
// of the same workspaces: see [Split] and [Load]. The image carries the digest of the first file, which
// covers the other, as label [LabelManifestDigest].
package release

import (
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// SchemaVersion is the schema version of a manifest in one document. New fields do not change it;
// readers ignore unknown fields.
const SchemaVersion = 1

const (
	// Directory is the directory of the manifest in the image. It is outside the workspaces
	// directory, which the platform treats as a repository.
	Directory = "/www/release"
	// ManifestPath is the path of the manifest in the image. See [WorkspacesPath] for the other file.
	ManifestPath = Directory + "/manifest.json"
	// MediaType is the media type of the file at ManifestPath.
	MediaType = "application/vnd.prismeai.workspaces.release.v2+json"
)

// Labels and annotations of a release image, in addition to org.opencontainers.image.*.
const (
	// LabelManifestDigest holds the digest of the manifest. Its presence marks an image as a
	// release of this project.
	LabelManifestDigest = "ai.prisme.workspaces.manifest.digest"
	// LabelRepository holds the ID of the platform repository.
	LabelRepository = "ai.prisme.workspaces.repository.id"
	// LabelDirectory holds the directory of the workspaces.
	LabelDirectory = "ai.prisme.workspaces.directory"
	// LabelGroups holds the comma-separated names of the groups in import order.
	LabelGroups = "ai.prisme.workspaces.groups"
)

// Manifest describes one release.
type Manifest struct {
	SchemaVersion int `json:"schemaVersion"`
	// Name is the name of the release, such as v2.4.0.
	Name string `json:"name"`
	// Created is the release epoch, in UTC and whole seconds: SOURCE_DATE_EPOCH, otherwise the time
	// of the source commit, otherwise 0. It is never the build time.
	Created    time.Time  `json:"created"`
	Source     Source     `json:"source"`
	Base       *Base      `json:"base,omitempty"` // nil for a content-only image
	Repository Repository `json:"repository"`
	// Layer is the first of Layers. It hides the workspaces of the base, unless they also ship.
	Layer Layer `json:"layer"`
	// Layers are all layers with workspaces, the lowest first. Manifests of older builders have
	// none: see [Manifest.ContentLayers].
	Layers []ContentLayer `json:"layers,omitempty"`
	// Groups is in import order.
	Groups []Group `json:"groups"`
	// Workspaces is sorted by slug.
	Workspaces []Workspace `json:"workspaces"`
	// Checksums is how the build handled files that differ from their checksums in .import.yml:
	// warn, verify, refresh or ignore. Empty means unknown.
	Checksums string `json:"checksums,omitempty"`
	Scan      Scan   `json:"scan"`
	Tool      Tool   `json:"tool"`
}

// Source is the origin of the workspaces.
type Source struct {
	// URL of the Git repository, without credentials. Empty for a plain directory.
	URL string `json:"url,omitempty"`
	// Commit is the full commit hash.
	Commit string `json:"commit,omitempty"`
	// Ref is the requested branch or tag.
	Ref string `json:"ref,omitempty"`
	// Subdir is the directory of the workspaces in the repository.
	Subdir string `json:"subdir,omitempty"`
	// Dirty is true if the content differs from the commit.
	Dirty bool `json:"dirty,omitempty"`
}

// Base is the base image of the release.
type Base struct {
	// Name is the requested reference, without credentials.
	Name string `json:"name"`
	// Digest is the digest of the index, or of the manifest if there is no index.
	Digest digest.Digest `json:"digest"`
}

// Repository is the platform repository that the image provides (platform contract:
// WORKSPACES_STORAGE_GIT_PLATFORM_<id>_*).
type Repository struct {
	ID string `json:"id"`
	// Name is the value that GET /v2/workspaces/platform reports as platformRepositories.<id>.name.
	// It identifies the release of a pod.
	Name      string `json:"name"`
	Directory string `json:"directory"`
}

// Layer is an image layer with workspaces.
type Layer struct {
	// Digest is the digest of the compressed blob and DiffID the digest of the tar archive in it.
	Digest digest.Digest `json:"digest"`
	DiffID digest.Digest `json:"diffId"`
	// Size is the size of the compressed blob, in bytes.
	Size int64 `json:"size"`
}

// ContentLayer is a layer and the workspaces in it.
type ContentLayer struct {
	Layer
	// Workspaces are the slugs, sorted.
	Workspaces []string `json:"workspaces"`
}

// Group is a set of workspaces that one request imports.
type Group struct {
	Name string `json:"name"`
	// Labels assign workspaces to the group on the platform that pushes them.
	Labels []string `json:"labels,omitempty"`
	// Workspaces lists slugs in import order.
	Workspaces []string `json:"workspaces"`
}

// Workspace is one workspace of the release.
type Workspace struct {
	// Slug is the name of the directory. A bulk import identifies the workspace by it.
	Slug string `json:"slug"`
	// ID is workspaceId in .import.yml, otherwise id in index.yml, or empty.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Version is version.name in .import.yml. The platform skips a workspace whose installed
	// version has the same name.
	Version string `json:"version,omitempty"`
	// SourceVersion is the version in the source if Version has a content stamp.
	SourceVersion string `json:"sourceVersion,omitempty"`
	// App is the slug of the app that the workspace publishes, or empty.
	App string `json:"app,omitempty"`
	// DependsOn lists the slugs of the apps that the workspace uses, sorted.
	DependsOn []string `json:"dependsOn,omitempty"`
	Files     int      `json:"files"`
	Bytes     int64    `json:"bytes"`
	// Digest is the [ContentDigest] of the files.
	Digest digest.Digest `json:"digest"`
	// FromBase is true if the workspace is in the base image. It is then in no layer of the release and was not
	// scanned.
	FromBase bool `json:"fromBase,omitempty"`
	// Requires lists the values that the workspace needs and that a release does not contain.
	Requires Requirements `json:"requires,omitzero"`
}

// Requirements lists names of values that differ between platforms, sorted (platform contract §12:
// WORKSPACE_SECRET_<slug>_<name>, WORKSPACE_CONFIG_<slug>_<name>).
type Requirements struct {
	// Secrets are referenced as {{secret.name}} or declared as required.
	Secrets []string `json:"secrets,omitempty"`
	// Config values are referenced as {{config.name}} and have neither a value nor a default.
	Config []string `json:"config,omitempty"`
}

// Scan describes the secret scan and its result.
type Scan struct {
	// Scanners lists the scanners with the digests of their rules.
	Scanners []Scanner `json:"scanners"`
	// Policy is the digest of the applied policy.
	Policy digest.Digest `json:"policy"`
	Files  int           `json:"files"`
	Bytes  int64         `json:"bytes"`
	// Accepted lists the fingerprints of the findings that the policy or a baseline accepts.
	// Warnings is the number of findings that the policy does not treat as errors.
	Accepted []string `json:"accepted,omitempty"`
	Warnings int      `json:"warnings,omitempty"`
}

// Scanner is one secret scanner.
type Scanner struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Detectors is the number of detectors and Rules the digest of their names and versions.
	Detectors int           `json:"detectors"`
	Rules     digest.Digest `json:"rules"`
}

// Tool is the program that built the release.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Group returns the group called name.
func (m *Manifest) Group(name string) (Group, bool) {
	i := slices.IndexFunc(m.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return m.Groups[i], true
}

// Workspace returns the workspace with the given slug.
func (m *Manifest) Workspace(slug string) (Workspace, bool) {
	i, found := slices.BinarySearchFunc(m.Workspaces, slug, func(w Workspace, slug string) int {
		return strings.Compare(w.Slug, slug)
	})
	if !found {
		return Workspace{}, false
	}
	return m.Workspaces[i], true
}

// ContentLayers returns the layers with workspaces of the release, the lowest first. A manifest
// that lists none has all of them in one layer.
func (m *Manifest) ContentLayers() []ContentLayer {
	if len(m.Layers) > 0 {
		return m.Layers
	}
	only := ContentLayer{Layer: m.Layer}
	for _, w := range m.Workspaces {
		if !w.FromBase {
			only.Workspaces = append(only.Workspaces, w.Slug)
		}
	}
	return []ContentLayer{only}
}

// FromBase returns the number of workspaces in the base image.
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
