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
	"github.com/prismeai/workspaces-release/internal/platform/follow"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// attempt is an import whose outcome is being determined.
type attempt struct {
	group    *GroupPlan
	sent     string               // correlation ID that was sent
	id       string               // correlation ID in the platform's response
	since    time.Time            // by the server's clock
	before   []platform.Installed // the workspaces before the import, if known
	progress []*platform.Progress // of the workspaces that the import has finished
}

// maxEvents is the maximum number of events to read at a time.
const maxEvents = 500

// awaitOutcome determines the outcome of an import whose response did not include it (platform
// contract §1.9). It posts nothing. If the platform never reports the outcome, the failure has
// reason OutcomeUnknown, and the next pass checks again.
func (p *pass) awaitOutcome(ctx context.Context, q attempt, cause error) (imported bool, err error) {
	p.enterPhase(state.Confirm, q.group.Name)
	end, err := p.followImport(&q).Await(ctx)
	switch {
	case err == nil:
		imported, err = p.judgeReport(ctx, q, end.Event.Completed)
		p.waited = p.waited || imported // the event came later than the end
		return imported, err
	case errors.Is(err, follow.ErrSilent):
		return false, p.unknownOutcome(ctx, q, cause)
	case errors.Is(err, follow.ErrExpired), errors.Is(err, errGroupTimeout):
		message := fmt.Sprintf("not finished after %s", p.Policy.GroupTimeout)
		return false, &Failure{Reason: state.GroupTimeout, Message: message}
	case ctx.Err() != nil:
		return false, err
	}
	return false, FailureOf(err) // the service has stopped
}

// followImport describes an import to follow. The next pass can check the outcome by other means,
// so events that cannot be read do not prolong the wait.
func (p *pass) followImport(q *attempt) *follow.Operation {
	return &follow.Operation{
		// The time has whole seconds, and an earlier import may have ended within the same one.
		Since: q.since.Add(time.Second),
		IDs:   []string{q.id, q.sent},
		Matches: func(e *platform.Event) bool {
			return p.endsImport(e) && slices.Equal(e.Completed.Groups, []string{q.group.Name})
		},
		Ends: p.endsImport,
		Feed: &p.feed,
		Query: platform.EventQuery{
			Types: []string{platform.EventImportProgress, platform.EventImportCompleted},
			Limit: maxEvents,
		},
		Lock:    p.observeLock,
		InPod:   true,
		Poll:    backoff.Exponential{First: p.Policy.Poll, Max: p.Policy.Poll},
		Sent:    time.Now(),
		Timeout: p.Policy.GroupTimeout, // ctx ends before
		Notify: func(text string) {
			p.log.Info("waiting for the outcome of the import", "group", q.group.Name, "status", text)
		},
		OnEvent: func(e *platform.Event) {
			if e.Progress != nil {
				q.progress = append(q.progress, e.Progress)
				p.recordProgress()
			}
		},
	}
}

// endsImport reports whether an event reports the end of an import of the repository.
func (p *pass) endsImport(e *platform.Event) bool {
	return e.Completed != nil && e.Completed.RepositoryID == p.Desired.Repository
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
	known := p.mem.forGroup(q.group)
	imported := map[string]bool{}
	for _, progress := range q.progress {
		w := &progress.Workspace
		p.Policy.tolerateWorkspace(w, map[string][]state.Reason{})
		one := []state.Workspace{{Slug: w.Slug, Version: q.group.expectedVersion(w.Slug)}}
		if w.Failed() {
			known.addDistrust(p.mayBeListed(ctx, one))
			f = &Failure{Reason: worstReason(w.Errors), Message: fmt.Sprintf("workspace %s: %s", w.Slug, describeReport(w))}
		} else if w.Status == platform.StatusImported {
			one[0].State = state.WorkspaceImported
			known.clearDistrust(one)
			imported[w.Slug] = true
		}
	}
	if len(imported) > 0 && !slices.ContainsFunc(q.group.workspaceSlugs(), func(s string) bool { return !imported[s] }) {
		known.verifyOnly = true // it was imported as a whole, so another import with force would be the same
	}
	// Workspaces that failed before, and have no certain result now, may have been skipped.
	known.needsForce = known.needsForce || len(known.distrust) > 0
	return f
}

// eventsClient returns the client for event queries.
func (p *pass) eventsClient() *platform.Client {
	if p.Gateway != nil {
		return p.Gateway
	}
	return p.Pod
}

// newestEvents returns one page of the newest events since a time, or none if events cannot be
// read.
func (p *pass) newestEvents(ctx context.Context, since time.Time, q platform.EventQuery) []platform.Event {
	events, _ := p.feed.Newest(ctx, since, q) // the callers do without events
	return events
}
