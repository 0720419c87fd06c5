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
	group *GroupPlan
	id    string    // correlation id
	since time.Time // by the server's clock
}

// looks without a lock after which an import has ended, or never began. Events
// lag behind the lock, so that it takes more of them where they are read.
const (
	looksWithoutEvents = 2
	looksWithEvents    = 4
)

// await finds out how an import ended whose answer did not tell (contract §1.9).
// Nothing is posted meanwhile. Without word of the end, the failure says that
// the outcome is unknown, and the next pass asks by an unforced import.
func (p *pass) await(ctx context.Context, q attempt, cause error) (imported bool, err error) {
	p.mem.unknown[q.group.Name] = true
	p.enter(state.Confirm, q.group.Name)
	for free := 0; ; {
		if !sleep(ctx, jitter(p.Policy.Poll)) {
			return false, p.timedOut(ctx)
		}
		if r := p.completed(ctx, q); r != nil {
			return p.judge(q.group, r)
		}
		w, err := p.Pod.Platform(ctx)
		if err != nil {
			free = 0 // nobody to ask: the import may go on
			if p.gone(err) {
				return false, FailureOf(err)
			}
			continue
		}
		p.showLock(w.Lock)
		free++
		if w.Lock != nil {
			free = 0
		}
		if free >= p.looks() {
			return false, &Failure{Reason: state.OutcomeUnknown, Message: unknownText(cause), Err: cause}
		}
	}
}

// gone reports whether the service ended: its import ended with it, and the next
// pass waits for its successor.
func (p *pass) gone(err error) bool { return platform.ClassOf(err) == platform.ClassNotSent }

func (p *pass) looks() int {
	if p.noEvents {
		return looksWithoutEvents
	}
	return looksWithEvents
}

func unknownText(cause error) string {
	if cause == nil {
		return "the import went on after the answer, and its end was not told"
	}
	return cause.Error()
}

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

// completed looks for the event that ends an import; nil if there is none yet.
func (p *pass) completed(ctx context.Context, q attempt) *platform.ImportReport {
	for _, e := range p.newest(ctx, q.since.Add(-time.Minute)) {
		if e.Progress != nil && e.CorrelationID == q.id {
			p.progress()
		}
		if e.Completed == nil || e.Completed.RepositoryID != p.Desired.Repository {
			continue
		}
		if e.CorrelationID == q.id || e.CorrelationID == "" && !e.CreatedAt.Before(q.since) && slices.Equal(e.Completed.Groups, []string{q.group.Name}) {
			return e.Completed
		}
	}
	return nil
}

// newest returns the newest events of bulk imports: one page, as the gateway
// allows few reads. The end of an import is the newest of its events.
func (p *pass) newest(ctx context.Context, after time.Time) []platform.Event {
	if p.noEvents {
		return nil
	}
	page, err := p.events().Events(ctx, platform.EventQuery{After: after, NewestFirst: true,
		Types: []string{platform.EventImportProgress, platform.EventImportCompleted}})
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
		p.noEvents = true // the lock has to do
	}
	return page.Events
}
