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
	force := p.mem.forces(p.Policy.Force, g) && !p.mem.of(g).check
	since := p.mem.of(g).posted
	if (!force || !since.IsZero()) && !p.known() {
		if v, ok := p.installed(ctx, g, since); ok {
			if r := p.failure(ctx, g); r != nil {
				return p.judge(ctx, attempt{group: g}, r)
			}
			return false, p.accept(g, v)
		}
	}
	if err := p.free(ctx); err != nil {
		return false, err
	}
	if p.drain.active() {
		return false, errDraining()
	}
	if err := p.takeBack(g); err != nil {
		return false, err
	}
	return p.post(ctx, g, force)
}

// findFailure returns the report of an import in which a workspace of the group failed at the
// version of this release and was only skipped since. The platform may list its version as
// installed anyway (platform contract §1.9, step 6), and another replica may have seen the failure.
func (p *pass) failure(ctx context.Context, g *GroupPlan) *platform.ImportReport {
	decided := map[string]bool{}
	for _, e := range p.imports(ctx) {
		if e.Completed == nil || e.Completed.RepositoryID != p.Desired.Repository {
			continue
		}
		reported := indexReport(e.Completed)
		for i := range g.Workspaces {
			w := &g.Workspaces[i]
			told := reported.find(w)
			if told == nil || told.Status == platform.StatusSkipped || decided[w.Slug] {
				continue
			}
			decided[w.Slug] = true
			broken := told.Failed() || told.DeletedFiles() && len(p.shippedAndDeleted(ctx, told)) > 0
			sameVersion := told.Version == "" || told.Version == w.Version
			if broken && sameVersion && slices.Equal(e.Completed.Groups, []string{g.Name}) {
				return e.Completed
			}
		}
	}
	return nil
}

// completedImports returns the newest events of completed imports. It reads one page per pass.
func (p *pass) imports(ctx context.Context) []platform.Event {
	if p.ended == nil {
		query := platform.EventQuery{Types: []string{platform.EventImportCompleted}}
		p.ended = append([]platform.Event{}, p.newest(ctx, time.Now().Add(-failureAge), query)...)
		for n := range p.ended {
			p.ended[n].Completed, _ = p.Policy.forgive(p.ended[n].Completed)
		}
		slices.SortStableFunc(p.ended, func(a, b platform.Event) int { return b.CreatedAt.Compare(a.CreatedAt) })
	}
	return p.ended
}

// post asks the platform to import the group and judges the result.
func (p *pass) post(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	if err := p.drain.begin(); err != nil {
		return false, err
	}
	imported, err = p.postInTime(ctx, g, force)
	if ctx.Err() == nil { // otherwise the service may continue the import
		p.drain.end(err)
	}
	return imported, err
}

func (p *pass) postInTime(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Policy.GroupTimeout, errGroupTimeout)
	defer cancel()
	p.setGroup(g, state.GroupImporting)
	p.dated = true
	p.enter(state.Import, g.Name)
	id := "sidecar-" + rand.Text()
	q := attempt{group: g, sent: id, id: id, since: p.serverTime(ctx), before: p.list}
	if force {
		p.mem.of(g).posted = q.since
	}
	r, err := p.pull(ctx, &q, force)
	switch {
	case err == nil && r.Kind == platform.PullProcessing, platform.OutcomeUnknown(err):
		return p.await(ctx, q, err)
	case err != nil:
		p.mem.of(g).posted = time.Time{}
		return false, p.notTaken(ctx, err)
	}
	p.waited()
	if r.Kind == platform.PullFallback {
		message := fmt.Sprintf("the response is not about the repository %q", p.Desired.Repository)
		return false, &Failure{Reason: state.PullFellBack, Message: message}
	}
	return p.judge(ctx, q, r.Report)
}

// pull sends the request. The platform may replace the correlation ID.
func (p *pass) pull(ctx context.Context, q *attempt, force bool) (platform.PullResult, error) {
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
	if p.noEvents || p.events() == p.Pod {
		return time.Now()
	}
	m, err := p.Pod.Healthcheck(ctx)
	if err != nil || m.Date.IsZero() {
		return time.Now()
	}
	return m.Date
}

// judge accepts a report about a group and remembers its failures.
func (p *pass) judge(ctx context.Context, q attempt, r *platform.ImportReport) (imported bool, err error) {
	g := q.group
	known := p.mem.of(g)
	known.posted = time.Time{}
	known.check = false
	known.sent = q.since
	r, forgiven := p.Policy.forgive(r)
	v := verify(g, r, known.distrust)
	v.forgive(forgiven)
	if v.failure == nil && len(q.before) > 0 {
		p.checkSkipped(ctx, g, &v, q.before)
	}
	p.checkDeleted(ctx, g, r, &v)
	if r.Failed() {
		known.doubt(p.atVersion(ctx, v.suspects()))
	}
	known.trust(v.workspaces)
	if v.ignored {
		known.ignored = true
	}
	return v.imported, p.accept(g, v)
}
