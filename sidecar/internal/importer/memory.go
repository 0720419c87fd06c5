// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// memory is what one process knows from earlier passes. Without it a pass sends
// more requests, and an error that the platform itself forgot stays forgotten.
type memory struct {
	key    string // of the release that the rest is about
	groups map[string]*groupMemory
	// pass numbers the passes: the platform's word is as old as the pass that got it.
	pass int
	// round is the pass of the first last look, since when words count; 0 for none yet.
	round int
	// confirmed: the release was confirmed at least once by this process.
	confirmed bool
	foreign   []string // slugs that were last seen at another version
	// changes holds what the platform's comparisons said, by slug; next is where they go on.
	changes map[string]bool
	next    int
	// installed is the content of each version that was confirmed, by slug.
	installed map[string]content
}

// groupMemory is what is known about one group of the release.
type groupMemory struct {
	// word is the pass in which the platform gave its word for the group, 0 for none.
	word int
	// distrust holds slugs whose version may be set although their import failed.
	distrust map[string]bool
	// ignored: the platform skips what is not right.
	ignored bool
	// posted is when the group was posted with force without a known outcome.
	posted time.Time
	// sent is when the import was sent that got the word, by the server's clock; zero if
	// there was none.
	sent time.Time
	// seen is when a group that others import was first seen installed.
	seen time.Time
	// best is the most workspaces of the group that were ever right.
	best int
	// asked is the pass in which the last look made the group be asked for again.
	asked int
	// check: the next import of the group is to check that there is nothing to do.
	check bool
	// repair: the group drifted and is to be imported again.
	repair  bool
	repairs repeats
	// lost: another release was imported over the group since it was confirmed.
	lost bool
	// takeBacks counts imports over another release that had replaced the group.
	takeBacks repeats
	// replaced: another release was imported over workspaces that have the same version
	// name in both, so that the platform would skip them.
	replaced bool
	// pulled is when each workspace was imported, by the platform's clock, when the group
	// was last seen to be right.
	pulled map[string]time.Time
}

type content struct {
	version string
	digest  digest.Digest
}

// repeats counts what was done several times in a row.
type repeats struct {
	n     int
	after time.Time // not before
}

func newMemory() *memory {
	return &memory{groups: map[string]*groupMemory{}, installed: map[string]content{}}
}

// about forgets everything but installed contents when the release is another
// one, and reports whether it is.
func (m *memory) about(d *Desired) bool {
	if m.key == d.key() {
		return false
	}
	*m = memory{key: d.key(), pass: m.pass, installed: m.installed, groups: map[string]*groupMemory{}, changes: map[string]bool{}}
	return true
}

// of returns what is known about a group.
func (m *memory) of(g *GroupPlan) *groupMemory {
	if m.groups[g.Name] == nil {
		m.groups[g.Name] = &groupMemory{distrust: map[string]bool{}, pulled: map[string]time.Time{}}
	}
	return m.groups[g.Name]
}

// forgetWords makes the next pass ask for the platform's word about every group.
func (m *memory) forgetWords() {
	for _, g := range m.groups {
		g.word = 0
	}
}

// forgiveTakeBacks forgets how often groups were imported over another release.
func (m *memory) forgiveTakeBacks() {
	for _, g := range m.groups {
		g.takeBacks = repeats{}
	}
}

// forces reports whether a group is imported with force. After a failure alone it
// is not: the platform imports what failed and spares the others, unless it takes
// what failed for imported.
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

// changed reports whether a version that was confirmed before has other content now.
func (m *memory) changed(g *GroupPlan) bool {
	for _, w := range g.Workspaces {
		if old, ok := m.installed[w.Slug]; ok && old.version == w.Version && old.digest != w.Digest {
			return true
		}
	}
	return false
}

// confirm records the platform's word for a group.
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
		m.installed[w.Slug] = content{w.Version, w.Digest}
		delete(m.changes, w.Slug)
	}
}

// doubt distrusts workspaces of a group.
func (k *groupMemory) doubt(slugs []string) {
	for _, s := range slugs {
		k.distrust[s] = true
	}
}

// trust ends the distrust of workspaces that were imported.
func (k *groupMemory) trust(all []state.Workspace) {
	for _, w := range all {
		if w.State == state.WorkspaceImported {
			delete(k.distrust, w.Slug)
		}
	}
}

// better reports whether more of the group are right than ever before.
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

// forget starts the count again when nothing was done for a time since the last pause.
func (r *repeats) forget(after time.Duration) {
	if time.Since(r.after) > after {
		*r = repeats{}
	}
}

// again reports whether something may be done now, and counts it. What does not help
// is repeated ever less often, as a forced import restarts what the workspaces run: the
// pause doubles from every, at most maxDoublings times.
func (r *repeats) again(every time.Duration, maxDoublings int) bool {
	now := time.Now()
	if now.Before(r.after) {
		return false
	}
	*r = repeats{r.n + 1, now.Add(every << min(r.n, maxDoublings))}
	return true
}
