// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// mergeConflict is the reason of a lock that never expires (contract §1.5).
const mergeConflict = "merge_conflict"

// lockWait is the wait for a lock that somebody else holds. It goes on over
// passes: each of them looks once.
type lockWait struct {
	began  time.Time // zero when nothing is waited for
	holder platform.WriteLock
	since  time.Time // when this holder was first seen: no clock but ours is needed
}

func sameLock(a, b *platform.WriteLock) bool {
	return a.LockedAt.Equal(b.LockedAt) && a.LockedBy == b.LockedBy && a.Reason == b.Reason
}

// look asks for the write lock and shows it; nil if nobody holds it. The first
// look of a pass was its preflight.
func (p *pass) look(ctx context.Context) (*platform.WriteLock, error) {
	w := p.first
	p.first = nil
	if w == nil {
		got, err := p.Pod.Platform(ctx)
		if err != nil {
			return nil, err
		}
		w = &got
	}
	p.store.Update(func(s *state.Snapshot) {
		s.Lock = nil
		if l := w.Lock; l != nil {
			s.Lock = &state.LockInfo{By: l.LockedBy, Reason: l.Reason, Since: l.LockedAt}
		}
	})
	return w.Lock, nil
}

// free fails while somebody holds the write lock. A lock is its holder's: it is
// never deleted, and a dead holder's ends by its age.
func (p *pass) free(ctx context.Context) error {
	l, err := p.look(ctx)
	switch {
	case err != nil:
		return FailureOf(err)
	case l != nil:
		return p.held(*l, "")
	case p.wait.holder != platform.WriteLock{}: // one that is not shown may be held still
		p.waited()
	}
	return nil
}

// held is the failure of a group that has to wait. A holder that is not shown is
// the zero lock, of which a refusal told with a text.
func (p *pass) held(l platform.WriteLock, text string) *Failure {
	now := time.Now()
	if p.wait.began.IsZero() {
		p.wait.began = now
	}
	if p.wait.since.IsZero() || !sameLock(&p.wait.holder, &l) {
		p.wait.holder, p.wait.since = l, now
	}
	if text == "" {
		text = fmt.Sprintf("locked by %s (%s) since %s", l.LockedBy, l.Reason, l.LockedAt.Format(time.RFC3339))
	}
	f := &Failure{Reason: state.LockHeld, Message: text}
	switch {
	case l.Reason == mergeConflict:
		f.Reason = state.MergeConflict
	case now.Sub(p.wait.since) > p.Policy.LockExpiry+p.Policy.Poll:
		f.Reason = state.LockStuck
	}
	return f
}

// known reports whether the preflight saw a lock that was waited for before.
func (p *pass) known() bool {
	return p.first != nil && p.first.Lock != nil && !p.wait.began.IsZero() && sameLock(p.first.Lock, &p.wait.holder)
}

// waited ends a wait, if there was one.
func (p *pass) waited() {
	if !p.wait.began.IsZero() {
		p.record.LockWait(time.Since(p.wait.began))
		p.wait = lockWait{}
	}
}

// notTaken tells a lock from other reasons why a pull was not taken. Its text may
// not say so: the lock itself does (contract §1.5).
func (p *pass) notTaken(ctx context.Context, err error) error {
	class := platform.ClassOf(err)
	if class != platform.ClassLocked && class != platform.ClassRejected && class != platform.ClassForbidden {
		return FailureOf(err)
	}
	l, lookErr := p.look(ctx)
	switch {
	case lookErr == nil && l != nil:
		return p.held(*l, "")
	case class == platform.ClassLocked:
		return p.held(platform.WriteLock{}, err.Error())
	}
	return FailureOf(err)
}
