// SPDX-License-Identifier: Apache-2.0

package release

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// HeadVersion is the schema version of a [Head], which is the manifest of a split release.
const HeadVersion = 2

// WorkspacesPath returns the path of the file with the workspaces of a split manifest. The file is
// beside the manifest: manifest.json has manifest.workspaces.json.
func WorkspacesPath(manifest string) string {
	return strings.TrimSuffix(manifest, ".json") + ".workspaces.json"
}

// Files are the files of a manifest, as an image contains them.
type Files struct {
	// Manifest is the encoded [Head], or the encoded [Manifest] of an image from an older builder. Its
	// digest is the digest of the release.
	Manifest []byte
	// Workspaces is the encoded [Contents]; nil if the manifest is not split.
	Workspaces []byte
}

// Head is the part of a [Manifest] that changes with every commit. It covers the other part, the
// [Contents], by digest.
type Head struct {
	// SchemaVersion is [HeadVersion].
	SchemaVersion int           `json:"schemaVersion"`
	Name          string        `json:"name"`
	Created       time.Time     `json:"created"`
	Source        Source        `json:"source"`
	Base          *Base         `json:"base,omitempty"`
	Repository    Repository    `json:"repository"`
	Workspaces    FileReference `json:"workspacesFile"`
	Checksums     string        `json:"checksums,omitempty"`
	Scan          Scan          `json:"scan"`
	Tool          Tool          `json:"tool"`
}

// Contents is the part of a [Manifest] that depends on the workspaces only.
type Contents struct {
	// SchemaVersion is [HeadVersion].
	SchemaVersion int            `json:"schemaVersion"`
	Layers        []ContentLayer `json:"layers"`
	Groups        []Group        `json:"groups"`
	Workspaces    []Workspace    `json:"workspaces"`
}

// FileReference identifies the bytes of a file.
type FileReference struct {
	Digest digest.Digest `json:"digest"`
	// Size is the number of bytes, at most [MaxSize].
	Size int64 `json:"size"`
}

// Split returns the canonical encoding of a valid manifest in two files: see [Encode].
func Split(m *Manifest) (Files, error) {
	if err := m.Validate(); err != nil {
		return Files{}, err
	}
	m = m.withLists()
	workspaces, err := encode(Contents{
		SchemaVersion: HeadVersion,
		Layers:        m.contentLayers(),
		Groups:        m.Groups,
		Workspaces:    m.Workspaces,
	})
	if err != nil {
		return Files{}, err
	}
	manifest, err := encode(Head{
		SchemaVersion: HeadVersion,
		Name:          m.Name,
		Created:       m.Created,
		Source:        m.Source,
		Base:          m.Base,
		Repository:    m.Repository,
		Workspaces:    FileReference{Digest: digest.FromBytes(workspaces), Size: int64(len(workspaces))},
		Checksums:     m.Checksums,
		Scan:          m.Scan,
		Tool:          m.Tool,
	})
	return Files{Manifest: manifest, Workspaces: workspaces}, err
}

// contentLayers returns the layers, or an empty list if the manifest describes none.
func (m *Manifest) contentLayers() []ContentLayer {
	if len(m.Layers) == 0 && m.Layer == (Layer{}) {
		return []ContentLayer{}
	}
	return m.ContentLayers()
}

// Load decodes and validates a manifest, which may be split. If it is, Load calls read for the file
// with the workspaces, and refuses one that differs from the reference. Load ignores unknown fields.
// A manifest of more than [MaxSize] bytes is a [*limit.Error]. The schema version of the result is
// always [SchemaVersion].
func Load(manifest []byte, read func(want FileReference) ([]byte, error)) (*Manifest, error) {
	version, err := decodeVersion(manifest)
	if err != nil {
		return nil, err
	}
	var m *Manifest
	switch version {
	case SchemaVersion:
		m = new(Manifest)
		err = unmarshal(manifest, m)
	case HeadVersion:
		m, err = loadSplit(manifest, read)
	default:
		err = &SchemaError{Version: version}
	}
	if err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// loadSplit returns a split manifest, which is not valid yet.
func loadSplit(manifest []byte, read func(want FileReference) ([]byte, error)) (*Manifest, error) {
	var head Head
	if err := unmarshal(manifest, &head); err != nil {
		return nil, err
	}
	want := head.Workspaces
	if err := want.validate(); err != nil {
		return nil, err
	}
	data, err := read(want)
	if err != nil {
		return nil, fmt.Errorf("read the workspaces of the release manifest: %w", err)
	}
	if got := (FileReference{digest.FromBytes(data), int64(len(data))}); got != want {
		return nil, fmt.Errorf("the file with the workspaces of the release manifest has digest %s and %d bytes, "+
			"and the manifest names one with digest %s and %d bytes", got.Digest, got.Size, want.Digest, want.Size)
	}
	var contents Contents
	if err := unmarshal(data, &contents); err != nil {
		return nil, fmt.Errorf("workspaces: %w", err)
	}
	return head.join(contents), nil
}

// join returns the manifest with the given contents.
func (h *Head) join(c Contents) *Manifest {
	m := &Manifest{
		SchemaVersion: SchemaVersion,
		Name:          h.Name,
		Created:       h.Created,
		Source:        h.Source,
		Base:          h.Base,
		Repository:    h.Repository,
		Layers:        c.Layers,
		Groups:        c.Groups,
		Workspaces:    c.Workspaces,
		Checksums:     h.Checksums,
		Scan:          h.Scan,
		Tool:          h.Tool,
	}
	if len(c.Layers) > 0 {
		m.Layer = c.Layers[0].Layer
	}
	return m
}

// validate checks that the file can be read and checked.
func (r FileReference) validate() error {
	if err := r.Digest.Validate(); err != nil || r.Digest.Algorithm() != digest.SHA256 {
		return fmt.Errorf("the release manifest names its workspaces by %q instead of a SHA-256 digest", r.Digest)
	}
	if r.Size < 0 || r.Size > MaxSize {
		return fmt.Errorf("the release manifest names a file of %d bytes with its workspaces, and the limit is %d",
			r.Size, MaxSize)
	}
	return nil
}

// unmarshal decodes a document of the release manifest.
func unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode release manifest: %w", err)
	}
	return nil
}
