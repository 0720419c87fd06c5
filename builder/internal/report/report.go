// SPDX-License-Identifier: AGPL-3.0-or-later

// Package report tells what was built: to people as text, to programs as the
// files that docker buildx also writes.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/document"
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
	// Unscanned counts the bytes that ship without having been looked at: checksums
	// of the platform, and what the scan policy excludes.
	Unscanned int64
	// Dropped lists what the source holds and does not ship.
	Dropped []source.Drop
	// Lowered lists the diagnostics that the user's rules made less severe.
	Lowered []diagnostic.Lowered
	Traffic Traffic
	Stages  []Stage
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

// Metadata is the document of [WriteMetadata]: the keys of docker buildx, and ours.
type Metadata struct {
	Digest     digest.Digest      `json:"containerimage.digest"`
	Descriptor ocispec.Descriptor `json:"containerimage.descriptor"`
	Names      string             `json:"image.name,omitempty"`
	Release    json.RawMessage    `json:"prismeai.release"`
	Manifest   digest.Digest      `json:"prismeai.release.manifest.digest"`
	Dropped    []source.Drop      `json:"prismeai.source.dropped,omitempty"`
	// Lowered is what the user's rules made less severe.
	Lowered []diagnostic.Lowered `json:"prismeai.rules.lowered,omitempty"`
	Traffic Traffic              `json:"prismeai.registry.bytes"`
	Stages  []Stage              `json:"prismeai.stages"`
}

// WriteMetadata writes the metadata file: JSON with the keys of docker buildx
// build --metadata-file, and under prismeai.* the release manifest, bytes and times.
func WriteMetadata(path string, b *Build) error {
	manifest, err := release.Encode(b.Manifest)
	if err != nil {
		return err
	}
	data, err := document.Marshal(Metadata{
		Digest:     b.Digest,
		Descriptor: b.Descriptor,
		Names:      strings.Join(b.Images, ","),
		Release:    manifest,
		Manifest:   b.ManifestDigest,
		Dropped:    b.Dropped,
		Lowered:    b.Lowered,
		Traffic:    b.Traffic,
		Stages:     b.Stages,
	})
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	return writeFile(path, data)
}

// WriteDigest writes the image digest alone, without a line feed, as buildx's --iidfile does.
func WriteDigest(path string, b *Build) error { return writeFile(path, []byte(b.Digest)) }

// WriteManifest writes a release manifest in its canonical encoding, which is that of the image.
func WriteManifest(path string, m *release.Manifest) error {
	encoded, err := release.Encode(m)
	if err != nil {
		return err
	}
	return writeFile(path, encoded)
}

// CheckPath reports what would keep a file from being written to path: it should be
// called before the work whose outcome the file is to hold. What is there already and
// is no regular file, such as /dev/stdout, would be replaced, not written to.
func CheckPath(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("file %s: its directory does not exist", path)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("file %s: there is something that is not a regular file", path)
	}
	return nil
}

func writeFile(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
