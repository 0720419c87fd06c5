// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// observeGroup confirms a group that the service imports by itself: by its
// events if they can be read, and by the installed versions.
func (p *pass) observeGroup(ctx context.Context, g *GroupPlan) (imported bool, err error) {
	p.setGroup(g, state.GroupWaiting)
	p.enter(state.Confirm, g.Name)
	r := p.native(ctx, g)
	if r != nil && (r.Failed() || len(g.Workspaces) == 0 || len(p.mem.of(g).distrust) > 0 || !p.versionsAreTold(ctx)) {
		return p.judge(ctx, attempt{group: g}, r)
	}
	if v, ok := p.installed(ctx, g, time.Time{}); ok && (r != nil || p.noEvents || p.noEventComes(g, v.pulled)) {
		return false, p.accept(g, v)
	}
	if len(g.Workspaces) == 0 && p.noEvents {
		return false, &Failure{Reason: state.NothingToObserve, Message: "there is no manifest, and events cannot be read"}
	}
	w, err := p.events().Platform(ctx)
	if err != nil {
		return false, FailureOf(err)
	}
	p.showLock(ctx, w.Lock)
	return false, &Failure{Reason: state.NotImportedYet, Message: "the installed versions are not the release's"}
}

// versionsAreTold reports whether the list of workspaces says what is installed.
func (p *pass) versionsAreTold(ctx context.Context) bool {
	return p.workspaces(ctx) == nil && indexInstalled(p.list).versions
}

// eventLag is how long an event may take until it can be found (contract §1.7).
const eventLag = time.Minute

// noEventComes reports whether it is too late for the event of an import that the
// list shows: a version may be set by one that failed, and its event tells later.
func (p *pass) noEventComes(g *GroupPlan, pulled time.Time) bool {
	if !pulled.IsZero() && pulled.Before(p.store.Get().Started.Add(-eventLag)) {
		return true
	}
	known := p.mem.of(g)
	if known.seen.IsZero() {
		known.seen = time.Now()
	}
	return time.Since(known.seen) >= eventLag
}

// native returns the report of the newest import of the group, if a pod of the
// same release imported it: this one, or one of its replica set, as only one of
// them gets the lock. What somebody imported before that is another release's.
func (p *pass) native(ctx context.Context, g *GroupPlan) (newest *platform.ImportReport) {
	started := p.store.Get().Started
	query := platform.EventQuery{Types: []string{platform.EventImportCompleted}}
	for _, e := range p.newest(ctx, started.AddDate(0, 0, -1), query) {
		if r := e.Completed; r == nil || r.RepositoryID != p.Desired.Repository || !slices.Equal(r.Groups, []string{g.Name}) {
			continue
		}
		if newest == nil {
			newest = e.Completed
		}
		if sibling(e.Replica, p.Policy.PodName) || e.Replica == "" && e.CreatedAt.After(started) {
			return newest
		}
	}
	return nil
}

// sibling reports whether two pods are the same, or replicas of one template: the
// names of those differ after the last hyphen only.
func sibling(a, b string) bool {
	i, j := strings.LastIndexByte(a, '-'), strings.LastIndexByte(b, '-')
	return a != "" && (a == b || i > 0 && i == j && a[:i] == b[:j])
}
