// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// lockWait tracks the wait for a lock that another import holds. The wait spans passes, each of
// which checks the lock once.
type lockWait struct {
	began  time.Time // zero if there is no wait
	holder platform.WriteLock
	since  time.Time // when this holder was first seen, by the local clock
}

// holder identifies the holder of a lock.
type holder struct {
	lock platform.WriteLock
	pod  string // whose service took the lock, "" if unknown
}

// observeLock reads the write lock and publishes it. It returns nil if the lock is free. The first
// call of a pass uses the result of the preflight.
func (p *pass) observeLock(ctx context.Context) (*platform.WriteLock, error) {
	w := p.first
	p.first = nil
	if w == nil {
		got, err := p.Pod.Platform(ctx)
		if err != nil {
			return nil, err
		}
		w = &got
	}
	p.publishLock(ctx, w.Lock)
	return w.Lock, nil
}

// publishLock publishes a lock, or a free lock if l is nil.
func (p *pass) publishLock(ctx context.Context, l *platform.WriteLock) {
	var info *state.LockInfo
	if l == nil {
		p.drain.endLingeringImport()
	} else {
		info = p.describeLock(ctx, l)
	}
	p.store.Update(func(s *state.Snapshot) { s.Lock = info })
}

func (p *pass) describeLock(ctx context.Context, l *platform.WriteLock) *state.LockInfo {
	if !l.Equal(&p.holder.lock) {
		p.holder = holder{lock: *l, pod: p.findLockPod(ctx, l)}
	}
	info := &state.LockInfo{By: l.LockedBy, Reason: l.Reason, Since: l.LockedAt, Pod: p.holder.pod}
	info.Orphaned = info.Pod != "" && info.Pod == p.Policy.PodName && p.lastDown.After(l.LockedAt)
	if l.Reason != platform.MergeConflict && !l.LockedAt.IsZero() {
		ends := l.LockedAt.Add(p.Policy.LockExpiry)
		info.EndsBy = &ends
	}
	return info
}

// findLockPod returns the pod that took a lock. It uses the name in the lock, or the event of the import
// that started with the lock. It returns "" for other locks.
func (p *pass) findLockPod(ctx context.Context, l *platform.WriteLock) string {
	if isSibling(l.LockedBy, p.Policy.PodName) {
		return l.LockedBy
	}
	query := platform.EventQuery{Types: []string{platform.EventImportStarted}}
	for _, e := range p.newestEvents(ctx, l.LockedAt, query) {
		if distance := e.CreatedAt.Sub(l.LockedAt).Abs(); distance < eventLag {
			return e.Replica
		}
	}
	return ""
}

// checkLockFree fails while the write lock is held. The sidecar never deletes a lock, which belongs
// to its holder; the lock of a dead holder expires.
func (p *pass) checkLockFree(ctx context.Context) error {
	l, err := p.observeLock(ctx)
	switch {
	case err != nil:
		return FailureOf(err)
	case l != nil:
		return p.lockHeldError(*l, "")
	case p.lockWait.holder != platform.WriteLock{}: // an unidentified holder may still have the lock
		p.endLockWait()
	}
	return nil
}

// lockHeldError returns the failure of a group that waits for the lock. If the platform does not
// identify the holder, l is zero and text is the platform's refusal.
func (p *pass) lockHeldError(l platform.WriteLock, text string) *Failure {
	now := time.Now()
	if p.lockWait.began.IsZero() {
		p.lockWait.began = now
	}
	if p.lockWait.since.IsZero() || !l.Equal(&p.lockWait.holder) {
		p.lockWait.holder = l
		p.lockWait.since = now
	}
	if text == "" {
		text = describeHolder(p.store.Get().Lock, &l)
	}
	f := &Failure{Reason: state.LockHeld, Message: text}
	switch {
	case l.Reason == platform.MergeConflict:
		f.Reason = state.MergeConflict
	case now.Sub(p.lockWait.since) > p.Policy.LockExpiry+p.Policy.Poll:
		f.Reason = state.LockStuck
	}
	return f
}

// describeHolder describes the holder of a lock, and when the lock expires.
func describeHolder(info *state.LockInfo, l *platform.WriteLock) string {
	text := fmt.Sprintf("locked by %s (%s) since %s", l.LockedBy, l.Reason, l.LockedAt.Format(time.RFC3339))
	if info == nil {
		return text
	}
	if info.Pod != "" && info.Pod != info.By {
		text += ", from pod " + info.Pod
	}
	if info.Orphaned {
		text += ", whose service has stopped since"
	}
	if info.EndsBy != nil {
		text += "; it expires at " + info.EndsBy.Format(time.RFC3339) + " at the latest"
	}
	return text
}

// isStillWaiting reports whether the preflight saw the lock that the importer already waits for.
func (p *pass) isStillWaiting() bool {
	if p.first == nil || p.first.Lock == nil || p.lockWait.began.IsZero() {
		return false
	}
	return p.first.Lock.Equal(&p.lockWait.holder)
}

// endLockWait ends a wait for the lock, if there was one.
func (p *pass) endLockWait() {
	if !p.lockWait.began.IsZero() {
		p.record.LockWait(time.Since(p.lockWait.began))
		p.lockWait = lockWait{}
	}
}

// refusalError returns the failure for a refused pull, which may be due to the lock.
func (p *pass) refusalError(ctx context.Context, err error) error {
	class := platform.ClassOf(err)
	if !class.MayMeanLocked() {
		return FailureOf(err)
	}
	l, readErr := p.observeLock(ctx)
	switch {
	case readErr == nil && l != nil:
		return p.lockHeldError(*l, "")
	case class == platform.ClassLocked:
		return p.lockHeldError(platform.WriteLock{}, err.Error())
	}
	return FailureOf(err)
}
