// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// memory holds what this process knows from earlier passes. Without it a pass sends more requests,
// and errors that the platform forgets are lost.
type memory struct {
	key    string // of the release that this is about
	groups map[string]*groupMemory
	// pass is the number of the current pass. Confirmations are dated by pass.
	pass int
	// finalCheckPass is the pass of the first finalCheck: older confirmations do not count. 0 means none
	// yet. A failed pass resets it, because another release may be imported before the next pass. A rate
	// limit does not: the platform may not allow the pulls of all groups in one pass.
	finalCheckPass int
	// confirmed is true if this process has confirmed the release at least once.
	confirmed bool
	foreign   []string // slugs last seen at another version
	// changes holds the results of comparisons by slug; next is the index of the next comparison.
	changes map[string]bool
	next    int
	// installed maps slugs to the content of each confirmed version.
	installed map[string]content
}

// groupMemory is the memory about one group of the release.
type groupMemory struct {
	// confirmedPass is the pass in which the platform confirmed the group, or 0.
	confirmedPass int
	// distrust holds slugs whose version may be set although their import failed.
	distrust map[string]bool
	// needsForce is true if the platform skips workspaces that need an import.
	needsForce bool
	// posted is when the group was posted with force and without a known outcome.
	posted time.Time
	// sent is when the import that led to the confirmation was sent, by the server's clock. Zero if
	// there was none.
	sent time.Time
	// seen is when a group of an observed import was first seen installed.
	seen time.Time
	// best is the maximum number of workspaces of the group that were done.
	best int
	// recheckedPass is the pass in which finalCheck last requested another pull of the group.
	recheckedPass int
	// verifyOnly is true if the next import of the group only verifies it.
	verifyOnly bool
	// repair is true if the group drifted and must be imported again.
	repair  bool
	repairs repeats
	// overwritten is true if another release was imported over the group after its confirmation.
	overwritten bool
	// takeBacks counts the imports over another release that had replaced the group.
	takeBacks repeats
	// replaced is true if another release was imported over workspaces with the same version name
	// in both releases, which the platform would skip.
	replaced bool
	// pulled holds the import time of each workspace, by the platform's clock, when the group was
	// last seen as correct.
	pulled map[string]time.Time
}

type content struct {
	version string
	digest  digest.Digest
}

// repeats counts consecutive repetitions.
type repeats struct {
	n     int
	after time.Time // earliest time of the next one
}

func newMemory() *memory {
	return &memory{groups: map[string]*groupMemory{}, installed: map[string]content{}}
}

// resetForRelease resets the memory, except for installed contents, if the release has changed. It reports
// whether it has.
func (m *memory) resetForRelease(d *Desired) bool {
	if m.key == d.memoryKey() {
		return false
	}
	*m = memory{
		key:       d.memoryKey(),
		pass:      m.pass,
		installed: m.installed,
		groups:    map[string]*groupMemory{},
		changes:   map[string]bool{},
	}
	return true
}

// forGroup returns the memory about a group.
func (m *memory) forGroup(g *GroupPlan) *groupMemory {
	if m.groups[g.Name] == nil {
		m.groups[g.Name] = &groupMemory{distrust: map[string]bool{}, pulled: map[string]time.Time{}}
	}
	return m.groups[g.Name]
}

// forgetConfirmations makes the next pass confirm every group again.
func (m *memory) forgetConfirmations() {
	for _, g := range m.groups {
		g.confirmedPass = 0
	}
}

// resetTakeBacks resets the number of imports over another release.
func (m *memory) resetTakeBacks() {
	for _, g := range m.groups {
		g.takeBacks = repeats{}
	}
}

// needsForce reports whether a group needs a forced import. A failure alone does not force: the
// platform imports failed workspaces and skips the others, unless it considers the failed ones
// imported.
func (m *memory) needsForce(policy Force, g *GroupPlan) bool {
	known := m.forGroup(g)
	switch {
	case known.repair:
		return true
	case policy == ForceNever:
		return false
	case policy == ForceAlways:
		return true
	}
	return known.needsForce || known.replaced || m.hasNewContent(g)
}

// hasNewContent reports whether a confirmed version has different content now.
func (m *memory) hasNewContent(g *GroupPlan) bool {
	for _, w := range g.Workspaces {
		if old, ok := m.installed[w.Slug]; ok && old.version == w.Version && old.digest != w.Digest {
			return true
		}
	}
	return false
}

// recordConfirmation records the platform's confirmation of a group.
func (m *memory) recordConfirmation(g *GroupPlan) {
	known := m.forGroup(g)
	known.confirmedPass = m.pass
	clear(known.distrust)
	known.verifyOnly = false
	known.needsForce = false
	known.repair = false
	known.overwritten = false
	known.replaced = false
	known.posted = time.Time{}
	for _, w := range g.Workspaces {
		m.installed[w.Slug] = content{version: w.Version, digest: w.Digest}
		delete(m.changes, w.Slug)
	}
}

// addDistrust marks workspaces as distrusted.
func (k *groupMemory) addDistrust(slugs []string) {
	for _, s := range slugs {
		k.distrust[s] = true
	}
}

// clearDistrust clears the distrust of imported workspaces.
func (k *groupMemory) clearDistrust(all []state.Workspace) {
	for _, w := range all {
		if w.State == state.WorkspaceImported {
			delete(k.distrust, w.Slug)
		}
	}
}

// recordProgress reports whether more workspaces of the group are done than ever before.
func (k *groupMemory) recordProgress(all []state.Workspace) bool {
	n := 0
	for _, w := range all {
		switch w.State {
		case state.WorkspaceImported, state.WorkspaceSkipped, state.WorkspaceConfirmed:
			n++
		}
	}
	if n <= k.best {
		return false
	}
	k.best = n
	return true
}

// resetAfter resets the count if the last pause ended longer than after ago.
func (r *repeats) resetAfter(after time.Duration) {
	if time.Since(r.after) > after {
		*r = repeats{}
	}
}

// mayRepeat reports whether an action may run now, and counts it. An action that does not help is
// repeated with backoff, because a forced import restarts what runs in the workspaces: the pause
// starts at every and doubles up to maxDoublings times.
func (r *repeats) mayRepeat(every time.Duration, maxDoublings int) bool {
	now := time.Now()
	if now.Before(r.after) {
		return false
	}
	*r = repeats{n: r.n + 1, after: now.Add(every << min(r.n, maxDoublings))}
	return true
}
