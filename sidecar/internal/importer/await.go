// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// attempt is an import whose outcome is being determined.
type attempt struct {
	group     *GroupPlan
	sent      string               // correlation ID that was sent
	id        string               // correlation ID in the platform's response
	since     time.Time            // by the server's clock
	before    []platform.Installed // the workspaces before the import, if known
	lock      *platform.WriteLock  // first lock seen
	lastEvent time.Time            // time of its newest event
}

// Number of consecutive checks without a lock after which the import has ended or never began.
// Events lag behind the lock, so it takes more checks where events are read.
const (
	checksWithoutEvents = 2
	checksWithEvents    = 4
)

// awaitOutcome determines the outcome of an import whose response did not include it (platform contract
// §1.9). It posts nothing. If the platform never reports the outcome, the failure has reason
// OutcomeUnknown, and the next pass checks again.
func (p *pass) awaitOutcome(ctx context.Context, q attempt, cause error) (imported bool, err error) {
	p.enterPhase(state.Confirm, q.group.Name)
	for free := 0; free < p.requiredChecks(); free++ {
		if !sleep(ctx, backoff.Jitter(p.Policy.Poll)) {
			return false, p.timeoutError(ctx)
		}
		report, moved := p.checkEvents(ctx, &q)
		if report != nil {
			return p.judgeReport(ctx, q, report)
		}
		l, err := p.observeLock(ctx)
		if platform.ClassOf(err) == platform.ClassNotSent {
			return false, FailureOf(err) // the service stopped, and its import with it
		}
		if err != nil || moved || q.mayHoldLock(l) {
			free = -1 // the import may still be running
		}
	}
	return false, p.unknownOutcome(ctx, q, cause)
}

// mayHoldLock reports whether l may be the lock of this attempt. The lock was free before, so the first
// lock seen counts as the attempt's.
func (q *attempt) mayHoldLock(l *platform.WriteLock) bool {
	if q.lock == nil {
		q.lock = l
	}
	return l != nil && isSameLock(l, q.lock)
}

func (p *pass) requiredChecks() int {
	if p.noEvents {
		return checksWithoutEvents
	}
	return checksWithEvents
}

// unknownOutcome returns the failure of an attempt without a reported outcome. It keeps what
// progress events said about individual workspaces.
func (p *pass) unknownOutcome(ctx context.Context, q attempt, cause error) *Failure {
	f := &Failure{
		Reason:  state.OutcomeUnknown,
		Message: "the import continued after the response, and its outcome was not reported",
		Err:     cause,
	}
	if cause != nil {
		f.Message = cause.Error()
	}
	query := platform.EventQuery{
		Types: []string{platform.EventImportProgress},
		Match: map[string]string{"source.correlationId": q.id},
		Limit: maxProgress,
	}
	known := p.mem.forGroup(q.group)
	for _, e := range p.newestEvents(ctx, q.since, query) {
		if e.Progress == nil || !q.isCauseOf(&e) {
			continue
		}
		w := &e.Progress.Workspace
		p.Policy.tolerateWorkspace(w, map[string][]state.Reason{})
		one := []state.Workspace{{Slug: w.Slug, Version: q.group.expectedVersion(w.Slug)}}
		if w.Failed() {
			known.addDistrust(p.mayBeListed(ctx, one))
			f = &Failure{Reason: worstReason(w.Errors), Message: fmt.Sprintf("workspace %s: %s", w.Slug, describeReport(w))}
		} else if w.Status == platform.StatusImported {
			one[0].State = state.WorkspaceImported
			known.clearDistrust(one)
		}
	}
	// Workspaces that failed before, and have no certain result now, may have been skipped.
	known.needsForce = known.needsForce || len(known.distrust) > 0
	return f
}

// maxProgress is the maximum number of events to read about one attempt.
const maxProgress = 500

func (p *pass) timeoutError(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errGroupTimeout) {
		return &Failure{Reason: state.GroupTimeout, Message: fmt.Sprintf("not finished after %s", p.Policy.GroupTimeout)}
	}
	return context.Cause(ctx)
}

// eventsClient returns the client for event queries.
func (p *pass) eventsClient() *platform.Client {
	if p.Gateway != nil {
		return p.Gateway
	}
	return p.Pod
}

// checkEvents looks for the event that completes an attempt. It returns nil if there is none yet.
// moved is true if the import has advanced since the last call.
func (p *pass) checkEvents(ctx context.Context, q *attempt) (report *platform.ImportReport, moved bool) {
	query := platform.EventQuery{Types: []string{platform.EventImportProgress, platform.EventImportCompleted}}
	for _, e := range p.newestEvents(ctx, q.since, query) {
		if q.isCauseOf(&e) && e.CreatedAt.After(q.lastEvent) {
			q.lastEvent = e.CreatedAt
			moved = true
		}
		if e.Completed != nil && q.isCompletedBy(&e, p.Desired.Repository) {
			return e.Completed, true
		}
	}
	if moved {
		p.recordProgress()
	}
	return nil, moved
}

// isCauseOf reports whether an event has a correlation ID of this attempt.
func (q *attempt) isCauseOf(e *platform.Event) bool {
	return e.CorrelationID != "" && (e.CorrelationID == q.id || e.CorrelationID == q.sent)
}

// isCompletedBy reports whether a completed event belongs to this attempt. An event without a correlation ID
// is matched by group and time.
func (q *attempt) isCompletedBy(e *platform.Event, repository string) bool {
	if e.Completed.RepositoryID != repository {
		return false
	}
	return q.isCauseOf(e) ||
		e.CorrelationID == "" && !e.CreatedAt.Before(q.since) && slices.Equal(e.Completed.Groups, []string{q.group.Name})
}

// newestEvents returns one page of the newest events after a time, because the gateway limits the
// read rate. It starts one minute earlier to allow for clock skew. The completed event is the
// newest event of an import.
func (p *pass) newestEvents(ctx context.Context, after time.Time, q platform.EventQuery) []platform.Event {
	if p.noEvents || time.Now().Before(p.eventsAfter) {
		return nil
	}
	q.After = after.Add(-time.Minute)
	q.NewestFirst = true
	page, err := p.eventsClient().Events(ctx, q)
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
		p.noEvents = true // rely on the lock instead
	case platform.ClassRateLimited:
		p.eventsAfter = time.Now().Add(FailureOf(err).boundedRetryAfter())
	}
	return page.Events
}
