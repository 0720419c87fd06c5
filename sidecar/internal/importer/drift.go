// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxComparisons is the maximum number of workspaces to compare in one pass, because each takes a
// request. The next pass continues where this one stopped.
const maxComparisons = 200

// reconcile compares a confirmed release with the platform, without importing. To repair drift it
// un-confirms the drifted groups, and the pass then imports them again with force. Errors here
// never affect readiness.
func (p *pass) reconcile(ctx context.Context, mode Mode) {
	if !p.store.Get().Confirmed {
		return
	}
	err := p.loadList(ctx)
	if err == nil && !p.listOnly && p.Policy.Reconcile != ReconcileNever {
		err = p.compareWorkspaces(ctx, mode)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.log.Warn("cannot compare the release with the platform", "error", err)
		return
	}
	p.checkForeign(ctx, mode)
}

// compareWorkspaces compares every workspace with the imported content.
func (p *pass) compareWorkspaces(ctx context.Context, mode Mode) error {
	drifted, err := p.findDrift(ctx)
	if err != nil {
		return err
	}
	p.publishDrift(drifted)
	if p.Policy.Reconcile == ReconcileRepair && mode == ModeImport {
		p.planRepair(drifted)
	}
	return nil
}

// planRepair marks the groups to import again. A group that was already marked and waited for the
// lock may have been repaired by another replica in the meantime. A group over which another
// release was imported is left to checkTakeBack, because the import may belong to a rollout that pods of
// the old release must not undo.
func (p *pass) planRepair(drifted []string) {
	list := indexInstalled(p.list)
	for i := range p.Desired.Groups {
		g := &p.Desired.Groups[i]
		known := p.mem.forGroup(g)
		s := p.inspectTolerated(list, g)
		has := func(slug string) bool { return slices.Contains(drifted, slug) }
		switch {
		case len(s.foreign) > 0 && known.repair:
			known.repair = false
			known.confirmedPass = p.mem.pass
		case len(s.foreign) > 0:
		case !slices.ContainsFunc(g.workspaceSlugs(), has):
			known.repair = false
			known.repairs = repeats{}
		case known.repair || known.repairs.mayRepeat(p.Policy.ReconcileEvery, maxRepairDoublings):
			known.repair = true
			known.confirmedPass = 0
		}
	}
}

// maxRepairDoublings limits the backoff between unsuccessful repairs.
const maxRepairDoublings = 8

// findDrift returns the slugs of expected workspaces that are missing or were edited. It excludes
// workspaces of another release: see checkForeign.
func (p *pass) findDrift(ctx context.Context) ([]string, error) {
	installed := indexInstalled(p.list)
	found := []string{}
	there := []*platform.Installed{}
	names := map[string]string{} // slugs by platform ID
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		s := p.inspectTolerated(installed, g)
		found = append(found, s.missing...)
		for _, w := range g.Workspaces {
			got := installed.find(w.Slug, w.ID)
			if got == nil || slices.Contains(s.foreign, w.Slug) {
				continue
			}
			if names[got.ID] == "" {
				there = append(there, got)
			}
			names[got.ID] = w.Slug
		}
	}
	if err := p.compareWithPlatform(ctx, there, names); err != nil {
		return nil, err
	}
	for _, w := range there {
		if slug := names[w.ID]; p.mem.changes[slug] {
			found = append(found, slug)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// compareWithPlatform asks the platform whether workspaces still have the imported content, if it supports the
// request.
func (p *pass) compareWithPlatform(ctx context.Context, all []*platform.Installed, names map[string]string) error {
	for range min(len(all), maxComparisons) {
		w := all[p.mem.next%len(all)]
		p.mem.next = (p.mem.next + 1) % len(all)
		s, err := p.lister.WorkspaceStatus(ctx, w.ID)
		switch platform.ClassOf(err) {
		case platform.ClassNotFound, platform.ClassForbidden, platform.ClassRejected:
			return nil // this platform does not support the comparison
		case platform.ClassNone:
			p.mem.changes[names[w.ID]] = len(s.Changes) > 0
		default:
			return fmt.Errorf("status of workspace %s: %w", names[w.ID], err)
		}
	}
	return nil
}

func (p *pass) publishDrift(slugs []string) {
	old := p.store.Get().Drift
	p.store.Update(func(s *state.Snapshot) {
		s.Drift = &state.Drift{Checked: time.Now(), Workspaces: slugs}
		switch {
		case len(slugs) > 0:
			s.Problem = state.NewProblem(state.Drifted, "changed or missing: "+state.JoinSlugs(slugs), "")
		case s.Problem != nil && s.Problem.Reason == state.Drifted:
			s.Problem = nil
		}
	})
	if len(slugs) > 0 && (old == nil || !slices.Equal(old.Workspaces, slugs)) {
		p.log.Warn("workspaces were changed after the import", "reason", state.Drifted, "workspaces", slugs)
	}
}
