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

// Platform is what the pods of a cluster share.
type Platform struct {
	opts Options

	mu        sync.Mutex
	installed map[string]*Installed
	fail      map[string]failing
	held      map[string]chan struct{} // by slug; closed when it is resumed
	token     string
	secrets   map[string]object            // by slug
	content   map[string]map[string]string // by slug and path
	pushed    map[string]bool              // by slug
	aside     map[string]string            // by slug, why a push leaves it out
	apps      map[string]string            // ids of the workspaces that have published them, by slug
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
	Edited       bool // changed since the import
}

// lock is the write lock of the workspace platform.
type lock struct {
	by, reason string
	at         time.Time
	hold       int // index in ledger.Locks
}

// New returns an empty platform without pods.
func New(o Options) *Platform {
	return &Platform{opts: o.withDefaults(), installed: map[string]*Installed{}, fail: map[string]failing{}, held: map[string]chan struct{}{}, secrets: map[string]object{}, content: map[string]map[string]string{}, pushed: map[string]bool{}, aside: map[string]string{}, apps: map[string]string{}, token: o.Token}
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

// Installed returns the workspaces of the database, sorted by slug.
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

// failing is the error of a workspace, and how often it still comes.
type failing struct {
	message string
	times   int // negative: always
}

// Fail makes each import of a workspace report an error, until [Platform.Heal].
func (p *Platform) Fail(slug, message string) { p.FailTimes(slug, message, -1) }

// FailTimes is [Platform.Fail] for the next imports only.
func (p *Platform) FailTimes(slug, message string, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[slug] = failing{message, times}
}

// broken returns the error of the next import of a workspace. The caller holds mu.
func (p *Platform) broken(slug string) (message string, yes bool) {
	f, yes := p.fail[slug]
	if f.times--; f.times == 0 {
		delete(p.fail, slug)
	} else if yes {
		p.fail[slug] = f
	}
	return f.message, yes
}

// Heal ends [Platform.Fail].
func (p *Platform) Heal(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.fail, slug)
}

// SetAside makes pushes leave a workspace out, because of mergeConflict or inProgress;
// "" ends that.
func (p *Platform) SetAside(slug, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aside[slug] = status
}

// Hold stops the next import of a workspace in its middle, until [Platform.Resume].
func (p *Platform) Hold(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[slug] == nil {
		p.held[slug] = make(chan struct{})
	}
}

// Resume ends [Platform.Hold].
func (p *Platform) Resume(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if held := p.held[slug]; held != nil {
		close(held)
	}
	delete(p.held, slug)
}

// work takes the time of an import. It reports false when life ended first.
func (p *Platform) work(life context.Context, slug string) bool {
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

// SetToken changes the token of [Options], as a rotation does: the old one is
// worth nothing from now on.
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

// Edit changes an installed workspace, as a person does in the console. It
// reports whether the workspace is there.
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

// Lock takes the write lock for somebody else, such as a person with reason
// manual. It reports whether the lock was free.
func (p *Platform) Lock(by, reason string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acquire(by, reason) != nil
}

// Unlock frees the write lock, whoever holds it.
func (p *Platform) Unlock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(p.lock, false)
}

// acquire returns nil when the lock is held. The caller holds mu.
func (p *Platform) acquire(by, reason string) *lock {
	if p.heldLock() != nil {
		return nil
	}
	p.lock = &lock{by: by, reason: reason, at: time.Now(), hold: len(p.ledger.Locks)}
	p.ledger.Locks = append(p.ledger.Locks, LockHold{By: by, Reason: reason, Begin: p.lock.at})
	return p.lock
}

// heldLock lets an old lock expire; one of a merge conflict never does. The caller holds mu.
func (p *Platform) heldLock() *lock {
	if p.lock != nil && p.lock.reason != "merge_conflict" && time.Since(p.lock.at) >= p.opts.LockExpiry {
		p.release(p.lock, true)
	}
	return p.lock
}

// release frees l unless somebody else has the lock by now. The caller holds mu.
func (p *Platform) release(l *lock, expired bool) {
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

// nextID returns a name that is new on this platform. The caller holds mu.
func (p *Platform) nextID(prefix string) string {
	p.serial++
	return fmt.Sprintf("%s-%06d", prefix, p.serial)
}

func (p *Platform) newID(prefix string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nextID(prefix)
}

// readyPod is the one that the Service sends the next request to, in turn.
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

func (p *Platform) record(r Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.Requests = append(p.ledger.Requests, r)
}
