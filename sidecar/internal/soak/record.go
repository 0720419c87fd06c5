// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// Record is everything that happened in a soak.
type Record struct {
	Begin, End time.Time
	// Ledger is what happened on the platform.
	Ledger *platformtest.Ledger
	// Releases by name.
	Releases map[string]*platformtest.Release
	// Carried says which release each pod had, by the name of the pod; Current which one was
	// the current one. Both are in order of time.
	Carried map[string][]Turn
	Current []Turn
	Lives   []*Life
	Samples []Sample
	// Settled are the pauses of the trouble, in which everything has to become right.
	Settled []Settling
	// Troubles counts what was done, by kind.
	Troubles map[string]int
	// StaleTokens are requests with a token that its file no longer held.
	StaleTokens []string
}

// Turn is the begin of a time in which a release counts.
type Turn struct {
	At      time.Time
	Release string
}

// Life is one process of a sidecar.
type Life struct {
	Slot       int
	Pod        string
	Begin, End time.Time
	// Asked is when it was sent SIGTERM; zero if it was killed.
	Asked time.Time
	// ExitCode of one that was asked to end.
	ExitCode int
	// Confirmed are the times at which it logged that its release is confirmed.
	Confirmed []time.Time
	// Ready is when the probe first succeeded.
	Ready time.Time
	// LateErrors are errors that it logged after SIGTERM.
	LateErrors []string
	// Wrong are violations that only somebody who watches can see.
	Wrong []string
}

// Sample is what one sidecar took at a time.
type Sample struct {
	At         time.Time
	Slot       int
	RSS        float64 // bytes
	FDs        int
	Goroutines int
	Watches    int // of inotify
}

// Settling is a pause of the trouble.
type Settling struct {
	At time.Time
	// Took is the time until every replica was Ready and the platform had the current
	// release; negative if that did not happen.
	Took time.Duration
	// State describes what was wrong then.
	State string
}

// at returns the release that counts at a time, empty before the first turn.
func at(turns []Turn, t time.Time) string {
	name := ""
	for _, turn := range turns {
		if turn.At.After(t) {
			break
		}
		name = turn.Release
	}
	return name
}

// carried returns the release of a pod at a time.
func (r *Record) carried(pod string, t time.Time) string { return at(r.Carried[pod], t) }

// life returns the process that a pod had at a time, nil if none.
func (r *Record) life(pod string, t time.Time) *Life {
	for _, l := range r.Lives {
		if l.Pod == pod && !t.Before(l.Begin) && (l.End.IsZero() || !t.After(l.End)) {
			return l
		}
	}
	return nil
}

// changes are the imports that changed the platform, in order of their end.
func (r *Record) changes() []platformtest.Import {
	changedNothing := func(i platformtest.Import) bool { return i.Outcome != platformtest.Imported }
	done := slices.DeleteFunc(slices.Clone(r.Ledger.Imports), changedNothing)
	slices.SortStableFunc(done, func(a, b platformtest.Import) int { return a.End.Compare(b.End) })
	return done
}
