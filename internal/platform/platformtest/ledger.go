// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"fmt"
	"slices"
	"time"
)

// Ledger is what really happened on a [Platform], in order of begin.
type Ledger struct {
	Requests []Request
	Bulks    []Bulk
	Imports  []Import
	Locks    []LockHold
}

// Request is one that reached a pod or the gateway.
type Request struct {
	At            time.Time
	Server        string // name of the pod, or "gateway"
	Op            string
	Status        int // 0 when the connection broke before the answer
	CorrelationID string
	// User is the x-prismeai-user-id that arrived.
	User string
}

// Outcome of a [Bulk] or an [Import]; empty while it runs.
type Outcome string

// The outcomes.
const (
	Imported Outcome = "imported"
	Skipped  Outcome = "skipped"
	Failed   Outcome = "error"
	Killed   Outcome = "killed" // the pod ended before the import
)

// Bulk is one bulk import that got the lock.
type Bulk struct {
	CorrelationID string
	Pod           string
	Groups        []string
	Force         bool
	Begin, End    time.Time
	Outcome       Outcome // Imported, Failed or Killed
}

// Import is an attempt at one workspace.
type Import struct {
	Bulk       int // index in Bulks
	Pod        string
	Slug       string
	Version    string
	Begin, End time.Time
	Outcome    Outcome
}

// LockHold is a time during which the lock was held. End is zero while it is.
type LockHold struct {
	By, Reason string
	Begin, End time.Time
	Expired    bool // ended by its age, not by its owner
}

// Count returns how many requests of an operation came, at any server.
func (l *Ledger) Count(op string) (n int) {
	for _, r := range l.Requests {
		if r.Op == op {
			n++
		}
	}
	return n
}

// ImportsOf returns the attempts at a workspace.
func (l *Ledger) ImportsOf(slug string) []Import {
	return slices.DeleteFunc(slices.Clone(l.Imports), func(i Import) bool { return i.Slug != slug })
}

// Overlaps reports each pair of bulk imports that ran at the same time.
func (l *Ledger) Overlaps() []string {
	var found []string
	for i, a := range l.Bulks {
		for _, b := range l.Bulks[i+1:] {
			if a.End.IsZero() || b.Begin.Before(a.End) {
				found = append(found, fmt.Sprintf("%s on %s and %s on %s", a.CorrelationID, a.Pod, b.CorrelationID, b.Pod))
			}
		}
	}
	return found
}

// Ledger returns a copy of what happened so far.
func (p *Platform) Ledger() *Ledger {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &Ledger{slices.Clone(p.ledger.Requests), slices.Clone(p.ledger.Bulks), slices.Clone(p.ledger.Imports), slices.Clone(p.ledger.Locks)}
}
