// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// errGroupTimeout is the cause of a context that ended by Policy.GroupTimeout.
var errGroupTimeout = errors.New("the group's time is over")

// importGroup brings one group to the release, if something is missing: then
// only while nobody holds the lock, for which a pass does not wait. The next one
// looks at everything anew, as what was missing may be there by then.
func (p *pass) importGroup(ctx context.Context, g *GroupPlan) (imported bool, err error) {
	force := p.mem.forces(p.Policy.Force, g)
	since, lost := p.mem.forced[g.Name]
	if (!force || lost) && !p.known() {
		if v, ok := p.installed(ctx, p.Pod, g, since); ok {
			return false, p.accept(g, v)
		}
	}
	if err := p.free(ctx); err != nil {
		return false, err
	}
	return p.post(ctx, g, force)
}

// post asks the platform to import the group and judges what it says.
func (p *pass) post(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Policy.GroupTimeout, errGroupTimeout)
	defer cancel()
	p.setGroup(g, state.GroupImporting)
	p.enter(state.Import, g.Name)
	id := "sidecar-" + rand.Text()
	q := attempt{group: g, sent: id, id: id, since: p.serverTime(ctx), before: p.list}
	if force {
		p.mem.forced[g.Name] = q.since
	}
	r, err := p.pull(ctx, &q, force)
	switch {
	case err == nil && r.Kind == platform.PullProcessing, platform.OutcomeUnknown(err):
		return p.await(ctx, q, err)
	case err != nil:
		delete(p.mem.forced, g.Name)
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
	delete(p.mem.forced, g.Name)
	v := verify(g, r, p.mem.distrust[g.Name])
	if v.failure == nil && len(q.before) > 0 {
		p.checkSkipped(ctx, g, &v, q.before)
	}
	if r.Failed() {
		p.mem.doubt(g, p.atVersion(ctx, v.suspects()))
	}
	p.mem.trust(g, v.workspaces)
	if v.ignored {
		p.mem.ignored[g.Name] = true
	}
	return v.imported, p.accept(g, v)
}
