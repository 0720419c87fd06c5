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
var errGroupTimeout = errors.New("the group's time is over")

// failureAge is how far back failures of other replicas are looked for.
const failureAge = 24 * time.Hour

// importGroup brings one group to the release, if something is missing: then
// only while nobody holds the lock, for which a pass does not wait. The next one
// looks at everything anew, as what was missing may be there by then.
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

// failure returns the report of an import in which a workspace of the group failed
// at the version of this release, and since which it was but skipped: nothing says
// that its version is not installed then (contract §1.9, step 6), and another
// replica may have met the failure.
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
			if broken && (told.Version == "" || told.Version == w.Version) && slices.Equal(e.Completed.Groups, []string{g.Name}) {
				return e.Completed
			}
		}
	}
	return nil
}

// imports returns the newest events of imports that ended, one page in a pass.
func (p *pass) imports(ctx context.Context) []platform.Event {
	if p.ended == nil {
		p.ended = append([]platform.Event{}, p.newest(ctx, time.Now().Add(-failureAge), platform.EventQuery{Types: []string{platform.EventImportCompleted}})...)
		for n := range p.ended {
			p.ended[n].Completed, _ = p.Policy.forgive(p.ended[n].Completed)
		}
		slices.SortStableFunc(p.ended, func(a, b platform.Event) int { return b.CreatedAt.Compare(a.CreatedAt) })
	}
	return p.ended
}

// post asks the platform to import the group and judges what it says.
func (p *pass) post(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	if err := p.drain.begin(); err != nil {
		return false, err
	}
	imported, err = p.postInTime(ctx, g, force)
	if ctx.Err() == nil { // else the service may go on with it
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
		return false, &Failure{Reason: state.PullFellBack, Message: fmt.Sprintf("the answer is not about the repository %q", p.Desired.Repository)}
	}
	return p.judge(ctx, q, r.Report)
}

// pull sends the request. The platform may give it an id of its own.
func (p *pass) pull(ctx context.Context, q *attempt, force bool) (platform.PullResult, error) {
	wait := p.Policy.PullWait
	if wait == 0 {
		wait = p.Policy.GroupTimeout
	}
	p.log.Info("import starts", "group", q.group.Name, "force", force, "correlationId", q.id)
	r, err := p.Pod.Pull(ctx, platform.PullRequest{Repository: p.Desired.Repository, Groups: []string{q.group.Name},
		Force: force, Wait: wait, CorrelationID: q.id})
	if r.CorrelationID != "" && r.CorrelationID != q.id {
		q.id = r.CorrelationID
		p.log.Info("the platform gave the import its own correlation id", "group", q.group.Name, "correlationId", q.id)
	}
	p.store.Update(func(s *state.Snapshot) { s.CorrelationID = q.id })
	return r, err
}

// serverTime is the clock by which events are dated, or nearly.
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

// judge accepts a report about a group, and learns from its failure.
func (p *pass) judge(ctx context.Context, q attempt, r *platform.ImportReport) (imported bool, err error) {
	g := q.group
	known := p.mem.of(g)
	known.posted, known.check, known.sent = time.Time{}, false, q.since
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
