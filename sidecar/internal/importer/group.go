// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// errGroupTimeout is the cause of a context that ended by Policy.GroupTimeout.
var errGroupTimeout = errors.New("group timeout")

// failureAge is how far back to look for failures of other replicas.
const failureAge = 24 * time.Hour

// importGroup imports a group if something is missing. It posts only while the lock is free; a pass
// does not wait for the lock. The next pass starts over, because another replica may have imported
// what was missing.
func (p *pass) importGroup(ctx context.Context, g *GroupPlan) (imported bool, err error) {
	force := p.mem.needsForce(p.Policy.Force, g) && !p.mem.forGroup(g).verifyOnly
	since := p.mem.forGroup(g).posted
	if (!force || !since.IsZero()) && !p.isStillWaiting() {
		if v, ok := p.findInstalled(ctx, g, since); ok {
			if r := p.findFailure(ctx, g); r != nil {
				return p.judgeReport(ctx, attempt{group: g}, r)
			}
			return false, p.publishVerdict(g, v)
		}
	}
	if err := p.checkLockFree(ctx); err != nil {
		return false, err
	}
	if p.drain.isActive() {
		return false, drainingError()
	}
	if err := p.checkTakeBack(g); err != nil {
		return false, err
	}
	return p.postGroup(ctx, g, force)
}

// findFailure returns the report of an import in which a workspace of the group failed at the
// version of this release and was only skipped since. The platform may list its version as
// installed anyway (platform contract §1.9, step 6), and another replica may have seen the failure.
func (p *pass) findFailure(ctx context.Context, g *GroupPlan) *platform.ImportReport {
	decided := map[string]bool{}
	for _, e := range p.completedImports(ctx) {
		if e.Completed == nil || e.Completed.RepositoryID != p.Desired.Repository {
			continue
		}
		reported := indexReport(e.Completed)
		for i := range g.Workspaces {
			w := &g.Workspaces[i]
			got := reported.find(w)
			if got == nil || got.Status == platform.StatusSkipped || decided[w.Slug] {
				continue
			}
			decided[w.Slug] = true
			broken := got.Failed() || got.DeletedFiles() && len(p.shippedAndDeleted(ctx, got)) > 0
			sameVersion := got.Version == "" || got.Version == w.Version
			if broken && sameVersion && slices.Equal(e.Completed.Groups, []string{g.Name}) {
				return e.Completed
			}
		}
	}
	return nil
}

// completedImports returns the newest events of completed imports. It reads one page per pass.
func (p *pass) completedImports(ctx context.Context) []platform.Event {
	if p.completed == nil {
		query := platform.EventQuery{Types: []string{platform.EventImportCompleted}}
		p.completed = append([]platform.Event{}, p.newestEvents(ctx, time.Now().Add(-failureAge), query)...)
		for n := range p.completed {
			p.completed[n].Completed, _ = p.Policy.withoutTolerated(p.completed[n].Completed)
		}
		slices.SortStableFunc(p.completed, func(a, b platform.Event) int { return b.CreatedAt.Compare(a.CreatedAt) })
	}
	return p.completed
}

// postGroup asks the platform to import the group and judges the result.
func (p *pass) postGroup(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	if err := p.drain.beginImport(); err != nil {
		return false, err
	}
	imported, err = p.postWithTimeout(ctx, g, force)
	if ctx.Err() == nil { // otherwise the service may continue the import
		p.drain.endImport(err)
	}
	return imported, err
}

func (p *pass) postWithTimeout(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Policy.GroupTimeout, errGroupTimeout)
	defer cancel()
	p.publishGroupState(g, state.GroupImporting)
	p.listOutdated = true
	p.enterPhase(state.Import, g.Name)
	id := "sidecar-" + rand.Text()
	q := attempt{group: g, sent: id, id: id, since: p.serverTime(ctx), before: p.list}
	if force {
		p.mem.forGroup(g).posted = q.since
	}
	r, err := p.sendPull(ctx, &q, force)
	switch {
	case err == nil && r.Kind == platform.PullProcessing, platform.OutcomeUnknown(err):
		return p.awaitOutcome(ctx, q, err)
	case err != nil:
		p.mem.forGroup(g).posted = time.Time{}
		return false, p.refusalError(ctx, err)
	}
	p.endLockWait()
	if r.Kind == platform.PullFallback {
		message := fmt.Sprintf("the response is not about the repository %q", p.Desired.Repository)
		return false, &Failure{Reason: state.PullFellBack, Message: message}
	}
	return p.judgeReport(ctx, q, r.Report)
}

// sendPull sends the request. The platform may replace the correlation ID.
func (p *pass) sendPull(ctx context.Context, q *attempt, force bool) (platform.PullResult, error) {
	wait := p.Policy.PullWait
	if wait == 0 {
		wait = p.Policy.GroupTimeout
	}
	p.log.Info("starting import", "group", q.group.Name, "force", force, "correlationId", q.id)
	r, err := p.Pod.Pull(ctx, platform.PullRequest{
		Repository:    p.Desired.Repository,
		Groups:        []string{q.group.Name},
		Force:         force,
		Wait:          wait,
		CorrelationID: q.id,
	})
	if r.CorrelationID != "" && r.CorrelationID != q.id {
		q.id = r.CorrelationID
		p.log.Info("the platform replaced the correlation id", "group", q.group.Name, "correlationId", q.id)
	}
	p.store.Update(func(s *state.Snapshot) { s.CorrelationID = q.id })
	return r, err
}

// serverTime returns the time of the clock that dates events, approximately.
func (p *pass) serverTime(ctx context.Context) time.Time {
	if p.feed.Refused != nil || p.eventsClient() == p.Pod {
		return time.Now()
	}
	m, err := p.Pod.Healthcheck(ctx)
	if err != nil || m.Date.IsZero() {
		return time.Now()
	}
	return m.Date
}

// judgeReport accepts a report about a group and remembers its failures.
func (p *pass) judgeReport(ctx context.Context, q attempt, r *platform.ImportReport) (imported bool, err error) {
	g := q.group
	known := p.mem.forGroup(g)
	known.posted = time.Time{}
	known.verifyOnly = false
	known.sent = q.since
	r, forgiven := p.Policy.withoutTolerated(r)
	v := verifyReport(g, r, known.distrust)
	v.markTolerated(forgiven)
	if v.failure == nil && len(q.before) > 0 {
		p.checkSkipped(ctx, g, &v, q.before)
	}
	p.checkDeleted(ctx, g, r, &v)
	if r.Failed() {
		known.addDistrust(p.mayBeListed(ctx, v.suspectWorkspaces()))
	}
	known.clearDistrust(v.workspaces)
	if v.needsForce {
		known.needsForce = true
	}
	return v.imported, p.publishVerdict(g, v)
}
