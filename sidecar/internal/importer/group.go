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

// mergeConflict is the reason of a lock that never expires (contract §1.5).
const mergeConflict = "merge_conflict"

// importGroup brings one group to the release: under the lock, and only if
// something is missing.
func (p *pass) importGroup(ctx context.Context, g *GroupPlan) (imported bool, err error) {
	for {
		if err := p.awaitLock(ctx, g); err != nil {
			return false, err
		}
		force := p.mem.forces(p.Policy.Force, g)
		if !force {
			if v, ok := p.installed(ctx, p.Pod, g); ok {
				return false, p.accept(g, v)
			}
		}
		imported, err := p.post(ctx, g, force)
		if f, ok := errors.AsType[*Failure](err); !ok || f.Reason != state.LockHeld {
			return imported, err
		}
		// Somebody was faster, and may not show the lock yet.
		p.setGroup(g, state.GroupWaiting)
		p.enter(state.Lock, g.Name)
		if !sleep(ctx, jitter(p.Policy.Poll)) {
			return false, context.Cause(ctx)
		}
	}
}

// awaitLock waits until nobody holds the write lock. A lock is its holder's: it
// is never deleted, and a dead holder's ends by its age.
func (p *pass) awaitLock(ctx context.Context, g *GroupPlan) error {
	var held *platform.WriteLock
	var since time.Time
	for {
		w, err := p.Pod.Platform(ctx)
		if err != nil {
			return FailureOf(err)
		}
		p.showLock(w.Lock)
		if w.Lock == nil {
			if held != nil {
				p.record.LockWait(time.Since(since))
			}
			return nil
		}
		if held == nil || !held.LockedAt.Equal(w.Lock.LockedAt) || held.LockedBy != w.Lock.LockedBy {
			held, since = w.Lock, time.Now()
		}
		p.setGroup(g, state.GroupWaiting)
		p.enter(state.Lock, g.Name)
		p.list = nil
		if err := p.checkLock(w.Lock, since); err != nil {
			return err
		}
		if !sleep(ctx, jitter(p.Policy.Poll)) {
			return context.Cause(ctx)
		}
	}
}

// checkLock fails for a lock that waiting does not end. Age counts from when we
// saw it first: no clock but ours is needed.
func (p *pass) checkLock(l *platform.WriteLock, since time.Time) error {
	switch {
	case l.Reason == mergeConflict:
		return &Failure{Reason: state.MergeConflict, Message: fmt.Sprintf("locked by %s since %s", l.LockedBy, l.LockedAt.Format(time.RFC3339))}
	case time.Since(since) > p.Policy.LockExpiry+p.Policy.Poll:
		return &Failure{Reason: state.LockStuck, Message: fmt.Sprintf("locked by %s (%s) for longer than %s", l.LockedBy, l.Reason, p.Policy.LockExpiry)}
	}
	return nil
}

func (p *pass) showLock(l *platform.WriteLock) {
	p.store.Update(func(s *state.Snapshot) {
		s.Lock = nil
		if l != nil {
			s.Lock = &state.LockInfo{By: l.LockedBy, Reason: l.Reason, Since: l.LockedAt}
		}
	})
}

// installed reports whether the list of workspaces shows the whole group at its
// versions already. Then nothing is posted, and nobody is kept off the lock. It
// never confirms a group whose failure is recorded: a version may be set even so.
func (p *pass) installed(ctx context.Context, from *platform.Client, g *GroupPlan) (verdict, bool) {
	if len(g.Workspaces) == 0 || len(p.mem.failed[g.Name]) > 0 {
		return verdict{}, false
	}
	if p.list == nil {
		list, _, err := from.Workspaces(ctx)
		if err != nil {
			return verdict{}, false // a pull tells what is wrong
		}
		p.list = list
	}
	bySlug, byID := indexInstalled(p.list)
	v := verdict{}
	for _, w := range g.Workspaces {
		got := bySlug[w.Slug]
		if got == nil && w.ID != "" {
			got = byID[w.ID]
		}
		if w.Version == "" || got == nil || !matches(got.LastPull, w.Version, p.Desired.Repository) {
			return verdict{}, false
		}
		v.workspaces = append(v.workspaces, state.Workspace{Slug: w.Slug, Name: w.Name, Version: w.Version, State: state.WorkspaceConfirmed})
	}
	return v, true
}

func indexInstalled(list []platform.Installed) (bySlug, byID map[string]*platform.Installed) {
	bySlug, byID = make(map[string]*platform.Installed, len(list)), make(map[string]*platform.Installed, len(list))
	for i := range list {
		bySlug[list[i].Slug], byID[list[i].ID] = &list[i], &list[i]
	}
	return bySlug, byID
}

func matches(v *platform.InstalledVersion, version, repository string) bool {
	return v != nil && v.Version == version && (v.RepositoryID == "" || v.RepositoryID == repository)
}

// post asks the platform to import the group and judges what it says.
func (p *pass) post(ctx context.Context, g *GroupPlan, force bool) (imported bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Policy.GroupTimeout, errGroupTimeout)
	defer cancel()
	p.setGroup(g, state.GroupImporting)
	p.enter(state.Import, g.Name)
	p.list = nil
	q := attempt{group: g, id: "sidecar-" + rand.Text(), since: p.serverTime(ctx)}
	wait := p.Policy.PullWait
	if wait == 0 {
		wait = p.Policy.GroupTimeout
	}
	p.store.Update(func(s *state.Snapshot) { s.CorrelationID = q.id })
	p.log.Info("import starts", "group", g.Name, "force", force, "correlationId", q.id)
	r, err := p.Pod.Pull(ctx, platform.PullRequest{Repository: p.Desired.Repository, Groups: []string{g.Name},
		Force: force, Wait: wait, CorrelationID: q.id})
	if r.CorrelationID != "" && r.CorrelationID != q.id {
		q.id = r.CorrelationID
		p.store.Update(func(s *state.Snapshot) { s.CorrelationID = q.id })
		p.log.Info("the platform gave the import its own correlation id", "group", g.Name, "correlationId", q.id)
	}
	switch {
	case err == nil && r.Kind == platform.PullCompleted:
		return p.judge(g, r.Report)
	case err == nil && r.Kind == platform.PullFallback:
		return false, &Failure{Reason: state.PullFellBack, Message: fmt.Sprintf("the answer is not about the repository %q", p.Desired.Repository)}
	case err == nil, platform.OutcomeUnknown(err):
		return p.await(ctx, q, err)
	}
	return false, FailureOf(err)
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

// judge accepts a report, and remembers a failure of it.
func (p *pass) judge(g *GroupPlan, r *platform.ImportReport) (imported bool, err error) {
	v := verify(g, r, p.mem.failed[g.Name])
	if v.failure != nil && (len(v.failed) > 0 || len(r.Errors) > 0) {
		p.mem.fail(g, v.failed)
	}
	return v.imported, p.accept(g, v)
}
