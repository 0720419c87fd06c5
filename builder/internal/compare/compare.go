// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// Release is one of the two compared releases.
type Release struct {
	// Name is the reference as given, without credentials.
	Name string
	// Digest is the digest of an image.
	Digest digest.Digest
	// Manifest of a source lacks name, base, layer and scan.
	Manifest *release.Manifest
	// Errors counts the errors of a source. A source with errors cannot be built.
	Errors int
	// Images are the configurations by platform; nil for a source.
	Images map[string]ocispec.Image
	// Walk calls fn for the files of the wanted workspaces, in any order.
	Walk func(ctx context.Context, wanted func(slug string) bool, fn FileFunc) error
}

// FileFunc receives a file. The path is relative to the directory of the workspaces.
type FileFunc func(path string, size int64, content io.Reader) error

// Options control the report.
type Options struct {
	// Redactor hides secrets. Required.
	Redactor *scan.Redactor
	// MaxLines bounds the lines of all hunks. A single file gets at most a quarter of them.
	MaxLines int
}

// Compare reads the files of the workspaces that differ and reports all differences. The error is
// that of a walk, a [*ContentError], or the cause of ctx.
func Compare(ctx context.Context, older, newer *Release, opts Options) (*Report, error) {
	r := &Report{
		Old: older.describeSide(), New: newer.describeSide(),
		Warnings: sourceWarnings(older, newer), Workspaces: []Workspace{},
		Groups: compareGroups(older.Manifest, newer.Manifest), OnlyVersion: OnlyVersion{Versions: []VersionChange{}},
		Images: older.Images != nil && newer.Images != nil, Settings: []Setting{},
		Accepted: Change[[]string]{[]string{}, []string{}},
	}
	pairs := pairWorkspaces(older.Manifest, newer.Manifest)
	files, err := readPairs(ctx, older, newer, pairs)
	if err != nil {
		return nil, err
	}
	t := &hunkBuilder{opts: opts, hidden: map[string]string{}, left: opts.MaxLines, pairs: map[string]filePair{}}
	if err := t.learnSecrets(ctx, files); err != nil {
		return nil, err
	}
	if r.Images {
		if r.Settings, err = t.compareImages(ctx, older, newer); err != nil {
			return nil, err
		}
		r.Accepted = compareLists(older.Manifest.Scan.Accepted, newer.Manifest.Scan.Accepted)
	}
	for _, p := range pairs {
		if w := p.compareWorkspace(older.Manifest, newer.Manifest); w != nil {
			t.addFiles(w, p, files[p])
			r.Workspaces = append(r.Workspaces, *w)
			r.Warnings = append(r.Warnings, p.listWarnings()...)
		} else {
			r.Unchanged++
		}
	}
	if err := t.addBreaking(ctx, r, newer, pairs, files); err != nil {
		return nil, err
	}
	r.finishReport()
	t.addHunks(r)
	r.Cut = t.cut
	r.Differ = len(r.Workspaces)+len(r.Groups)+len(r.Settings)+len(r.Accepted.Old)+len(r.Accepted.New) > 0
	r.redactAll(opts.Redactor.Redact)
	return r, nil
}

// finishReport sums up the classes and sorts the report by importance.
func (r *Report) finishReport() {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		for _, reason := range w.Reasons {
			w.Classes = unionOf(w.Classes, []Class{reason.Class})
		}
		w.OnlyVersion = w.hasOnlyVersionChange()
	}
	r.rankAll()
	r.countChanges()
}

// sourceWarnings warns of sources that cannot be built.
func sourceWarnings(older, newer *Release) []Warning {
	list := []Warning{}
	for side, r := range map[string]*Release{"old": older, "new": newer} {
		if r.Errors > 0 {
			list = append(list, Warning{
				Rule: InvalidSource,
				Message: fmt.Sprintf("the workspaces of the %s release are invalid (errors: %d), so it "+
					"cannot be built: see builder validate", side, r.Errors),
			})
		}
	}
	slices.SortFunc(list, func(a, b Warning) int { return strings.Compare(a.Message, b.Message) })
	return list
}

func (r *Release) describeSide() Side {
	s := Side{Name: r.Name, Digest: r.Digest, Source: r.Manifest.Source, Workspaces: len(r.Manifest.Workspaces)}
	if r.Images != nil {
		s.Release = r.Manifest.Name
	}
	for _, w := range r.Manifest.Workspaces {
		s.Files += w.Files
	}
	return s
}

// compareLists returns the items that only one of two lists has.
func compareLists(older, newer []string) Change[[]string] {
	without := func(list, other []string) []string {
		kept := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
		return append([]string{}, kept...)
	}
	return Change[[]string]{without(older, newer), without(newer, older)}
}

// workspacePair is a workspace before and after; one of the two may be nil.
type workspacePair struct{ older, newer *release.Workspace }

// pairWorkspaces matches workspaces by slug, or by ID if the old slug is gone. The pairs are sorted
// by slug.
func pairWorkspaces(older, newer *release.Manifest) []workspacePair {
	bySlug := map[string]workspacePair{}
	byID := map[string]*release.Workspace{}
	for i := range older.Workspaces {
		w := &older.Workspaces[i]
		if _, stays := newer.Workspace(w.Slug); !stays && w.ID != "" {
			byID[w.ID] = w
		}
		bySlug[w.Slug] = workspacePair{older: w}
	}
	for i := range newer.Workspaces {
		w := &newer.Workspaces[i]
		before := bySlug[w.Slug].older
		if renamed := byID[w.ID]; before == nil && renamed != nil {
			before = renamed
			delete(bySlug, renamed.Slug)
			delete(byID, w.ID)
		}
		bySlug[w.Slug] = workspacePair{before, w}
	}
	var list []workspacePair
	for _, slug := range slices.Sorted(maps.Keys(bySlug)) {
		list = append(list, bySlug[slug])
	}
	return list
}

// sameFiles reports whether there are no files to compare.
func (p workspacePair) sameFiles() bool {
	return p.older == nil || p.newer == nil || p.older.Digest == p.newer.Digest
}
