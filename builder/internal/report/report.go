// SPDX-License-Identifier: AGPL-3.0-or-later

// Package report tells what was built: to people as text, to programs as the
// files that docker buildx also writes.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/internal/release"
)

// Build is what a build made and what it took.
type Build struct {
	// Digest and Descriptor are those of the image's index, or of its manifest if
	// it has but one platform.
	Digest     digest.Digest
	Descriptor ocispec.Descriptor
	// Images lists the references under which the image was pushed.
	Images []string
	// Files lists the files that hold the image.
	Files    []string
	Manifest *release.Manifest
	// ManifestDigest is that of the release manifest.
	ManifestDigest digest.Digest
	Traffic        Traffic
	Stages         []Stage
	// DryRun means that nothing was written.
	DryRun bool
}

// Traffic is what went over the network to and from registries, in bytes of bodies.
type Traffic struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}

// Stage is a part of the run and the time that it took.
type Stage struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"durationNanoseconds"`
}

// metadata has buildx's keys and ours beside them.
type metadata struct {
	Digest     digest.Digest      `json:"containerimage.digest"`
	Descriptor ocispec.Descriptor `json:"containerimage.descriptor"`
	Names      string             `json:"image.name,omitempty"`
	Release    *release.Manifest  `json:"prismeai.release"`
	Manifest   digest.Digest      `json:"prismeai.release.manifest.digest"`
	Traffic    Traffic            `json:"prismeai.registry.bytes"`
	Stages     []Stage            `json:"prismeai.stages"`
}

// WriteMetadata writes the metadata file: JSON with the keys of docker buildx
// build --metadata-file, and under prismeai.* the release manifest, bytes and times.
func WriteMetadata(path string, b *Build) error {
	data, err := json.MarshalIndent(metadata{
		Digest:     b.Digest,
		Descriptor: b.Descriptor,
		Names:      strings.Join(b.Images, ","),
		Release:    b.Manifest,
		Manifest:   b.ManifestDigest,
		Traffic:    b.Traffic,
		Stages:     b.Stages,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	return writeFile(path, append(data, '\n'))
}

// WriteDigest writes the image digest alone, without a line feed, as buildx's --iidfile does.
func WriteDigest(path string, b *Build) error { return writeFile(path, []byte(b.Digest)) }

func writeFile(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// WriteSummary prints the last lines of a build.
func WriteSummary(w io.Writer, b *Build) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, image := range b.Images {
		row(t, verb(b.DryRun, "pushed", "would push"), image+"@"+b.Digest.String())
	}
	for _, file := range b.Files {
		row(t, verb(b.DryRun, "wrote", "would write"), file)
	}
	row(t, "digest", b.Digest.String())
	writeRelease(t, b.Manifest)
	row(t, "manifest", b.ManifestDigest.String())
	row(t, "scanned", fmt.Sprintf("%d files, %s, no secrets", b.Manifest.Scan.Files, size(b.Manifest.Scan.Bytes)))
	row(t, "layer", size(b.Manifest.Layer.Size))
	row(t, "moved", fmt.Sprintf("%s to registries, %s from them", size(b.Traffic.Sent), size(b.Traffic.Received)))
	row(t, "time", stages(b.Stages))
	return t.Flush()
}

// WriteRelease prints a release manifest.
func WriteRelease(w io.Writer, m *release.Manifest) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	writeRelease(t, m)
	for _, g := range m.Groups {
		fmt.Fprintf(t, "\n%s\t(%d)\n", g.Name, len(g.Workspaces))
		for _, slug := range g.Workspaces {
			ws, _ := m.Workspace(slug)
			fmt.Fprintf(t, "  %s\t%s\t%d files\t%s\t%s\n", slug, ws.Version, ws.Files, size(ws.Bytes), short(ws.Digest))
		}
	}
	return t.Flush()
}

func writeRelease(w io.Writer, m *release.Manifest) {
	row(w, "release", m.Name)
	row(w, "created", m.Created.Format(time.RFC3339))
	if m.Source.Commit != "" {
		row(w, "source", sourceText(m.Source))
	}
	if m.Base != nil {
		row(w, "base", m.Base.Name+"@"+m.Base.Digest.String())
	}
	row(w, "repository", fmt.Sprintf("%s (%q in %s)", m.Repository.ID, m.Repository.Name, m.Repository.Directory))
	row(w, "groups", strings.Join(m.GroupNames(), ", "))
	row(w, "workspaces", fmt.Sprint(len(m.Workspaces)))
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

func row(w io.Writer, key, value string) { fmt.Fprintf(w, "%s\t%s\n", key, value) }

func verb(dry bool, done, would string) string {
	if dry {
		return would
	}
	return done
}

func size(n int64) string { return units.HumanSize(float64(n)) }

func short(d digest.Digest) string { return d.Encoded()[:12] }

// stages lists the parts of a run, of which some have run at the same time.
func stages(ss []Stage) string {
	var parts []string
	for _, s := range ss {
		parts = append(parts, fmt.Sprintf("%s %s", s.Name, s.Duration.Round(time.Millisecond)))
	}
	return strings.Join(parts, ", ")
}
