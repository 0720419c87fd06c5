// SPDX-License-Identifier: AGPL-3.0-or-later

package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// WriteSummary prints the last lines of a build.
func WriteSummary(w io.Writer, b *Build) error {
	t := newTable(w)
	for _, image := range b.Images {
		t.row(verb(b.DryRun, "pushed", "would push"), image+"@"+b.Digest.String())
	}
	for _, file := range b.Files {
		t.row(verb(b.DryRun, "wrote", "would write"), file)
	}
	t.row("digest", b.Digest.String())
	t.release(b.Manifest)
	t.row("manifest", b.ManifestDigest.String())
	if len(b.Dropped) > 0 {
		t.row("left out", reasons(b.Dropped))
	}
	t.row("scanned", scanned(b))
	t.row("layer", size(b.Manifest.Layer.Size))
	t.row("moved", fmt.Sprintf("%s to registries, %s from them", size(b.Traffic.Sent), size(b.Traffic.Received)))
	t.row("time", stages(b.Stages))
	return t.Flush()
}

// WriteRelease prints the release that an image holds, and what is attested of it.
func WriteRelease(w io.Writer, image string, platforms, attestations []string, m *release.Manifest) error {
	t := newTable(w)
	t.row("image", image)
	t.row("platforms", strings.Join(platforms, " "))
	t.release(m)
	t.row("attestations", cmp.Or(strings.Join(attestations, " "), "none"))
	for _, g := range m.Groups {
		fmt.Fprintln(t)
		t.row(g.Name, fmt.Sprintf("(%d)", len(g.Workspaces)))
		for _, slug := range g.Workspaces {
			ws, _ := m.Workspace(slug)
			t.row("  "+slug, ws.Version, terminal.Plural(ws.Files, "file"), size(ws.Bytes), short(ws.Digest))
		}
	}
	return t.Flush()
}

// table writes rows whose cells stand below each other.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// row writes one row. What could act on a terminal or on the table is replaced: an
// image that is inspected may come from anywhere.
func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = terminal.Safe(cell)
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

func (t table) release(m *release.Manifest) {
	t.row("release", m.Name)
	t.row("created", m.Created.Format(time.RFC3339))
	if m.Source.Commit != "" {
		t.row("source", sourceText(m.Source))
	}
	if m.Base != nil {
		t.row("base", m.Base.Name+"@"+m.Base.Digest.String())
	}
	t.row("repository", fmt.Sprintf("%s (%q in %s)", m.Repository.ID, m.Repository.Name, m.Repository.Directory))
	t.row("groups", strings.Join(m.GroupNames(), ", "))
	t.row("workspaces", workspaces(m))
	if m.Checksums == "refresh" || m.Checksums == "ignore" {
		t.row("checksums", m.Checksums)
	}
	if n := stamped(m.Workspaces); n > 0 {
		t.row("versions", fmt.Sprintf("%d stamped with the content", n))
	}
}

// workspaces says which of them are not ours.
func workspaces(m *release.Manifest) string {
	text := fmt.Sprint(len(m.Workspaces))
	if n := m.FromBase(); n > 0 {
		text += fmt.Sprintf(", of them %d of the base, which were not scanned", n)
	}
	return text
}

// stamped counts the workspaces whose version names have a stamp.
func stamped(workspaces []release.Workspace) int {
	n := 0
	for _, w := range workspaces {
		if w.SourceVersion != "" {
			n++
		}
	}
	return n
}

func sourceText(s release.Source) string {
	text := strings.TrimSpace(s.URL + " " + s.Commit)
	if s.Ref != "" {
		text += " (" + s.Ref + ")"
	}
	if s.Dirty {
		text += ", with changes that are not committed"
	}
	return text
}

// scanned does not claim that everything has been looked at.
func scanned(b *Build) string {
	text := fmt.Sprintf("%s, %s, no secrets", terminal.Plural(b.Manifest.Scan.Files, "file"),
		size(b.Manifest.Scan.Bytes))
	switch n := len(b.Manifest.Scan.Accepted); n {
	case 0:
	case 1:
		text += " but 1 that is accepted"
	default:
		text += fmt.Sprintf(" but %d that are accepted", n)
	}
	if n := b.Manifest.Scan.Warnings; n > 0 {
		text += fmt.Sprintf("; warnings: %d", n)
	}
	if b.Unscanned > 0 {
		text += fmt.Sprintf("; %s of checksums and excluded paths not looked at", size(b.Unscanned))
	}
	return text
}

// reasons counts what was dropped, by reason.
func reasons(dropped []source.Drop) string {
	counts := map[string]int{}
	for _, d := range dropped {
		counts[d.Reason]++
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d (%s)", counts[reason], reason))
	}
	return strings.Join(parts, ", ")
}

func verb(dry bool, done, would string) string {
	if dry {
		return would
	}
	return done
}

func size(n int64) string { return units.HumanSize(float64(n)) }

// short is enough of a digest to compare by eye.
func short(d digest.Digest) string {
	encoded := d.Encoded()
	return encoded[:min(len(encoded), 12)]
}

// stages lists the parts of a run, of which some have run at the same time.
func stages(ss []Stage) string {
	var parts []string
	for _, s := range ss {
		parts = append(parts, fmt.Sprintf("%s %s", s.Name, s.Duration.Round(time.Millisecond)))
	}
	return strings.Join(parts, ", ")
}
