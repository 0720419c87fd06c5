// SPDX-License-Identifier: AGPL-3.0-or-later

// Package report describes a build: as text for users, and as the files that docker buildx writes
// for programs.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Build is the result of a build.
type Build struct {
	// Digest and Descriptor are those of the image index, or of the manifest if there is only one
	// platform.
	Digest     digest.Digest
	Descriptor ocispec.Descriptor
	// Images lists the pushed references.
	Images []string
	// Files lists the files with the image.
	Files    []string
	Manifest *release.Manifest
	// ManifestDigest is the digest of the release manifest.
	ManifestDigest digest.Digest
	// Unscanned counts the bytes that ship unscanned: checksums of the platform, and paths excluded
	// by the scan policy.
	Unscanned int64
	// Dropped lists source files that do not ship.
	Dropped []source.Drop
	// Lowered lists diagnostics that the user's rules made less severe.
	Lowered []diagnostic.Lowered
	Traffic Traffic
	Stages  []Stage
	// DryRun is set if nothing was written.
	DryRun bool
}

// Traffic is the network traffic with registries, in bytes of bodies.
type Traffic struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}

// Stage is a stage of the run and its duration.
type Stage struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"durationNanoseconds"`
}

// Metadata is the document of [WriteMetadata]: the keys of docker buildx plus the builder's own.
type Metadata struct {
	Digest     digest.Digest      `json:"containerimage.digest"`
	Descriptor ocispec.Descriptor `json:"containerimage.descriptor"`
	Names      string             `json:"image.name,omitempty"`
	Release    json.RawMessage    `json:"prismeai.release"`
	Manifest   digest.Digest      `json:"prismeai.release.manifest.digest"`
	Dropped    []source.Drop      `json:"prismeai.source.dropped,omitempty"`
	// Lowered lists diagnostics that the user's rules made less severe.
	Lowered []diagnostic.Lowered `json:"prismeai.rules.lowered,omitempty"`
	Traffic Traffic              `json:"prismeai.registry.bytes"`
	Stages  []Stage              `json:"prismeai.stages"`
}

// WriteMetadata writes the metadata file: JSON with the keys of docker buildx build
// --metadata-file, and the release manifest, traffic and durations under prismeai.*.
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

// WriteDigest writes the image digest without a line feed, as buildx --iidfile does.
func WriteDigest(path string, b *Build) error { return writeFile(path, []byte(b.Digest)) }

// WriteManifest writes the files of a release manifest: the manifest to path, and its workspaces, if they
// are split off, beside it. See [release.WorkspacesPath].
func WriteManifest(path string, files release.Files) error {
	if files.Workspaces != nil {
		if err := writeFile(release.WorkspacesPath(path), files.Workspaces); err != nil {
			return err
		}
	}
	return writeFile(path, files.Manifest)
}

// CheckPath reports whether a file can be written to path. Call it before the work that produces
// the file. It refuses existing files that are not regular, such as /dev/stdout, because they would
// be replaced.
func CheckPath(path string) error {
	if path == "-" {
		return errors.New("file -: results cannot go to standard output (a file of this name is ./-)")
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("file %s: its directory does not exist", path)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("file %s exists and is not a regular file", path)
	}
	return nil
}

func writeFile(path string, data []byte) error {
	if err := atomicfile.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
