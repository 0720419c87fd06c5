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

// WriteSummary writes the summary of a build.
func WriteSummary(w io.Writer, b *Build) error {
	t := newTable(w)
	for _, image := range b.Images {
		t.addRow(selectVerb(b.DryRun, "pushed", "would push"), image+"@"+b.Digest.String())
	}
	for _, file := range b.Files {
		t.addRow(selectVerb(b.DryRun, "wrote", "would write"), file)
	}
	t.addRow("digest", b.Digest.String())
	t.addRelease(b.Manifest)
	t.addRow("manifest", b.ManifestDigest.String())
	if len(b.Dropped) > 0 {
		t.addRow("left out", countReasons(b.Dropped))
	}
	t.addRow("scanned", describeScan(b))
	t.addRow(describeLayers(b.Manifest))
	t.addRow("moved", fmt.Sprintf("%s to registries, %s from them", formatSize(b.Traffic.Sent),
		formatSize(b.Traffic.Received)))
	t.addRow("time", describeStages(b.Stages))
	return t.Flush()
}

// WriteRelease writes the release in an image and its attestations.
func WriteRelease(w io.Writer, image string, platforms, attestations []string, m *release.Manifest) error {
	t := newTable(w)
	t.addRow("image", image)
	t.addRow("platforms", strings.Join(platforms, " "))
	t.addRelease(m)
	t.addRow("attestations", cmp.Or(strings.Join(attestations, " "), "none"))
	for _, g := range m.Groups {
		fmt.Fprintln(t)
		t.addRow(g.Name, fmt.Sprintf("(%d)", len(g.Workspaces)))
		for _, slug := range g.Workspaces {
			ws, _ := m.Workspace(slug)
			t.addRow("  "+slug, ws.Version, terminal.Plural(ws.Files, "file"), formatSize(ws.Bytes),
				shortDigest(ws.Digest))
		}
	}
	return t.Flush()
}

// table writes aligned rows.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// addRow writes a row. It replaces control characters, because an inspected image may come from
// anywhere.
func (t table) addRow(cells ...string) {
	for i, cell := range cells {
		cells[i] = terminal.Safe(cell)
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

func (t table) addRelease(m *release.Manifest) {
	t.addRow("release", m.Name)
	t.addRow("created", m.Created.Format(time.RFC3339))
	if m.Source.Commit != "" {
		t.addRow("source", describeSource(m.Source))
	}
	if m.Base != nil {
		t.addRow("base", m.Base.Name+"@"+m.Base.Digest.String())
	}
	t.addRow("repository", fmt.Sprintf("%s (%q in %s)", m.Repository.ID, m.Repository.Name, m.Repository.Directory))
	t.addRow("groups", strings.Join(m.GroupNames(), ", "))
	t.addRow("workspaces", describeWorkspaces(m))
	if m.Checksums == "refresh" || m.Checksums == "ignore" {
		t.addRow("checksums", m.Checksums)
	}
	if n := countStamped(m.Workspaces); n > 0 {
		t.addRow("versions", fmt.Sprintf("%d stamped with the content", n))
	}
}

// describeWorkspaces counts the workspaces and those of the base.
func describeWorkspaces(m *release.Manifest) string {
	text := fmt.Sprint(len(m.Workspaces))
	if n := m.FromBase(); n > 0 {
		text += fmt.Sprintf(", including %d of the base that were not scanned", n)
	}
	return text
}

// describeLayers returns the number of layers with workspaces and their size.
func describeLayers(m *release.Manifest) (title, text string) {
	list := m.ContentLayers()
	total := int64(0)
	for _, l := range list {
		total += l.Size
	}
	if len(list) == 1 {
		return "layer", formatSize(total)
	}
	return "layers", fmt.Sprintf("%d, %s", len(list), formatSize(total))
}

// countStamped counts the workspaces with a stamped version name.
func countStamped(workspaces []release.Workspace) int {
	n := 0
	for _, w := range workspaces {
		if w.SourceVersion != "" {
			n++
		}
	}
	return n
}

func describeSource(s release.Source) string {
	text := strings.TrimSpace(s.URL + " " + s.Commit)
	if s.Ref != "" {
		text += " (" + s.Ref + ")"
	}
	if s.Dirty {
		text += ", with uncommitted changes"
	}
	return text
}

// describeScan describes the scan without claiming that everything was scanned.
func describeScan(b *Build) string {
	text := fmt.Sprintf("%s, %s, no secrets", terminal.Plural(b.Manifest.Scan.Files, "file"),
		formatSize(b.Manifest.Scan.Bytes))
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
		text += fmt.Sprintf("; %s of checksums and excluded paths not scanned", formatSize(b.Unscanned))
	}
	return text
}

// countReasons counts the dropped files by reason.
func countReasons(dropped []source.Drop) string {
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

func selectVerb(dry bool, done, would string) string {
	if dry {
		return would
	}
	return done
}

func formatSize(n int64) string { return units.HumanSize(float64(n)) }

// shortDigest returns enough of a digest to compare by eye.
func shortDigest(d digest.Digest) string {
	encoded := d.Encoded()
	return encoded[:min(len(encoded), 12)]
}

// describeStages lists the stages of a run. Some run concurrently.
func describeStages(ss []Stage) string {
	var parts []string
	for _, s := range ss {
		parts = append(parts, fmt.Sprintf("%s %s", s.Name, s.Duration.Round(time.Millisecond)))
	}
	return strings.Join(parts, ", ")
}
