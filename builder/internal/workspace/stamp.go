// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

const (
	// stampDigits is the number of digits of a stamp.
	stampDigits = 8
	// maxHeld is the maximum size in bytes of a workspace that is rewritten.
	maxHeld = 256 << 20
)

// stamp matches a name that may have a stamp.
var stamp = lazyregexp.New(`^(.+)-([0-9a-f]{8})$`)

// Stamper appends the first digits of the content digest to the version name of every workspace:
// v2.4.0 becomes v2.4.0-1a2b3c4d. The platform skips a workspace whose version name is already
// installed; with a stamp it therefore skips exactly the unchanged ones.
//
// The digest is [release.ContentDigest] of the source files. A name that already has the stamp of
// its workspace is kept. Only the stamp is inserted, and no checksum covers .import.yml. Reserved
// names and unreadable files are left to the validation.
//
// With Refresh it first recomputes the checksums in .import.yml and reports how many changed; the
// digest then includes the new checksums. Without Stamp it does only that.
//
// It is not safe for concurrent use.
type Stamper struct {
	*reporter
	Rewrite
	limits Limits
	emit   func(source.File) error
	// slug is the workspace whose files are held: .import.yml is among its first files, but the
	// digest is known only after the last.
	slug  string
	held  []source.File
	bytes int64
	// names are the version names in the source, by workspace.
	names map[string]string
	added int64
}

// Rewrite selects what a [Stamper] rewrites in .import.yml.
type Rewrite struct{ Stamp, Refresh bool }

// NewStamper returns a stamper that passes the files on to emit in their order. Only the limits of
// a single file are used.
func NewStamper(rewrite Rewrite, limits Limits, emit func(source.File) error) *Stamper {
	return &Stamper{
		reporter: new(reporter),
		Rewrite:  rewrite,
		limits:   limits.withDefaults(),
		emit:     emit,
		names:    map[string]string{},
	}
}

// Add adds a file: see [Collector.Add]. The files of a workspace must be consecutive, as they are
// in the byte order of their paths.
func (s *Stamper) Add(f source.File) error {
	slug, _, nested := strings.Cut(f.Path, "/")
	if slug != s.slug {
		if err := s.Flush(); err != nil {
			return err
		}
	}
	if !nested {
		return s.emit(f)
	}
	s.slug = slug
	s.bytes += int64(len(f.Data))
	if s.bytes > maxHeld {
		return fmt.Errorf("workspace %s has more than %d bytes: it is too large for its .import.yml to be rewritten",
			quoteName(slug), maxHeld)
	}
	s.held = append(s.held, f)
	return nil
}

// Flush emits the held workspace. Call it after the last file.
func (s *Stamper) Flush() error {
	for i, f := range s.held {
		if f.Path == s.slug+"/"+metadataFile {
			s.held[i] = replaceData(f, s.rewriteMetadata(f.Data))
			s.added += int64(len(s.held[i].Data) - len(f.Data))
		}
	}
	held := s.held
	s.slug = ""
	s.held = nil
	s.bytes = 0
	for _, f := range held {
		if err := s.emit(f); err != nil {
			return err
		}
	}
	return nil
}

// rewriteMetadata returns the .import.yml that ships.
func (s *Stamper) rewriteMetadata(data []byte) []byte {
	if s.Refresh {
		data = s.refreshSums(data)
	}
	if s.Stamp {
		data = s.stampVersion(data)
	}
	return data
}

// refreshSums returns the .import.yml with correct checksums.
func (s *Stamper) refreshSums(data []byte) []byte {
	files := workspaceState{slug: s.slug}
	for _, f := range s.held {
		files.coverFile(strings.TrimPrefix(f.Path, s.slug+"/"), f, s.limits)
	}
	at := Position{File: s.slug + "/" + metadataFile}
	out, changes, err := files.refreshMetadata(data, s.limits)
	switch {
	case err != nil:
		s.report(ruleChecksumUnwritten, at, "the checksums cannot be refreshed: %v", err)
		s.found[len(s.found)-1].Severity = diagnostic.Error
	case !changes.isEmpty():
		s.report(ruleChecksumRefreshed, at, "the image has the checksums of the current files: %s", changes)
	}
	return out
}

// Stamped is what a [Stamper] has done.
type Stamped struct {
	// Versions are the version names in the source, by workspace, of the workspaces with stamps.
	Versions map[string]string
	// Bytes counts what was added.
	Bytes       int64
	Diagnostics []diagnostic.Diagnostic
}

// Finish returns what was done. Call it after [Stamper.Flush].
func (s *Stamper) Finish() Stamped {
	return Stamped{Versions: s.names, Bytes: s.added, Diagnostics: s.sortedFindings()}
}

// stampVersion returns the .import.yml with a stamped version name.
func (s *Stamper) stampVersion(data []byte) []byte {
	name, err := findVersionName(data, s.limits)
	switch {
	case err != nil:
		s.report(ruleVersionNameStamp, Position{s.slug + "/" + metadataFile, err.line, err.column}, "%s", err.message)
		return data
	case name == nil || isReserved(name.value):
		return data
	}
	if m := stamp.FindStringSubmatch(name.value); m != nil && s.computeStamp(name.replaceWith(m[1])) == m[2] {
		s.names[s.slug] = m[1]
		return data
	}
	s.names[s.slug] = name.value
	return name.replaceWith(name.value + "-" + s.computeStamp(data))
}

// computeStamp returns the stamp of the held workspace with the given .import.yml.
func (s *Stamper) computeStamp(metadata []byte) string {
	var files []release.File
	for _, f := range s.held {
		rel := strings.TrimPrefix(f.Path, s.slug+"/")
		if rel == metadataFile {
			f = replaceData(f, metadata)
		}
		files = append(files, release.File{Path: rel, Sum: f.Sum})
	}
	return release.ContentDigest(files).Encoded()[:stampDigits]
}

// versionName is the position of version.name in a file.
type versionName struct {
	data  []byte
	start int
	value string
}

// replaceWith returns the file with another version name.
func (v *versionName) replaceWith(name string) []byte {
	return bytes.Join([][]byte{v.data[:v.start], []byte(name), v.data[v.start+len(v.value):]}, nil)
}

// findVersionName returns nil if the file has no name or is invalid. The error reports a name that
// cannot be replaced in place.
func findVersionName(data []byte, limits Limits) (*versionName, *syntaxError) {
	root, errs := parseYAML(data, limits)
	if len(errs) > 0 {
		return nil, nil
	}
	quiet := valueReader{new(reporter), metadataFile}
	top := quiet.readMapping(root, "")
	version := yamltree.Lookup(top, "version")
	node := yamltree.Lookup(quiet.readMapping(version, ""), "name")
	name := quiet.readText(node, "").Value
	if name == "" {
		return nil, nil
	}
	quote, plain := quotes[node.Style]
	start := byteOffset(data, node.Line, node.Column)
	own := yamltree.LookupOwn(top, "version") == version && yamltree.LookupOwn(yamltree.Resolve(version), "name") == node
	shared := version.Kind == yaml.AliasNode || node.Kind == yaml.AliasNode || !own
	if shared || node.Anchor != "" || !plain || !bytes.HasPrefix(data[start:], []byte(quote+name+quote)) {
		return nil, &syntaxError{
			line:    node.Line,
			column:  node.Column,
			message: "a version name in this notation cannot be stamped",
		}
	}
	return &versionName{data, start + len(quote), name}, nil
}

// quotes are the scalar styles in which a name is written literally.
var quotes = map[yaml.Style]string{0: "", yaml.DoubleQuotedStyle: `"`, yaml.SingleQuotedStyle: "'"}

// byteOffset returns the byte offset of a line and a column, both 1-based; columns count characters. A
// position beyond the data yields its length.
func byteOffset(data []byte, line, column int) int {
	at := 0
	for range line - 1 {
		end := bytes.IndexByte(data[at:], '\n')
		if end < 0 {
			return len(data)
		}
		at += end + 1
	}
	for range column - 1 {
		_, size := utf8.DecodeRune(data[at:])
		at += size
	}
	return at
}
