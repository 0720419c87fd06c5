// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxComparisons bounds how many workspaces the platform is asked to compare in
// one pass, as each is a request. The next pass goes on where this one ended.
const maxComparisons = 200

// reconcile compares a confirmed release with the platform, without importing.
// To repair is to forget the word for the groups that drifted: the pass asks for
// it again, with force. Trouble here closes nothing.
func (p *pass) reconcile(ctx context.Context, mode Mode) {
	if !p.store.Get().Confirmed || p.Policy.Reconcile == ReconcileNever {
		return
	}
	drifted, err := p.drift(ctx, mode)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.log.Warn("cannot compare the release with the platform", "error", err)
		return
	}
	p.showDrift(drifted)
	if p.Policy.Reconcile == ReconcileRepair && mode == ModeImport {
		p.planRepair(drifted)
	}
}

// planRepair marks the groups to import again. One that was marked before and
// waited for the lock may have been repaired by another replica meanwhile. One of
// which another release was imported is left to that: it may be a rollout, which
// pods of the former release must not undo.
func (p *pass) planRepair(drifted []string) {
	for i := range p.Desired.Groups {
		g := &p.Desired.Groups[i]
		is := func(among []string) bool {
			return slices.ContainsFunc(g.slugs(), func(s string) bool { return slices.Contains(among, s) })
		}
		switch {
		case is(p.mem.foreign) && p.mem.repair[g.Name]:
			delete(p.mem.repair, g.Name)
			p.mem.confirmed[g.Name] = true
		case is(p.mem.foreign):
		case !is(drifted):
			delete(p.mem.repair, g.Name)
			delete(p.mem.repairs, g.Name)
		case p.mem.repair[g.Name] || p.mem.mayRepair(g, p.Policy.ReconcileEvery):
			p.mem.repair[g.Name] = true
			delete(p.mem.confirmed, g.Name)
		}
	}
}

// drift returns the slugs of expected workspaces that are not as they were imported.
func (p *pass) drift(ctx context.Context, mode Mode) ([]string, error) {
	from := p.Pod
	if mode == ModeObserve {
		from = p.events()
	}
	if err := p.workspaces(ctx, from); err != nil {
		return nil, err
	}
	known, found, there := indexInstalled(p.list), []string{}, []*platform.Installed{}
	p.mem.foreign = nil
	names := map[string]string{} // slug of the release by id on the platform
	for _, g := range p.Desired.Groups {
		for _, w := range g.Workspaces {
			got := known.find(w.Slug, w.ID)
			if got == nil {
				found = append(found, w.Slug)
				continue
			}
			if got.LastPull != nil && w.Version != "" && got.LastPull.Version != w.Version {
				found, p.mem.foreign = append(found, w.Slug), append(p.mem.foreign, w.Slug)
				continue
			}
			if names[got.ID] == "" {
				there = append(there, got)
			}
			names[got.ID] = w.Slug
		}
	}
	if err := p.compare(ctx, from, there, names); err != nil {
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

// compare asks the platform whether workspaces are as they were imported, where
// it answers that at all.
func (p *pass) compare(ctx context.Context, from *platform.Client, all []*platform.Installed, names map[string]string) error {
	for range min(len(all), maxComparisons) {
		w := all[p.mem.next%len(all)]
		p.mem.next = (p.mem.next + 1) % len(all)
		s, err := from.WorkspaceStatus(ctx, w.ID)
		switch platform.ClassOf(err) {
		case platform.ClassNotFound, platform.ClassForbidden, platform.ClassRejected:
			return nil // this platform does not compare
		case platform.ClassNone:
			p.mem.changes[names[w.ID]] = len(s.Changes) > 0
		default:
			return fmt.Errorf("status of workspace %s: %w", names[w.ID], err)
		}
	}
	return nil
}

func (p *pass) showDrift(slugs []string) {
	old := p.store.Get().Drift
	p.store.Update(func(s *state.Snapshot) {
		s.Drift = &state.Drift{Checked: time.Now(), Workspaces: slugs}
		switch {
		case len(slugs) > 0:
			s.Problem = state.NewProblem(state.Drifted, "changed or missing: "+strings.Join(slugs[:min(len(slugs), 20)], ", "), "")
		case s.Problem != nil && s.Problem.Reason == state.Drifted:
			s.Problem = nil
		}
	})
	if len(slugs) > 0 && (old == nil || !slices.Equal(old.Workspaces, slugs)) {
		p.log.Warn("workspaces were changed after the import", "reason", state.Drifted, "workspaces", slugs)
	}
}
