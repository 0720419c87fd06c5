// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// Record holds all events of a soak.
type Record struct {
	Begin, End time.Time
	// Ledger holds the events on the platform.
	Ledger *platformtest.Ledger
	// Releases maps names to releases.
	Releases map[string]*platformtest.Release
	// Carried maps pods to their releases, and Current lists the current releases. Both are in
	// order of time.
	Carried map[string][]Turn
	Current []Turn
	Lives   []*Life
	Samples []Sample
	// Settled lists the pauses between faults, in which everything must recover.
	Settled []Settling
	// Troubles counts the faults by kind.
	Troubles map[string]int
	// StaleTokens lists requests with a token that its file no longer held.
	StaleTokens []string
}

// Turn is the time from which a release applies.
type Turn struct {
	At      time.Time
	Release string
}

// Life is one process of a sidecar.
type Life struct {
	Slot       int
	Pod        string
	Begin, End time.Time
	// Asked is the time of SIGTERM, or zero if the process was killed.
	Asked time.Time
	// ExitCode is set if the process got SIGTERM.
	ExitCode int
	// Confirmed lists the times at which the process logged the confirmation of its release.
	Confirmed []time.Time
	// Ready is the time of the first successful probe.
	Ready time.Time
	// LateErrors lists errors logged after SIGTERM.
	LateErrors []string
	// Wrong lists violations that only show while the process runs.
	Wrong []string
}

// Sample is the resource usage of one sidecar at a time.
type Sample struct {
	At         time.Time
	Slot       int
	RSS        float64 // bytes
	FDs        int
	Goroutines int
	Watches    int // inotify watches
}

// Settling is a pause between faults.
type Settling struct {
	At time.Time
	// Took is the time until every replica was Ready and the platform had the current release. It
	// is negative if that did not happen.
	Took time.Duration
	// State describes what was wrong in that case.
	State string
}

// releaseAt returns the release that applies at t, or "" before the first turn.
func releaseAt(turns []Turn, t time.Time) string {
	name := ""
	for _, turn := range turns {
		if turn.At.After(t) {
			break
		}
		name = turn.Release
	}
	return name
}

// carriedRelease returns the release of a pod at t.
func (r *Record) carriedRelease(pod string, t time.Time) string { return releaseAt(r.Carried[pod], t) }

// findLife returns the process of a pod at t, or nil.
func (r *Record) findLife(pod string, t time.Time) *Life {
	for _, l := range r.Lives {
		if l.Pod == pod && !t.Before(l.Begin) && (l.End.IsZero() || !t.After(l.End)) {
			return l
		}
	}
	return nil
}

// findChanges returns the imports that changed the platform, in order of their end.
func (r *Record) findChanges() []platformtest.Import {
	changedNothing := func(i platformtest.Import) bool { return i.Outcome != platformtest.Imported }
	done := slices.DeleteFunc(slices.Clone(r.Ledger.Imports), changedNothing)
	slices.SortStableFunc(done, func(a, b platformtest.Import) int { return a.End.Compare(b.End) })
	return done
}
