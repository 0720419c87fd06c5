// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// installed reports whether the list of workspaces shows the whole group at its
// versions already, imported not before since. Then nothing is posted, and
// nobody is kept off the lock. It never confirms a group in which a version may
// have been set by an import that failed.
func (p *pass) installed(ctx context.Context, g *GroupPlan, since time.Time) (verdict, bool) {
	if len(g.Workspaces) == 0 || len(p.mem.of(g).distrust) > 0 || p.workspaces(ctx) != nil {
		return verdict{}, false // a pull tells what is wrong
	}
	known, v := indexInstalled(p.list), verdict{}
	for i := range g.Workspaces {
		w := &g.Workspaces[i]
		got := known.find(w.Slug, w.ID)
		if w.Version == "" || got == nil || !matches(got.LastPull, w.Version, p.Desired.Repository) || got.LastPull.CreatedAt.Before(since.Truncate(time.Second)) {
			return verdict{}, false
		}
		if at := got.LastPull.CreatedAt; at.After(v.pulled) {
			v.pulled = at
		}
		v.workspaces = append(v.workspaces, state.Workspace{Slug: w.Slug, Name: w.Name, Version: w.Version, State: state.WorkspaceConfirmed})
	}
	return v, true
}

// workspaces makes sure that there is a list of installed workspaces.
func (p *pass) workspaces(ctx context.Context) (err error) {
	if p.list == nil {
		begin := time.Now()
		p.list, _, err = p.lister.Workspaces(ctx)
		p.lookTook = time.Since(begin)
		if err == nil {
			p.listed, p.dated = begin, false
		}
	}
	return err
}

func (p *pass) listAnew(ctx context.Context) error {
	p.list = nil
	return p.workspaces(ctx)
}

func matches(v *platform.InstalledVersion, version, repository string) bool {
	return v != nil && v.Version == version && (v.RepositoryID == "" || v.RepositoryID == repository)
}

// installedIndex finds installed workspaces.
type installedIndex struct {
	bySlug, byID map[string]*platform.Installed
	// versions: the platform tells lastPull, at least of one.
	versions bool
}

func indexInstalled(list []platform.Installed) installedIndex {
	x := installedIndex{bySlug: make(map[string]*platform.Installed, len(list)), byID: make(map[string]*platform.Installed, len(list))}
	for i := range list {
		x.bySlug[list[i].Slug], x.byID[list[i].ID] = &list[i], &list[i]
		x.versions = x.versions || list[i].LastPull != nil
	}
	return x
}

// find looks for the slug, then for the id: a slug may differ on the platform (contract §1.2).
func (x installedIndex) find(slug, id string) *platform.Installed {
	if got := x.bySlug[slug]; got != nil || id == "" {
		return got
	}
	return x.byID[id]
}

// checkSkipped fails a verdict for workspaces that were skipped although another
// version is installed: a platform that skips what is newer keeps a rollback from
// taking place (contract §10). Before is the list from before the import: only
// what it contradicts is asked about.
func (p *pass) checkSkipped(ctx context.Context, g *GroupPlan, v *verdict, before []platform.Installed) {
	wrong := p.skippedWrongly(g, v, before)
	if len(wrong) == 0 || p.listAnew(ctx) != nil {
		return
	}
	for _, w := range p.skippedWrongly(g, v, p.list) {
		v.ignored = true
		v.fail(w.Slug, state.WrongVersion, "the platform skipped it and has another version")
	}
}

func (p *pass) skippedWrongly(g *GroupPlan, v *verdict, list []platform.Installed) []release.Workspace {
	known := indexInstalled(list)
	return slices.DeleteFunc(slices.Clone(g.Workspaces), func(w release.Workspace) bool {
		got := known.find(w.Slug, w.ID)
		return w.Version == "" || v.stateOf(w.Slug) != state.WorkspaceSkipped || got == nil || got.LastPull == nil || got.LastPull.Version == w.Version
	})
}

// triesForEvidence bounds how often the list is asked for that spares a forced import.
const triesForEvidence = 3

// atVersion returns those of some workspaces whose import failed that the
// platform may take for imported all the same, and so skip from now on.
func (p *pass) atVersion(ctx context.Context, failed []state.Workspace) []string {
	err := p.listAnew(ctx)
	for n := 1; err != nil && n < triesForEvidence && sleep(ctx, jitter(p.Policy.RetryMin)); n++ {
		err = p.listAnew(ctx)
	}
	known, slugs := indexInstalled(p.list), []string{}
	for _, w := range failed {
		got := known.find(w.Slug, "")
		otherwise := err == nil && known.versions && w.Version != "" && (got == nil || got.LastPull == nil || got.LastPull.Version != w.Version)
		if !otherwise {
			slugs = append(slugs, w.Slug)
		}
	}
	return slugs
}

func (v *verdict) stateOf(slug string) state.WorkspaceState {
	for _, w := range v.workspaces {
		if w.Slug == slug {
			return w.State
		}
	}
	return ""
}

// fail changes the verdict about one workspace.
func (v *verdict) fail(slug string, r state.Reason, text string) {
	for i := range v.workspaces {
		if w := &v.workspaces[i]; w.Slug == slug {
			w.State, w.Error, w.Reason = state.WorkspaceFailed, text, r
		}
	}
	if v.failure == nil {
		v.failure = &Failure{Reason: r, Message: fmt.Sprintf("workspace %s: %s", slug, text)}
	}
}

// suspects are the workspaces that an import with errors may have left broken:
// those with an error, or all when none has one.
func (v *verdict) suspects() []state.Workspace {
	failed := slices.DeleteFunc(slices.Clone(v.workspaces), func(w state.Workspace) bool { return w.State != state.WorkspaceFailed })
	if len(failed) == 0 {
		return v.workspaces
	}
	return failed
}
