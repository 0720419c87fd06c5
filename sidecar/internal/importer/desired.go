// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"strings"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Desired is the release that the pod should import.
type Desired struct {
	// Repository is the ID of the platform repository.
	Repository string
	// RepositoryName is the name that the pod must report for it. Empty means unknown.
	RepositoryName string
	// Name is the name of the release, if known.
	Name string
	// Digest is the digest of the manifest, or empty without one. The workspaces are then unknown.
	Digest string
	Groups []GroupPlan
}

// GroupPlan is a group and its expected workspaces.
type GroupPlan struct {
	Name string
	// Workspaces is in import order. It is empty without a manifest.
	Workspaces []release.Workspace
}

// NewDesired combines the configuration with the manifest, which may be nil. Empty repository and
// groups default to the manifest's.
func NewDesired(repository string, groups []string, m *release.Manifest, digest string) (Desired, error) {
	d := Desired{Repository: repository, Digest: digest}
	if m == nil {
		for _, name := range groups {
			d.Groups = append(d.Groups, GroupPlan{Name: name})
		}
		return d, d.checkComplete()
	}
	if repository != "" && repository != m.Repository.ID {
		return Desired{}, mismatchError("the repository is %q in the configuration and %q in the manifest", repository,
			m.Repository.ID)
	}
	d.Repository = m.Repository.ID
	d.RepositoryName = m.Repository.Name
	d.Name = m.Name
	if len(groups) == 0 {
		groups = m.GroupNames()
	}
	for _, name := range groups {
		g, ok := m.Group(name)
		if !ok {
			return Desired{}, mismatchError("the manifest has no group %q, it has %s", name, strings.Join(m.GroupNames(), ", "))
		}
		d.Groups = append(d.Groups, planGroup(m, g))
	}
	return d, d.checkComplete()
}

func planGroup(m *release.Manifest, g release.Group) GroupPlan {
	plan := GroupPlan{Name: g.Name}
	for _, slug := range g.Workspaces {
		if w, ok := m.Workspace(slug); ok {
			plan.Workspaces = append(plan.Workspaces, w)
		}
	}
	return plan
}

func (d *Desired) checkComplete() error {
	if d.Repository == "" || len(d.Groups) == 0 {
		return mismatchError("repository and groups are unknown: set both, or mount the manifest")
	}
	return nil
}

func mismatchError(format string, args ...any) *Failure {
	return &Failure{Reason: state.ManifestMismatch, Message: fmt.Sprintf(format, args...)}
}

// memoryKey identifies the release in the importer's memory.
func (d *Desired) memoryKey() string {
	names := make([]string, 0, len(d.Groups)+2)
	names = append(names, d.Repository, d.Digest)
	for _, g := range d.Groups {
		names = append(names, g.Name)
	}
	return strings.Join(names, "\x00")
}

// workspaceSlugs returns the slugs of the workspaces.
func (g *GroupPlan) workspaceSlugs() []string {
	all := make([]string, len(g.Workspaces))
	for i, w := range g.Workspaces {
		all[i] = w.Slug
	}
	return all
}

// expectedVersion returns the expected version of a workspace, or "" if it is unknown.
func (g *GroupPlan) expectedVersion(slug string) string {
	for _, w := range g.Workspaces {
		if w.Slug == slug {
			return w.Version
		}
	}
	return ""
}
