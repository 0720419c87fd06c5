// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"slices"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// observeGroup confirms a group that the service imports by itself: by its
// events if they can be read, and by the installed versions.
func (p *pass) observeGroup(ctx context.Context, g *GroupPlan) (imported bool, err error) {
	p.setGroup(g, state.GroupWaiting)
	p.enter(state.Confirm, g.Name)
	if r := p.native(ctx, g); r != nil && (r.Failed() || len(g.Workspaces) == 0) {
		return p.judge(g, r)
	}
	if v, ok := p.installed(ctx, p.events(), g); ok {
		return false, p.accept(g, v)
	}
	if len(g.Workspaces) == 0 && p.noEvents {
		return false, &Failure{Reason: state.NothingToObserve, Message: "there is no manifest, and events cannot be read"}
	}
	if _, err := p.events().Platform(ctx); err != nil {
		return false, FailureOf(err)
	}
	return false, &Failure{Reason: state.NotImportedYet, Message: "the installed versions are not the release's"}
}

// native returns the report of the newest import of the group by this pod.
func (p *pass) native(ctx context.Context, g *GroupPlan) *platform.ImportReport {
	started := p.store.Get().Started
	for _, e := range p.newest(ctx, started.AddDate(0, 0, -1)) {
		ours := e.Replica != "" && e.Replica == p.Policy.PodName || e.Replica == "" && e.CreatedAt.After(started)
		if r := e.Completed; r != nil && ours && r.RepositoryID == p.Desired.Repository && slices.Equal(r.Groups, []string{g.Name}) {
			return r
		}
	}
	return nil
}
