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
	// round is the pass of the first lastLook: older confirmations do not count. 0 means none yet.
	round int
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
	// word is the pass in which the platform confirmed the group, or 0.
	word int
	// distrust holds slugs whose version may be set although their import failed.
	distrust map[string]bool
	// ignored is true if the platform skips workspaces that need an import.
	ignored bool
	// posted is when the group was posted with force and without a known outcome.
	posted time.Time
	// sent is when the import that led to the confirmation was sent, by the server's clock. Zero if
	// there was none.
	sent time.Time
	// seen is when a group of an observed import was first seen installed.
	seen time.Time
	// best is the maximum number of workspaces of the group that were done.
	best int
	// asked is the pass in which lastLook last requested another pull of the group.
	asked int
	// check is true if the next import of the group only verifies it.
	check bool
	// repair is true if the group drifted and must be imported again.
	repair  bool
	repairs repeats
	// lost is true if another release was imported over the group after its confirmation.
	lost bool
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

// about resets the memory, except for installed contents, if the release has changed. It reports
// whether it has.
func (m *memory) about(d *Desired) bool {
	if m.key == d.key() {
		return false
	}
	*m = memory{
		key:       d.key(),
		pass:      m.pass,
		installed: m.installed,
		groups:    map[string]*groupMemory{},
		changes:   map[string]bool{},
	}
	return true
}

// of returns the memory about a group.
func (m *memory) of(g *GroupPlan) *groupMemory {
	if m.groups[g.Name] == nil {
		m.groups[g.Name] = &groupMemory{distrust: map[string]bool{}, pulled: map[string]time.Time{}}
	}
	return m.groups[g.Name]
}

// forgetWords makes the next pass confirm every group again.
func (m *memory) forgetWords() {
	for _, g := range m.groups {
		g.word = 0
	}
}

// forgiveTakeBacks resets the number of imports over another release.
func (m *memory) forgiveTakeBacks() {
	for _, g := range m.groups {
		g.takeBacks = repeats{}
	}
}

// forces reports whether a group needs a forced import. A failure alone does not force: the
// platform imports failed workspaces and skips the others, unless it considers the failed ones
// imported.
func (m *memory) forces(policy Force, g *GroupPlan) bool {
	known := m.of(g)
	switch {
	case known.repair:
		return true
	case policy == ForceNever:
		return false
	case policy == ForceAlways:
		return true
	}
	return known.ignored || known.replaced || m.changed(g)
}

// changed reports whether a confirmed version has different content now.
func (m *memory) changed(g *GroupPlan) bool {
	for _, w := range g.Workspaces {
		if old, ok := m.installed[w.Slug]; ok && old.version == w.Version && old.digest != w.Digest {
			return true
		}
	}
	return false
}

// confirm records the platform's confirmation of a group.
func (m *memory) confirm(g *GroupPlan) {
	known := m.of(g)
	known.word = m.pass
	clear(known.distrust)
	known.check = false
	known.ignored = false
	known.repair = false
	known.lost = false
	known.replaced = false
	known.posted = time.Time{}
	for _, w := range g.Workspaces {
		m.installed[w.Slug] = content{version: w.Version, digest: w.Digest}
		delete(m.changes, w.Slug)
	}
}

// doubt marks workspaces as distrusted.
func (k *groupMemory) doubt(slugs []string) {
	for _, s := range slugs {
		k.distrust[s] = true
	}
}

// trust clears the distrust of imported workspaces.
func (k *groupMemory) trust(all []state.Workspace) {
	for _, w := range all {
		if w.State == state.WorkspaceImported {
			delete(k.distrust, w.Slug)
		}
	}
}

// better reports whether more workspaces of the group are done than ever before.
func (k *groupMemory) better(all []state.Workspace) bool {
	n := 0
	for _, w := range all {
		if w.State == state.WorkspaceImported || w.State == state.WorkspaceSkipped || w.State == state.WorkspaceConfirmed {
			n++
		}
	}
	if n <= k.best {
		return false
	}
	k.best = n
	return true
}

// forget resets the count if the last pause ended longer than after ago.
func (r *repeats) forget(after time.Duration) {
	if time.Since(r.after) > after {
		*r = repeats{}
	}
}

// again reports whether an action may run now, and counts it. An action that does not help is
// repeated with backoff, because a forced import restarts what runs in the workspaces: the pause
// starts at every and doubles up to maxDoublings times.
func (r *repeats) again(every time.Duration, maxDoublings int) bool {
	now := time.Now()
	if now.Before(r.after) {
		return false
	}
	*r = repeats{n: r.n + 1, after: now.Add(every << min(r.n, maxDoublings))}
	return true
}
