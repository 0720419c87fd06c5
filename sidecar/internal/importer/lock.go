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

// holder is what is known about who has a lock.
type holder struct {
	lock platform.WriteLock
	pod  string // whose service took it, "" if nothing tells
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
	p.showLock(ctx, w.Lock)
	return w.Lock, nil
}

// showLock puts a lock into the state, nil for none.
func (p *pass) showLock(ctx context.Context, l *platform.WriteLock) {
	var info *state.LockInfo
	if l == nil {
		p.drain.endLingering()
	} else {
		info = p.describeLock(ctx, l)
	}
	p.store.Update(func(s *state.Snapshot) { s.Lock = info })
}

func (p *pass) describeLock(ctx context.Context, l *platform.WriteLock) *state.LockInfo {
	if !sameLock(&p.holder.lock, l) {
		p.holder = holder{*l, p.podOf(ctx, l)}
	}
	info := &state.LockInfo{By: l.LockedBy, Reason: l.Reason, Since: l.LockedAt, Pod: p.holder.pod}
	info.Orphaned = info.Pod != "" && info.Pod == p.Policy.PodName && p.lastDown.After(l.LockedAt)
	if l.Reason != mergeConflict && !l.LockedAt.IsZero() {
		ends := l.LockedAt.Add(p.Policy.LockExpiry)
		info.EndsBy = &ends
	}
	return info
}

// podOf returns the pod that took a lock: the lock may name it, or the event of
// the import that began with it. Of other locks it is not known.
func (p *pass) podOf(ctx context.Context, l *platform.WriteLock) string {
	if sibling(l.LockedBy, p.Policy.PodName) {
		return l.LockedBy
	}
	query := platform.EventQuery{Types: []string{platform.EventImportStarted}}
	for _, e := range p.newest(ctx, l.LockedAt, query) {
		if distance := e.CreatedAt.Sub(l.LockedAt).Abs(); distance < eventLag {
			return e.Replica
		}
	}
	return ""
}

// free fails while somebody holds the write lock. A lock is its holder's: it is
// never deleted, and a dead holder's ends by its age.
func (p *pass) free(ctx context.Context) error {
	l, err := p.look(ctx)
	switch {
	case err != nil:
		return FailureOf(err)
	case l != nil:
		p.mem.round = 0
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
		text = describeHolder(p.store.Get().Lock, &l)
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

// describeHolder says who has a lock, since when, and when it ends at the latest.
func describeHolder(info *state.LockInfo, l *platform.WriteLock) string {
	text := fmt.Sprintf("locked by %s (%s) since %s", l.LockedBy, l.Reason, l.LockedAt.Format(time.RFC3339))
	if info == nil {
		return text
	}
	if info.Pod != "" && info.Pod != info.By {
		text += ", from pod " + info.Pod
	}
	if info.Orphaned {
		text += ", whose service was stopped since"
	}
	if info.EndsBy != nil {
		text += "; it ends by itself at " + info.EndsBy.Format(time.RFC3339) + " at the latest"
	}
	return text
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
