// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// Manifest returns the manifest that the builder would write for the release. The digests are
// synthetic, but differ if the content differs.
func (r *Release) Manifest(name string) *release.Manifest {
	sum := digest.FromString(name)
	m := &release.Manifest{SchemaVersion: release.SchemaVersion, Name: name,
		Repository: release.Repository{ID: r.ID, Name: r.Name, Directory: "/www/workspaces"},
		Layer:      release.Layer{Digest: sum, DiffID: sum, Size: 1},
		Scan:       release.Scan{Policy: sum}, Tool: release.Tool{Name: "platformtest", Version: "v1"}}
	for _, group := range r.Groups() {
		g := release.Group{Name: group}
		for _, w := range r.Select([]string{group}) {
			g.Workspaces = append(g.Workspaces, w.Slug)
		}
		m.Groups = append(m.Groups, g)
	}
	for _, w := range r.Workspaces {
		m.Workspaces = append(m.Workspaces, release.Workspace{Slug: w.Slug, ID: w.ID, Name: w.Name, Version: w.Version,
			App: w.AppSlug, Files: w.Files, Digest: digest.FromString(w.Slug + w.Version + w.Name)})
	}
	slices.SortFunc(m.Workspaces, func(a, b release.Workspace) int { return strings.Compare(a.Slug, b.Slug) })
	return m
}
