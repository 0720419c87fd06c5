// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// attempt is an import whose end is looked for.
type attempt struct {
	group  *GroupPlan
	sent   string               // correlation id that was sent
	id     string               // correlation id that the platform answered with
	since  time.Time            // by the server's clock
	before []platform.Installed // the workspaces before it, if they were asked for
	lock   *platform.WriteLock  // as first seen
	newest time.Time            // of its events
}

// looks without a lock after which an import has ended, or never began. Events
// lag behind the lock, so that it takes more of them where they are read.
const (
	looksWithoutEvents = 2
	looksWithEvents    = 4
)

// await finds out how an import ended whose answer did not tell (contract §1.9).
// Nothing is posted meanwhile. Without word of the end, the failure says that
// the outcome is unknown, and the next pass asks again.
func (p *pass) await(ctx context.Context, q attempt, cause error) (imported bool, err error) {
	p.enter(state.Confirm, q.group.Name)
	for free := 0; free < p.looks(); free++ {
		if !sleep(ctx, jitter(p.Policy.Poll)) {
			return false, p.timedOut(ctx)
		}
		report, moved := p.news(ctx, &q)
		if report != nil {
			return p.judge(ctx, q, report)
		}
		l, err := p.look(ctx)
		if platform.ClassOf(err) == platform.ClassNotSent {
			return false, FailureOf(err) // the service ended, and its import with it
		}
		if err != nil || moved || q.holds(l) {
			free = -1 // the import may go on
		}
	}
	return false, p.unknown(ctx, q, cause)
}

// holds reports whether l may be the lock of this attempt: nobody held it
// before, so that it is the first that is seen.
func (q *attempt) holds(l *platform.WriteLock) bool {
	if q.lock == nil {
		q.lock = l
	}
	return l != nil && sameLock(l, q.lock)
}

func (p *pass) looks() int {
	if p.noEvents {
		return looksWithoutEvents
	}
	return looksWithEvents
}

// unknown is the failure of an attempt whose end was not told. What was told of
// workspaces on the way is not lost with it.
func (p *pass) unknown(ctx context.Context, q attempt, cause error) *Failure {
	f := &Failure{Reason: state.OutcomeUnknown, Message: "the import went on after the answer, and its end was not told", Err: cause}
	if cause != nil {
		f.Message = cause.Error()
	}
	query := platform.EventQuery{Types: []string{platform.EventImportProgress}, Match: map[string]string{"source.correlationId": q.id}, Limit: maxProgress}
	known := p.mem.of(q.group)
	for _, e := range p.newest(ctx, q.since, query) {
		if e.Progress == nil || !q.caused(&e) {
			continue
		}
		w := &e.Progress.Workspace
		p.Policy.forgiveWorkspace(w, map[string][]state.Reason{})
		told := []state.Workspace{{Slug: w.Slug, Version: q.group.versionOf(w.Slug)}}
		if w.Failed() {
			known.doubt(p.atVersion(ctx, told))
			f = &Failure{Reason: importReason(w.Errors), Message: fmt.Sprintf("workspace %s: %s", w.Slug, describe(w))}
		} else if w.Status == platform.StatusImported {
			told[0].State = state.WorkspaceImported
			known.trust(told)
		}
	}
	// What failed before, and now not for certain, may have been skipped.
	known.ignored = known.ignored || len(known.distrust) > 0
	return f
}

// maxProgress bounds the events about one attempt that are looked at.
const maxProgress = 500

func (p *pass) timedOut(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errGroupTimeout) {
		return &Failure{Reason: state.GroupTimeout, Message: fmt.Sprintf("no end after %s", p.Policy.GroupTimeout)}
	}
	return context.Cause(ctx)
}

// events is who answers event queries.
func (p *pass) events() *platform.Client {
	if p.Gateway != nil {
		return p.Gateway
	}
	return p.Pod
}

// news looks for the event that ends an attempt; nil if there is none yet. Moved
// tells that it advanced since the last look.
func (p *pass) news(ctx context.Context, q *attempt) (report *platform.ImportReport, moved bool) {
	query := platform.EventQuery{Types: []string{platform.EventImportProgress, platform.EventImportCompleted}}
	for _, e := range p.newest(ctx, q.since, query) {
		if q.caused(&e) && e.CreatedAt.After(q.newest) {
			q.newest, moved = e.CreatedAt, true
		}
		if e.Completed != nil && q.ends(&e, p.Desired.Repository) {
			return e.Completed, true
		}
	}
	if moved {
		p.advanced()
	}
	return nil, moved
}

// caused reports whether an event has one of the ids of this attempt.
func (q *attempt) caused(e *platform.Event) bool {
	return e.CorrelationID != "" && (e.CorrelationID == q.id || e.CorrelationID == q.sent)
}

// ends reports whether a completed event is of this attempt. Without a
// correlation id, it is by what was asked for and when.
func (q *attempt) ends(e *platform.Event, repository string) bool {
	if e.Completed.RepositoryID != repository {
		return false
	}
	return q.caused(e) ||
		e.CorrelationID == "" && !e.CreatedAt.Before(q.since) && slices.Equal(e.Completed.Groups, []string{q.group.Name})
}

// newest returns the newest events after a time, and somewhat before it for
// clocks that differ: one page, as the gateway allows few reads. The end of an
// import is the newest of its events.
func (p *pass) newest(ctx context.Context, after time.Time, q platform.EventQuery) []platform.Event {
	if p.noEvents || time.Now().Before(p.eventsAfter) {
		return nil
	}
	q.After, q.NewestFirst = after.Add(-time.Minute), true
	page, err := p.events().Events(ctx, q)
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
		p.noEvents = true // the lock has to do
	case platform.ClassRateLimited:
		p.eventsAfter = time.Now().Add(FailureOf(err).retryAfter())
	}
	return page.Events
}
