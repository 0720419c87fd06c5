// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Platform is the state shared by the pods of a cluster.
type Platform struct {
	opts Options

	mu        sync.Mutex
	installed map[string]*Installed
	fail      map[string]failing
	held      map[string]chan struct{} // by slug; closed on resume
	token     string
	secrets   map[string]object            // by slug
	content   map[string]map[string]string // by slug and path
	pushed    map[string]bool              // by slug
	aside     map[string]string            // by slug, the status that keeps it out of pushes
	apps      map[string]string            // IDs of the publishing workspaces, by slug
	lock      *lock
	events    []event
	ledger    Ledger
	pods      []*Pod
	serial    int
}

// Installed is a workspace in the database.
type Installed struct {
	ID, Slug, Name string
	// Version is lastPull.version.
	Version      string
	RepositoryID string
	PulledAt     time.Time
	Edited       bool // since the import
}

// lock is the write lock of the workspace platform.
type lock struct {
	by, reason string
	at         time.Time
	hold       int // index in ledger.Locks
}

// New returns an empty platform without pods.
func New(o Options) *Platform {
	return &Platform{opts: o.withDefaults(), installed: map[string]*Installed{}, fail: map[string]failing{},
		held: map[string]chan struct{}{}, secrets: map[string]object{}, content: map[string]map[string]string{},
		pushed: map[string]bool{}, aside: map[string]string{}, apps: map[string]string{}, token: o.Token}
}

// Close kills all pods and waits for their goroutines.
func (p *Platform) Close() {
	p.mu.Lock()
	pods := slices.Clone(p.pods)
	p.mu.Unlock()
	for _, pod := range pods {
		pod.Kill()
	}
}

// Installed returns the workspaces in the database, sorted by slug.
func (p *Platform) Installed() []Installed {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Installed, 0, len(p.installed))
	for _, w := range p.installed {
		all = append(all, *w)
	}
	slices.SortFunc(all, func(a, b Installed) int { return strings.Compare(a.Slug, b.Slug) })
	return all
}

// failing is the error of a workspace and the number of remaining failures.
type failing struct {
	message string
	times   int // negative: always
}

// Fail makes every import of a workspace report an error, until [Platform.Heal].
func (p *Platform) Fail(slug, message string) { p.FailTimes(slug, message, -1) }

// FailTimes is like [Platform.Fail], for the given number of imports.
func (p *Platform) FailTimes(slug, message string, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[slug] = failing{message, times}
}

// nextFailure returns the error for the next import of a workspace. The caller holds mu.
func (p *Platform) nextFailure(slug string) (message string, yes bool) {
	f, yes := p.fail[slug]
	if f.times--; f.times == 0 {
		delete(p.fail, slug)
	} else if yes {
		p.fail[slug] = f
	}
	return f.message, yes
}

// Heal reverts [Platform.Fail].
func (p *Platform) Heal(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.fail, slug)
}

// SetAside excludes a workspace from pushes with status mergeConflict or inProgress. An empty
// status reverts it.
func (p *Platform) SetAside(slug, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aside[slug] = status
}

// Hold suspends the next import of a workspace midway, until [Platform.Resume].
func (p *Platform) Hold(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[slug] == nil {
		p.held[slug] = make(chan struct{})
	}
}

// Resume reverts [Platform.Hold].
func (p *Platform) Resume(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if held := p.held[slug]; held != nil {
		close(held)
	}
	delete(p.held, slug)
}

// simulateWork takes the time of an import. It returns false if life ends first.
func (p *Platform) simulateWork(life context.Context, slug string) bool {
	p.mu.Lock()
	held := p.held[slug]
	p.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-life.Done():
		}
	}
	return sleep(life, p.opts.ImportTime(slug))
}

// SetToken replaces the token of [Options], like a rotation: the old token is rejected from now on.
func (p *Platform) SetToken(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token = token
}

func (p *Platform) hasToken(r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.token != "" && r.Header.Get("Authorization") == "Bearer "+p.token
}

// Edit changes an installed workspace, like a user in the console. It reports whether the workspace
// exists.
func (p *Platform) Edit(slug string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := p.installed[slug]
	delete(p.pushed, slug)
	if ok {
		w.Edited = true
	}
	return ok
}

// Remove deletes an installed workspace.
func (p *Platform) Remove(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.installed, slug)
}

// Recreate deletes an installed workspace and creates an empty one with its slug, like a user in the
// console.
func (p *Platform) Recreate(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.installed[slug]
	p.createInstalled(old.Name, slug)
}

// Lock takes the write lock on behalf of another holder, for example a user with reason manual. It
// reports whether the lock was free.
func (p *Platform) Lock(by, reason string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acquireLock(by, reason) != nil
}

// Unlock releases the write lock regardless of its holder.
func (p *Platform) Unlock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLock(p.lock, false)
}

// acquireLock returns nil if the lock is held. The caller holds mu.
func (p *Platform) acquireLock(by, reason string) *lock {
	if p.heldLock() != nil {
		return nil
	}
	p.lock = &lock{by: by, reason: reason, at: time.Now(), hold: len(p.ledger.Locks)}
	p.ledger.Locks = append(p.ledger.Locks, LockHold{By: by, Reason: reason, Begin: p.lock.at})
	return p.lock
}

// heldLock returns the current lock. It releases an expired one; a merge conflict never expires.
// The caller holds mu.
func (p *Platform) heldLock() *lock {
	if p.lock != nil && p.lock.reason != "merge_conflict" && time.Since(p.lock.at) >= p.opts.LockExpiry {
		p.releaseLock(p.lock, true)
	}
	return p.lock
}

// releaseLock releases l unless another holder has the lock by now. The caller holds mu.
func (p *Platform) releaseLock(l *lock, expired bool) {
	if l == nil || p.lock != l {
		return
	}
	p.lock = nil
	hold := &p.ledger.Locks[l.hold]
	hold.End, hold.Expired = time.Now(), expired
	if expired {
		hold.End = l.at.Add(p.opts.LockExpiry)
	}
}

// nextID returns an ID that is unique on this platform. The caller holds mu.
func (p *Platform) nextID(prefix string) string {
	p.serial++
	return fmt.Sprintf("%s-%06d", prefix, p.serial)
}

func (p *Platform) newID(prefix string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nextID(prefix)
}

// readyPod returns the pod for the next request, round-robin.
func (p *Platform) readyPod() *Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	ready := slices.DeleteFunc(slices.Clone(p.pods), func(pod *Pod) bool { return !pod.state.ready || pod.state.killed })
	if len(ready) == 0 {
		return nil
	}
	p.serial++
	return ready[p.serial%len(ready)]
}

func (p *Platform) recordRequest(r Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.Requests = append(p.ledger.Requests, r)
}
