// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// memory is what one process knows from earlier passes. Without it a pass does
// more requests, and an error that the platform itself forgot stays forgotten.
type memory struct {
	key       string          // of the release that the rest is about
	confirmed map[string]bool // groups with the platform's word
	// distrust holds, by group, the slugs whose version may be set although their import failed.
	distrust map[string]map[string]bool
	ignored  map[string]bool      // groups of which the platform skips what is not right
	forced   map[string]time.Time // groups that were posted with force without a known outcome, and when
	seen     map[string]time.Time // when a group that others import was first seen installed
	best     map[string]int       // most workspaces of a group that were ever right
	repair   map[string]bool      // groups that drifted and are to be imported again
	repairs  map[string]repairs
	foreign  []string // slugs that were last seen at another version
	// changes holds what the platform's comparisons said, by slug; next is where they go on.
	changes map[string]bool
	next    int
	// installed is the content of each version that was confirmed, by slug.
	installed map[string]content
}

type content struct {
	version string
	digest  digest.Digest
}

// repairs counts those in a row after which a group drifted again.
type repairs struct {
	n     int
	after time.Time // not before
}

func newMemory() *memory { return &memory{installed: map[string]content{}} }

// about forgets everything but installed contents when the release is another
// one, and reports whether it is.
func (m *memory) about(d *Desired) bool {
	if m.key == d.key() {
		return false
	}
	*m = memory{key: d.key(), installed: m.installed, confirmed: map[string]bool{}, distrust: map[string]map[string]bool{},
		ignored: map[string]bool{}, forced: map[string]time.Time{}, best: map[string]int{}, seen: map[string]time.Time{},
		repair: map[string]bool{}, repairs: map[string]repairs{}, changes: map[string]bool{}}
	return true
}

// forces reports whether a group is imported with force. After a failure alone it
// is not: the platform imports what failed and spares the others, unless it takes
// what failed for imported.
func (m *memory) forces(policy Force, g *GroupPlan) bool {
	switch {
	case m.repair[g.Name]:
		return true
	case policy == ForceNever:
		return false
	case policy == ForceAlways:
		return true
	}
	return m.ignored[g.Name] || m.changed(g)
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
	m.confirmed[g.Name] = true
	delete(m.distrust, g.Name)
	delete(m.ignored, g.Name)
	delete(m.forced, g.Name)
	delete(m.repair, g.Name)
	for _, w := range g.Workspaces {
		m.installed[w.Slug] = content{w.Version, w.Digest}
		delete(m.changes, w.Slug)
	}
}

// doubt distrusts workspaces of a group.
func (m *memory) doubt(g *GroupPlan, slugs []string) {
	if len(slugs) > 0 && m.distrust[g.Name] == nil {
		m.distrust[g.Name] = map[string]bool{}
	}
	for _, s := range slugs {
		m.distrust[g.Name][s] = true
	}
}

// trust ends the distrust of workspaces that were imported.
func (m *memory) trust(g *GroupPlan, all []state.Workspace) {
	for _, w := range all {
		if w.State == state.WorkspaceImported {
			delete(m.distrust[g.Name], w.Slug)
		}
	}
}

// better reports whether more of the group are right than ever before.
func (m *memory) better(g *GroupPlan, all []state.Workspace) bool {
	n := 0
	for _, w := range all {
		if w.State == state.WorkspaceImported || w.State == state.WorkspaceSkipped || w.State == state.WorkspaceConfirmed {
			n++
		}
	}
	if n <= m.best[g.Name] {
		return false
	}
	m.best[g.Name] = n
	return true
}

// mayRepair counts a repair of a group. One that does not help is repeated ever
// less often: a forced import restarts what the workspaces run.
func (m *memory) mayRepair(g *GroupPlan, every time.Duration) bool {
	r := m.repairs[g.Name]
	if time.Now().Before(r.after) {
		return false
	}
	m.repairs[g.Name] = repairs{r.n + 1, time.Now().Add(every << min(r.n, 8))}
	return true
}
