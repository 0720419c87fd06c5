// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
)

// maxProblems limits the number of problems that [Manifest.Validate] reports, because a broken
// manifest may have thousands.
const maxProblems = 20

// Validate checks the consistency of the manifest and reports up to 20 problems. It takes time and
// memory proportional to the size of the manifest.
func (m *Manifest) Validate() error {
	var p problems
	m.validateHead(&p)
	m.validateLayers(&p)
	m.validateGroups(&p, m.validateWorkspaces(&p))
	if err := p.joinErrors(); err != nil {
		return fmt.Errorf("invalid release manifest: %w", err)
	}
	return nil
}

// problems collects errors in the order of their discovery.
type problems struct {
	errs    []error
	omitted int
}

func (p *problems) addf(format string, args ...any) {
	if len(p.errs) == maxProblems {
		p.omitted++
		return
	}
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

// checkDigest accepts algorithms that are not linked into this program, so that all programs agree.
func (p *problems) checkDigest(what string, d digest.Digest) {
	if err := d.Validate(); err != nil && !errors.Is(err, digest.ErrDigestUnsupported) {
		p.addf("digest %q of %s: %w", d, what, err)
	}
}

// joinErrors returns all problems as one error, or nil.
func (p *problems) joinErrors() error {
	if p.omitted > 0 {
		return errors.Join(append(p.errs, fmt.Errorf("and %d more problems", p.omitted))...)
	}
	return errors.Join(p.errs...)
}

func (m *Manifest) validateHead(p *problems) {
	if m.SchemaVersion != SchemaVersion {
		p.addf("unsupported schema version %d, want %d", m.SchemaVersion, SchemaVersion)
	}
	if m.Name == "" || !utf8.ValidString(m.Name) {
		p.addf("the release name %q is empty or not UTF-8", m.Name)
	}
	if r := m.Repository; r.ID == "" || r.Name == "" || !isDirectory(r.Directory) {
		p.addf("repository needs an id, a name and an absolute, clean directory; it has %q, %q and %q",
			r.ID, r.Name, r.Directory)
	}
	if _, offset := m.Created.Zone(); offset != 0 || m.Created.Nanosecond() != 0 {
		p.addf("created %s is not in whole seconds of UTC", m.Created)
	}
	if m.Base != nil {
		p.checkDigest("the base", m.Base.Digest)
	}
	if m.Layer != (Layer{}) {
		p.checkDigest("the layer", m.Layer.Digest)
		p.checkDigest("the layer's content", m.Layer.DiffID)
	}
}

// validateLayers expects every workspace that is not in the base in exactly one layer.
func (m *Manifest) validateLayers(p *problems) {
	if len(m.Layers) == 0 {
		return
	}
	if m.Layers[0].Layer != m.Layer {
		p.addf("layer %s is not the first of the layers, which is %s", m.Layer.Digest, m.Layers[0].Digest)
	}
	missing := make(map[string]bool, len(m.Workspaces))
	for _, w := range m.Workspaces {
		if !w.FromBase {
			missing[w.Slug] = true
		}
	}
	for i, l := range m.Layers {
		what := fmt.Sprintf("layer %d", i+1)
		p.checkDigest(what, l.Digest)
		p.checkDigest("the content of "+what, l.DiffID)
		if !isSortedSet(l.Workspaces) {
			p.addf("%s: its workspaces are not sorted, or are listed twice", what)
		}
		for _, slug := range l.Workspaces {
			if !missing[slug] {
				p.addf("%s holds workspace %q, which another layer or the base holds, or the release does not have",
					what, slug)
			}
			delete(missing, slug)
		}
	}
	for _, w := range m.Workspaces {
		if missing[w.Slug] {
			p.addf("workspace %q is in no layer", w.Slug)
		}
	}
}

// isDirectory reports whether dir can hold workspaces. The root of the image cannot.
func isDirectory(dir string) bool {
	return path.IsAbs(dir) && path.Clean(dir) == dir && dir != "/"
}

// validateWorkspaces returns the slugs, mapped to false. validateGroups sets those that are in a
// group.
func (m *Manifest) validateWorkspaces(p *problems) map[string]bool {
	grouped := make(map[string]bool, len(m.Workspaces))
	for i, w := range m.Workspaces {
		switch {
		case !isSlug(w.Slug):
			p.addf("workspace %q: the slug is not a directory name", w.Slug)
		case i > 0 && w.Slug == m.Workspaces[i-1].Slug:
			p.addf("workspace %q is listed twice", w.Slug)
		case i > 0 && w.Slug < m.Workspaces[i-1].Slug:
			p.addf("workspace %q comes after %q: workspaces are sorted by slug", w.Slug, m.Workspaces[i-1].Slug)
		}
		grouped[w.Slug] = false
		p.checkDigest("workspace "+w.Slug, w.Digest)
		if !isSortedSet(w.Requires.Secrets) || !isSortedSet(w.Requires.Config) {
			p.addf("workspace %q: the names that it requires are empty, not UTF-8, or not sorted", w.Slug)
		}
	}
	return grouped
}

// isSortedSet reports whether names are sorted and unique.
func isSortedSet(names []string) bool {
	for i, name := range names {
		if name == "" || !utf8.ValidString(name) || i > 0 && name <= names[i-1] {
			return false
		}
	}
	return true
}

// isSlug rejects names that would escape the directory of the workspaces.
func isSlug(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.Contains(s, "/") && utf8.ValidString(s)
}

// validateGroups checks that every group lists workspaces of the release, each at most once, and
// that every workspace is in a group, because it would not be imported otherwise.
func (m *Manifest) validateGroups(p *problems, grouped map[string]bool) {
	groups := make(map[string]bool, len(m.Groups))
	for _, g := range m.Groups {
		if g.Name == "" || groups[g.Name] {
			p.addf("group %q has no name or is listed twice", g.Name)
		}
		groups[g.Name] = true
		seen := make(map[string]bool, len(g.Workspaces))
		for _, slug := range g.Workspaces {
			if _, known := grouped[slug]; !known || seen[slug] {
				p.addf("group %q lists workspace %q, which is unknown or listed twice", g.Name, slug)
				continue
			}
			seen[slug] = true
			grouped[slug] = true
		}
	}
	for _, w := range m.Workspaces {
		if !grouped[w.Slug] {
			p.addf("workspace %q is in no group", w.Slug)
		}
	}
}
