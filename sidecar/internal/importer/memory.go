// SPDX-License-Identifier: Apache-2.0

package importer

import "github.com/opencontainers/go-digest"

// memory is what one process knows from earlier passes. Without it a pass does
// more requests, and an error that the platform itself forgot stays forgotten.
type memory struct {
	key       string              // of the release that the rest is about
	confirmed map[string]bool     // groups with the platform's word
	failed    map[string]failures // recorded failures of groups, by workspace
	unknown   map[string]bool     // groups that were posted without a known outcome
	repair    map[string]bool     // groups that drifted
	// installed is the content of each version that was confirmed, by slug.
	installed map[string]content
}

type failures map[string]bool

type content struct {
	version string
	digest  digest.Digest
}

func newMemory() *memory { return &memory{installed: map[string]content{}} }

// about forgets everything but installed contents when the release is another one.
func (m *memory) about(d *Desired) {
	if m.key == d.key() {
		return
	}
	*m = memory{key: d.key(), installed: m.installed,
		confirmed: map[string]bool{}, failed: map[string]failures{}, unknown: map[string]bool{}, repair: map[string]bool{}}
}

// forces reports whether a group is imported with force. After an unknown
// outcome it is not: the unforced answer tells whether there is anything to do.
func (m *memory) forces(policy Force, g *GroupPlan) bool {
	switch {
	case m.repair[g.Name]:
		return true
	case policy == ForceNever:
		return false
	case len(m.failed[g.Name]) > 0:
		return policy == ForceAuto || policy == ForceAlways
	case m.unknown[g.Name]:
		return false
	case policy == ForceAlways:
		return true
	}
	return m.changed(g)
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
	delete(m.failed, g.Name)
	delete(m.unknown, g.Name)
	delete(m.repair, g.Name)
	for _, w := range g.Workspaces {
		m.installed[w.Slug] = content{w.Version, w.Digest}
	}
}

// fail records that an import of a group ended with errors of workspaces; all
// of the group are distrusted when no workspace is named.
func (m *memory) fail(g *GroupPlan, slugs []string) {
	delete(m.unknown, g.Name)
	if len(slugs) == 0 {
		slugs = g.slugs()
	}
	known := m.failed[g.Name]
	if known == nil {
		known = failures{"": true} // the group itself
	}
	for _, s := range slugs {
		known[s] = true
	}
	m.failed[g.Name] = known
}
