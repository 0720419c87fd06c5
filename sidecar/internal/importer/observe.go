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

// observeGroup confirms a group that the service imports on its own, based on the installed
// versions and on events if they can be read.
func (p *pass) observeGroup(ctx context.Context, g *GroupPlan) (imported bool, err error) {
	p.publishGroupState(g, state.GroupWaiting)
	p.enterPhase(state.Confirm, g.Name)
	r, at := p.findNative(ctx, g)
	needsReport := len(g.Workspaces) == 0 || len(p.mem.forGroup(g).distrust) > 0
	if r != nil && (r.Failed() || needsReport || !p.reportsVersions(ctx)) {
		if slugs := p.importedSince(ctx, g, at); len(slugs) > 0 {
			message := "another release was imported over it: " + state.JoinSlugs(slugs)
			return false, &Failure{Reason: state.ForeignRelease, Message: message}
		}
		return p.judgeReport(ctx, attempt{group: g, since: at}, r)
	}
	v, ok := p.findInstalled(ctx, g, time.Time{})
	if ok && (r != nil || p.feed.Refused != nil || p.isTooLateForEvent(g, v.pulled)) {
		return false, p.publishVerdict(g, v)
	}
	if len(g.Workspaces) == 0 && p.feed.Refused != nil {
		return false, &Failure{Reason: state.NothingToObserve, Message: "no manifest is mounted, and events cannot be read"}
	}
	w, err := p.eventsClient().Platform(ctx)
	if err != nil {
		return false, FailureOf(err)
	}
	p.publishLock(ctx, w.Lock)
	return false, &Failure{Reason: state.NotImportedYet, Message: "the installed versions are not those of the release"}
}

// reportsVersions reports whether the list of workspaces has versions.
func (p *pass) reportsVersions(ctx context.Context) bool {
	return p.loadList(ctx) == nil && indexInstalled(p.list).versions
}

// eventLag is the maximum delay until an event can be found (platform contract §1.7).
const eventLag = time.Minute

// isTooLateForEvent reports whether an event about the listed import is no longer expected. A failed
// import may also set a version, and its event arrives later.
func (p *pass) isTooLateForEvent(g *GroupPlan, pulled time.Time) bool {
	if !pulled.IsZero() && pulled.Before(p.store.Get().Started.Add(-eventLag)) {
		return true
	}
	known := p.mem.forGroup(g)
	if known.seen.IsZero() {
		known.seen = time.Now()
	}
	return time.Since(known.seen) >= eventLag
}

// findNative returns the report of the newest import of the group if a pod of the same release ran
// it: this pod or another one of its ReplicaSet, because only one of them gets the lock. Earlier
// imports belong to another release. at is the time of the report.
func (p *pass) findNative(ctx context.Context, g *GroupPlan) (newest *platform.ImportReport, at time.Time) {
	started := p.store.Get().Started
	query := platform.EventQuery{Types: []string{platform.EventImportCompleted}}
	for _, e := range p.newestEvents(ctx, started.AddDate(0, 0, -1), query) {
		r := e.Completed
		if r == nil || r.RepositoryID != p.Desired.Repository || !slices.Equal(r.Groups, []string{g.Name}) {
			continue
		}
		if newest == nil {
			newest = r
			at = e.CreatedAt
		}
		if isSibling(e.Replica, p.Policy.PodName) || e.Replica == "" && e.CreatedAt.After(started) {
			return newest, at
		}
	}
	return nil, time.Time{}
}

// isSibling reports whether two pods are the same or replicas of one template. The names of
// replicas differ only after the last hyphen.
func isSibling(a, b string) bool {
	i := strings.LastIndexByte(a, '-')
	j := strings.LastIndexByte(b, '-')
	return a != "" && (a == b || i > 0 && i == j && a[:i] == b[:j])
}
