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
)

// MaxSize bounds the encoded manifest that [Decode] accepts, in bytes.
const MaxSize = 32 << 20

// ErrTooLarge is returned by [Decode] for more than [MaxSize] bytes.
var ErrTooLarge = fmt.Errorf("release manifest is larger than %d bytes", MaxSize)

// SchemaError is returned by [Decode] for a manifest of another schema version.
type SchemaError struct{ Version int }

func (e *SchemaError) Error() string {
	if e.Version == 0 {
		return "this is not a release manifest: 'builder inspect IMAGE --manifest FILE' writes the one of an image"
	}
	return fmt.Sprintf("release manifest has schema version %d, this program reads %d: use a program of the release's age", e.Version, SchemaVersion)
}

// Encode returns the canonical bytes of a valid manifest: compact JSON in the
// order of the type's fields, times in UTC, lists never null, ended by a line feed.
func Encode(m *Manifest) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m.withLists()); err != nil {
		return nil, fmt.Errorf("encode release manifest: %w", err)
	}
	return buf.Bytes(), nil
}

// withLists returns a copy in which the required lists are empty instead of nil,
// so that equal manifests have equal bytes and no reader meets a null.
func (m *Manifest) withLists() *Manifest {
	c := *m
	c.Created = m.Created.UTC()
	c.Workspaces = list(m.Workspaces)
	c.Scan.Scanners = list(m.Scan.Scanners)
	c.Groups = list(slices.Clone(m.Groups))
	for i := range c.Groups {
		c.Groups[i].Workspaces = list(c.Groups[i].Workspaces)
	}
	return &c
}

func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// Decode reads and validates one manifest. It ignores unknown fields.
func Decode(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read release manifest: %w", err)
	}
	return Unmarshal(data)
}

// Unmarshal is [Decode] of bytes that are in memory already.
func Unmarshal(data []byte) (*Manifest, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	var schema struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		return nil, fmt.Errorf("decode release manifest: %w", err)
	}
	if schema.SchemaVersion != SchemaVersion {
		return nil, &SchemaError{Version: schema.SchemaVersion}
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("decode release manifest: %w", err)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// File is a file of a workspace for [ContentDigest].
type File struct {
	// Path is relative to the workspace, with slashes.
	Path string
	Sum  [sha256.Size]byte
}

// ContentDigest returns the digest of a set of files: the SHA-256 of the lines
// that sha256sum prints for them in the byte order of their paths. In the
// directory of a workspace, this prints the same:
//
//	find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0r sha256sum -- | sha256sum
func ContentDigest(files []File) digest.Digest {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	h := sha256.New()
	for _, f := range sorted {
		io.WriteString(h, sumLine(f))
	}
	return digest.NewDigest(digest.SHA256, h)
}

// sumEscapes are made once: they are looked up in tables of some kilobytes.
var sumEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// sumLine follows sha256sum: a name with a backslash, line feed or carriage
// return is escaped and the line starts with a backslash.
func sumLine(f File) string {
	escaped := sumEscapes.Replace(f.Path)
	line := hex.EncodeToString(f.Sum[:]) + "  " + escaped + "\n"
	if escaped != f.Path {
		return `\` + line
	}
	return line
}
