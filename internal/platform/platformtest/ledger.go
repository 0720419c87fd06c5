// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"fmt"
	"slices"
	"time"
)

// Ledger records what happened on a [Platform], ordered by start.
type Ledger struct {
	Requests []Request
	Bulks    []Bulk
	Imports  []Import
	Locks    []LockHold
}

// Request is a request that reached a pod or the gateway.
type Request struct {
	At            time.Time
	Server        string // name of the pod, or "gateway"
	Op            string
	Status        int // 0 if the connection broke before the response
	CorrelationID string
	// User is the received x-prismeai-user-id.
	User string
}

// Outcome is the outcome of a [Bulk] or an [Import]. It is empty while it runs.
type Outcome string

// Outcomes.
const (
	Imported Outcome = "imported"
	Skipped  Outcome = "skipped"
	Failed   Outcome = "error"
	Killed   Outcome = "killed" // the pod was killed during the import
)

// Bulk is a bulk import that got the lock.
type Bulk struct {
	CorrelationID string
	Pod           string
	Groups        []string
	Force         bool
	Begin, End    time.Time
	Outcome       Outcome // Imported, Failed or Killed
}

// Import is an attempt to import one workspace.
type Import struct {
	Bulk       int // index in Bulks
	Pod        string
	Slug       string
	Version    string
	Begin, End time.Time
	Outcome    Outcome
}

// LockHold is a period during which the lock was held. End is zero while it is held.
type LockHold struct {
	By, Reason string
	Begin, End time.Time
	Expired    bool // the lock expired
}

// Count returns the number of requests for an operation, to any server.
func (l *Ledger) Count(op string) (n int) {
	for _, r := range l.Requests {
		if r.Op == op {
			n++
		}
	}
	return n
}

// ImportsOf returns the imports of a workspace.
func (l *Ledger) ImportsOf(slug string) []Import {
	return slices.DeleteFunc(slices.Clone(l.Imports), func(i Import) bool { return i.Slug != slug })
}

// Overlaps describes each pair of bulk imports that overlapped in time.
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

// Ledger returns a copy of the ledger.
func (p *Platform) Ledger() *Ledger {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &Ledger{slices.Clone(p.ledger.Requests), slices.Clone(p.ledger.Bulks), slices.Clone(p.ledger.Imports),
		slices.Clone(p.ledger.Locks)}
}
