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

// reconcile compares a confirmed release with the platform, without importing.
// To repair is to forget the word for the groups that drifted: the pass that
// follows asks for it again, with force.
func (p *pass) reconcile(ctx context.Context, mode Mode) error {
	if !p.store.Get().Confirmed || p.Policy.Reconcile == ReconcileNever {
		return nil
	}
	drifted, err := p.drift(ctx)
	if err != nil {
		p.log.Warn("cannot compare the release with the platform", "error", err)
		return nil // trouble after the confirmation closes nothing
	}
	p.showDrift(drifted)
	if len(drifted) == 0 || p.Policy.Reconcile != ReconcileRepair || mode == ModeObserve {
		return nil
	}
	for _, g := range p.Desired.Groups {
		if slices.ContainsFunc(g.slugs(), func(s string) bool { return slices.Contains(drifted, s) }) {
			delete(p.mem.confirmed, g.Name)
			p.mem.repair[g.Name] = true
		}
	}
	return nil
}

// drift returns the slugs of expected workspaces that are not as they were imported.
func (p *pass) drift(ctx context.Context) ([]string, error) {
	from := p.Pod
	if p.store.Get().Mode == string(ModeObserve) {
		from = p.events()
	}
	list, _, err := from.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	bySlug, byID := indexInstalled(list)
	found, statuses := []string{}, true
	for _, g := range p.Desired.Groups {
		for _, w := range g.Workspaces {
			got := bySlug[w.Slug]
			if got == nil {
				got = byID[w.ID]
			}
			if got == nil || got.LastPull != nil && w.Version != "" && got.LastPull.Version != w.Version {
				found = append(found, w.Slug)
				continue
			}
			if !statuses {
				continue
			}
			s, err := from.WorkspaceStatus(ctx, got.ID)
			if platform.ClassOf(err) == platform.ClassNotFound {
				statuses = false // this platform does not compare
			} else if err != nil {
				return nil, fmt.Errorf("status of workspace %s: %w", w.Slug, err)
			}
			if len(s.Changes) > 0 {
				found = append(found, w.Slug)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
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
