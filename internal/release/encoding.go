// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// MaxSize limits the encoded manifest, in bytes.
const MaxSize = 32 << 20

// subject is what an error about the size of a manifest calls it.
const subject = "release manifest"

// SchemaError is returned by [Load] for an unsupported schema version.
type SchemaError struct{ Version int }

func (e *SchemaError) Error() string {
	if e.Version == 0 {
		return "not a release manifest: use 'builder inspect IMAGE --manifest FILE' to extract the manifest of an image"
	}
	return fmt.Sprintf("unsupported schema version %d of the release manifest, this program supports up to %d: "+
		"use a program of the same age as the release", e.Version, HeadVersion)
}

// Encode returns the canonical encoding of a valid manifest in one document: compact JSON with
// fields in declaration order, times in UTC, empty lists instead of null, and a trailing newline.
func Encode(m *Manifest) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return encode(m.withLists())
}

// encode returns the compact JSON of v, with a trailing newline.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode release manifest: %w", err)
	}
	return buf.Bytes(), nil
}

// withLists returns a copy with empty lists instead of nil, so that equal manifests have equal
// bytes and readers never see a null.
func (m *Manifest) withLists() *Manifest {
	c := *m
	c.Created = m.Created.UTC()
	c.Workspaces = emptyIfNil(m.Workspaces)
	c.Scan.Scanners = emptyIfNil(m.Scan.Scanners)
	c.Groups = emptyIfNil(slices.Clone(m.Groups))
	for i := range c.Groups {
		c.Groups[i].Workspaces = emptyIfNil(c.Groups[i].Workspaces)
	}
	c.Layers = slices.Clone(m.Layers)
	for i := range c.Layers {
		c.Layers[i].Workspaces = emptyIfNil(c.Layers[i].Workspaces)
	}
	return &c
}

func emptyIfNil[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// decodeVersion returns the schema version of a manifest.
func decodeVersion(data []byte) (int, error) {
	if len(data) > MaxSize {
		return 0, &limit.Error{Subject: subject, Max: MaxSize}
	}
	var schema struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	err := unmarshal(data, &schema)
	return schema.SchemaVersion, err
}

// File is a file of a workspace, as input of [ContentDigest].
type File struct {
	// Path is relative to the workspace, with slashes.
	Path string
	Sum  [sha256.Size]byte
}

// ContentDigest returns the digest of a set of files: the SHA-256 of the output of sha256sum for
// the files, in byte order of their paths. This command prints it in the directory of a workspace:
//
//	find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0r sha256sum -- | sha256sum
func ContentDigest(files []File) digest.Digest {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	h := sha256.New()
	for _, f := range sorted {
		io.WriteString(h, formatSumLine(f))
	}
	return digest.NewDigest(digest.SHA256, h)
}

// sumEscapes is created once, because it builds lookup tables of some kilobytes.
var sumEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// formatSumLine formats a line like sha256sum, which escapes backslashes, line feeds and carriage returns
// in names and marks such lines with a leading backslash.
func formatSumLine(f File) string {
	escaped := sumEscapes.Replace(f.Path)
	line := hex.EncodeToString(f.Sum[:]) + "  " + escaped + "\n"
	if escaped != f.Path {
		return `\` + line
	}
	return line
}
