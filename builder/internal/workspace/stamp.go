// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	// stampDigits is how much of the content digest a version name gets.
	stampDigits = 8
	// maxHeld is the size of the largest workspace that can be rewritten, in bytes.
	maxHeld = 256 << 20
)

// stamp is the end of a name that may have been stamped.
var stamp = lazyregexp.New(`^(.+)-([0-9a-f]{8})$`)

// Stamper adds to the version name of every workspace, in its .import.yml, the first
// digits of the workspace's content digest: v2.4.0 becomes v2.4.0-1a2b3c4d. The platform
// skips a workspace whose version has the name that is installed, so that with a stamp it
// skips those that are the same, and no others.
//
// The digest is [release.ContentDigest] of the files as they are in the source. A name
// that ends with the stamp of its own workspace stays as it is. Nothing but the stamp is
// inserted into the file, and no checksum covers .import.yml. Names that the platform
// reserves are left for the validation to report, and so are files that cannot be read.
//
// With Refresh it first makes the checksums in .import.yml those of the files, and reports
// how many differed; the digest is then that of the files with these checksums. Without
// Stamp it does nothing else.
//
// It is for one goroutine.
type Stamper struct {
	*reporter
	Rewrite
	limits Limits
	emit   func(name string, data []byte) error
	// slug is the workspace whose files are held, because its .import.yml is among the
	// first of them and its digest is known after the last.
	slug  string
	held  []heldFile
	bytes int64
	// names are the version names in the source, by workspace.
	names map[string]string
	added int64
}

type heldFile struct {
	name string
	data []byte
}

// Rewrite says what of .import.yml a [Stamper] writes.
type Rewrite struct{ Stamp, Refresh bool }

// NewStamper returns a stamper that hands the files on to emit, in their order. Of the
// limits those count that are for one file.
func NewStamper(rewrite Rewrite, limits Limits, emit func(name string, data []byte) error) *Stamper {
	return &Stamper{
		reporter: newReporter(),
		Rewrite:  rewrite,
		limits:   limits.withDefaults(),
		emit:     emit,
		names:    map[string]string{},
	}
}

// Add takes one file: see [Collector.Add]. The files of a workspace come one after the
// other, as they do in the byte order of their paths.
func (s *Stamper) Add(name string, data []byte) error {
	slug, _, nested := strings.Cut(name, "/")
	if slug != s.slug {
		if err := s.Flush(); err != nil {
			return err
		}
	}
	if !nested {
		return s.emit(name, data)
	}
	s.slug, s.bytes = slug, s.bytes+int64(len(data))
	if s.bytes > maxHeld {
		return fmt.Errorf("workspace %s has more than %d bytes: it is too large for its .import.yml to be rewritten",
			show(slug), maxHeld)
	}
	s.held = append(s.held, heldFile{name, data})
	return nil
}

// Flush hands on the workspace that is held. It is needed after the last file.
func (s *Stamper) Flush() error {
	for i, f := range s.held {
		if f.name == s.slug+"/"+metadataFile {
			s.held[i].data = s.rewrite(f.data)
			s.added += int64(len(s.held[i].data) - len(f.data))
		}
	}
	held := s.held
	s.slug, s.held, s.bytes = "", nil, 0
	for _, f := range held {
		if err := s.emit(f.name, f.data); err != nil {
			return err
		}
	}
	return nil
}

// rewrite returns the .import.yml of the workspace that is held, as it ships.
func (s *Stamper) rewrite(data []byte) []byte {
	if s.Refresh {
		data = s.refresh(data)
	}
	if s.Stamp {
		data = s.stamp(data)
	}
	return data
}

// refresh returns the .import.yml of the workspace that is held, with right checksums.
func (s *Stamper) refresh(data []byte) []byte {
	files := space{slug: s.slug}
	for _, f := range s.held {
		files.cover(strings.TrimPrefix(f.name, s.slug+"/"), f.data, s.limits)
	}
	at := Position{File: s.slug + "/" + metadataFile}
	out, changes, err := files.refresh(data, s.limits)
	switch {
	case err != nil:
		s.report(ruleChecksumUnwritten, at, "the checksums cannot be refreshed: %v", err)
		s.found[len(s.found)-1].Severity = diagnostic.Error
	case !changes.none():
		s.report(ruleChecksumRefreshed, at, "the image has checksums of the files as they are: %s", changes)
	}
	return out
}

// Finish returns the version names of the source, by workspace, for those that have a
// stamp; how many bytes it has added; and what it has to report.
func (s *Stamper) Finish() (names map[string]string, added int64, found []diagnostic.Diagnostic) {
	return s.names, s.added, s.sorted()
}

// stamp returns the .import.yml of the workspace that is held, with the stamp.
func (s *Stamper) stamp(data []byte) []byte {
	name, err := findVersionName(data, s.limits)
	switch {
	case err != nil:
		s.report(ruleVersionNameStamp, Position{s.slug + "/" + metadataFile, err.line, err.column}, "%s", err.message)
		return data
	case name == nil || isReserved(name.value):
		return data
	}
	if m := stamp.FindStringSubmatch(name.value); m != nil && s.digits(name.replace(m[1])) == m[2] {
		s.names[s.slug] = m[1]
		return data
	}
	s.names[s.slug] = name.value
	return name.replace(name.value + "-" + s.digits(data))
}

// digits returns the stamp of the workspace that is held with that .import.yml.
func (s *Stamper) digits(metadata []byte) string {
	var files []release.File
	for _, f := range s.held {
		rel := strings.TrimPrefix(f.name, s.slug+"/")
		data := f.data
		if rel == metadataFile {
			data = metadata
		}
		files = append(files, release.File{Path: rel, Sum: sha256.Sum256(data)})
	}
	return release.ContentDigest(files).Encoded()[:stampDigits]
}

// versionName is where a file has version.name.
type versionName struct {
	data  []byte
	start int
	value string
}

// replace returns the file with another name.
func (v *versionName) replace(name string) []byte {
	return bytes.Join([][]byte{v.data[:v.start], []byte(name), v.data[v.start+len(v.value):]}, nil)
}

// findVersionName returns nil for a file without a name, and for one that the validation
// refuses. The error is a name that cannot be replaced by its bytes alone.
func findVersionName(data []byte, limits Limits) (*versionName, *syntaxError) {
	root, errs := parseYAML(data, limits)
	if len(errs) > 0 {
		return nil, nil
	}
	quiet := reader{newReporter(), metadataFile}
	top := quiet.mapping(root, "")
	version := get(top, "version")
	node := get(quiet.mapping(version, ""), "name")
	name := quiet.text(node, "").Value
	if name == "" {
		return nil, nil
	}
	quote, plain := quotes[node.Style]
	start := offset(data, node.Line, node.Column)
	own := getOwn(top, "version") == version && getOwn(resolve(version), "name") == node
	shared := version.Kind == yaml.AliasNode || node.Kind == yaml.AliasNode || !own
	if shared || node.Anchor != "" || !plain || !bytes.HasPrefix(data[start:], []byte(quote+name+quote)) {
		return nil, &syntaxError{
			line:    node.Line,
			column:  node.Column,
			message: "the version name is not written in a way that can be stamped",
		}
	}
	return &versionName{data, start + len(quote), name}, nil
}

// quotes are the styles of scalars whose bytes can be those of the name.
var quotes = map[yaml.Style]string{0: "", yaml.DoubleQuotedStyle: `"`, yaml.SingleQuotedStyle: "'"}

// offset returns where a line and a column begin, which count from 1; columns are
// characters. A place that is not there is the end.
func offset(data []byte, line, column int) int {
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
