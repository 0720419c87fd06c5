// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
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
	return fmt.Sprintf("release manifest has schema version %d, this program reads %d: use a program of the release's age", e.Version, SchemaVersion)
}

// Encode returns the canonical bytes of a valid manifest: compact JSON in the
// order of the type's fields, times in UTC, ended by a line feed.
func Encode(m *Manifest) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode release manifest: %w", err)
	}
	return buf.Bytes(), nil
}

// Decode reads and validates one manifest. It ignores unknown fields.
func Decode(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read release manifest: %w", err)
	}
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

// Validate reports everything that makes the manifest inconsistent.
func (m *Manifest) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if m.SchemaVersion != SchemaVersion {
		fail("schema version is %d instead of %d", m.SchemaVersion, SchemaVersion)
	}
	if m.Name == "" {
		fail("release has no name")
	}
	if m.Repository.ID == "" || m.Repository.Name == "" || !path.IsAbs(m.Repository.Directory) {
		fail("repository needs an id, a name and an absolute directory")
	}
	if m.Created.Nanosecond() != 0 || m.Created.Location().String() != "UTC" {
		fail("created %s is not in whole seconds of UTC", m.Created)
	}
	if !slices.IsSortedFunc(m.Workspaces, func(a, b Workspace) int { return strings.Compare(a.Slug, b.Slug) }) {
		fail("workspaces are not sorted by slug")
	}
	slugs := make(map[string]bool, len(m.Workspaces))
	for _, w := range m.Workspaces {
		if slugs[w.Slug] {
			fail("workspace %q is listed twice", w.Slug)
		}
		slugs[w.Slug] = true
		if err := w.Digest.Validate(); err != nil {
			fail("digest of workspace %q: %w", w.Slug, err)
		}
	}
	errs = append(errs, m.validateGroups(slugs)...)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("invalid release manifest: %w", err)
	}
	return nil
}

func (m *Manifest) validateGroups(slugs map[string]bool) []error {
	var errs []error
	groups, grouped := map[string]bool{}, map[string]bool{}
	for _, g := range m.Groups {
		if g.Name == "" || groups[g.Name] {
			errs = append(errs, fmt.Errorf("group %q has no name or is listed twice", g.Name))
		}
		groups[g.Name] = true
		seen := map[string]bool{}
		for _, slug := range g.Workspaces {
			if !slugs[slug] || seen[slug] {
				errs = append(errs, fmt.Errorf("group %q names workspace %q, which the release does not have or which is named twice", g.Name, slug))
			}
			seen[slug], grouped[slug] = true, true
		}
	}
	for slug := range slugs {
		if !grouped[slug] {
			errs = append(errs, fmt.Errorf("workspace %q is in no group", slug))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errs
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
//	find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
func ContentDigest(files []File) digest.Digest {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	h := sha256.New()
	for _, f := range sorted {
		io.WriteString(h, sumLine(f))
	}
	return digest.NewDigest(digest.SHA256, h)
}

// sumLine follows sha256sum: a name with a backslash, line feed or carriage
// return is escaped and the line starts with a backslash.
func sumLine(f File) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(f.Path)
	line := hex.EncodeToString(f.Sum[:]) + "  " + escaped + "\n"
	if escaped != f.Path {
		return `\` + line
	}
	return line
}

func compareSlug(w Workspace, slug string) int { return strings.Compare(w.Slug, slug) }
