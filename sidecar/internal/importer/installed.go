// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// findInstalled reports whether the list of workspaces already has the whole group at its versions,
// imported not before since. The group then needs no import and no lock. It never confirms a group
// in which a failed import may have set a version.
func (p *pass) findInstalled(ctx context.Context, g *GroupPlan, since time.Time) (verdict, bool) {
	if len(g.Workspaces) == 0 || len(p.mem.forGroup(g).distrust) > 0 || p.loadList(ctx) != nil {
		return verdict{}, false // a pull reports the problem
	}
	installed := indexInstalled(p.list)
	v := verdict{}
	for i := range g.Workspaces {
		w := &g.Workspaces[i]
		got := installed.find(w.Slug, w.ID)
		if w.Version == "" || got == nil || !matchesVersion(got.LastPull, w.Version, p.Desired.Repository) ||
			got.LastPull.CreatedAt.Before(since.Truncate(time.Second)) {
			return verdict{}, false
		}
		if at := got.LastPull.CreatedAt; at.After(v.pulled) {
			v.pulled = at
		}
		v.workspaces = append(v.workspaces, state.Workspace{
			Slug:    w.Slug,
			Name:    w.Name,
			Version: w.Version,
			State:   state.WorkspaceConfirmed,
		})
	}
	return v, true
}

// loadList loads the list of installed workspaces if it is not loaded yet.
func (p *pass) loadList(ctx context.Context) (err error) {
	if p.list == nil {
		begin := time.Now()
		p.list, _, err = p.lister.Workspaces(ctx)
		p.listDuration = time.Since(begin)
		if err == nil {
			p.listed = begin
			p.listOutdated = false
		}
	}
	return err
}

func (p *pass) reloadList(ctx context.Context) error {
	p.list = nil
	return p.loadList(ctx)
}

func matchesVersion(v *platform.InstalledVersion, version, repository string) bool {
	return v != nil && v.Version == version && (v.RepositoryID == "" || v.RepositoryID == repository)
}

// installedIndex finds installed workspaces by slug or ID.
type installedIndex struct {
	bySlug, byID map[string]*platform.Installed
	// versions is true if the platform reports lastPull of at least one workspace.
	versions bool
}

func indexInstalled(list []platform.Installed) installedIndex {
	x := installedIndex{
		bySlug: make(map[string]*platform.Installed, len(list)),
		byID:   make(map[string]*platform.Installed, len(list)),
	}
	for i := range list {
		x.bySlug[list[i].Slug] = &list[i]
		x.byID[list[i].ID] = &list[i]
		x.versions = x.versions || list[i].LastPull != nil
	}
	return x
}

// find looks up the slug, then the ID, because the platform may use another slug (platform contract
// §1.2).
func (x installedIndex) find(slug, id string) *platform.Installed {
	if got := x.bySlug[slug]; got != nil || id == "" {
		return got
	}
	return x.byID[id]
}

// checkSkipped fails the verdict of workspaces that were skipped although another version is
// installed. A platform that skips older versions would otherwise prevent a rollback (platform
// contract §10). before is the list from before the import; the list is reloaded only if it
// contradicts the verdict.
func (p *pass) checkSkipped(ctx context.Context, g *GroupPlan, v *verdict, before []platform.Installed) {
	wrong := p.findWronglySkipped(g, v, before)
	if len(wrong) == 0 || p.reloadList(ctx) != nil {
		return
	}
	for _, w := range p.findWronglySkipped(g, v, p.list) {
		v.needsForce = true
		v.failWorkspace(w.Slug, state.WrongVersion, "the platform skipped it although it has another version")
	}
}

func (p *pass) findWronglySkipped(g *GroupPlan, v *verdict, list []platform.Installed) []release.Workspace {
	installed := indexInstalled(list)
	return slices.DeleteFunc(slices.Clone(g.Workspaces), func(w release.Workspace) bool {
		got := installed.find(w.Slug, w.ID)
		if w.Version == "" || v.workspaceState(w.Slug) != state.WorkspaceSkipped {
			return true
		}
		return got == nil || got.LastPull == nil || got.LastPull.Version == w.Version
	})
}

// maxListAttempts is the maximum number of attempts to load a list that may save a forced import.
const maxListAttempts = 3

// mayBeListed returns the failed workspaces that the platform may list at the expected version
// nevertheless, and would skip from now on.
func (p *pass) mayBeListed(ctx context.Context, failed []state.Workspace) []string {
	err := p.reloadList(ctx)
	for n := 1; err != nil && n < maxListAttempts && sleep(ctx, backoff.Jitter(p.Policy.RetryMin)); n++ {
		err = p.reloadList(ctx)
	}
	installed := indexInstalled(p.list)
	slugs := []string{}
	for _, w := range failed {
		got := installed.find(w.Slug, "")
		otherwise := err == nil && installed.versions && w.Version != "" &&
			(got == nil || got.LastPull == nil || got.LastPull.Version != w.Version)
		if !otherwise {
			slugs = append(slugs, w.Slug)
		}
	}
	return slugs
}

func (v *verdict) workspaceState(slug string) state.WorkspaceState {
	for _, w := range v.workspaces {
		if w.Slug == slug {
			return w.State
		}
	}
	return ""
}

// failWorkspace marks one workspace as failed.
func (v *verdict) failWorkspace(slug string, r state.Reason, text string) {
	for i := range v.workspaces {
		if w := &v.workspaces[i]; w.Slug == slug {
			w.State = state.WorkspaceFailed
			w.Error = text
			w.Reason = r
		}
	}
	if v.failure == nil {
		v.failure = &Failure{Reason: r, Message: fmt.Sprintf("workspace %s: %s", slug, text)}
	}
}

// suspectWorkspaces returns the workspaces that an import with errors may have left broken: the failed ones,
// or all if none failed.
func (v *verdict) suspectWorkspaces() []state.Workspace {
	notFailed := func(w state.Workspace) bool { return w.State != state.WorkspaceFailed }
	failed := slices.DeleteFunc(slices.Clone(v.workspaces), notFailed)
	if len(failed) == 0 {
		return v.workspaces
	}
	return failed
}
