// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan/internal/contents"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
	"github.com/prismeai/workspaces-release/scan/internal/runs"
)

// PartKind is a kind of what a file holds in another form than text: an archive, a
// document, another encoding, or a value without its escapes.
type PartKind = contents.Kind

// The kinds of parts.
const (
	InArchive  = contents.Archive
	InDocument = contents.Document
	InEncoding = contents.Encoded
	InScalar   = contents.Scalar
)

// PartReader is a detector that looks into some kinds of parts by itself. It is not given
// those; every other detector is.
type PartReader interface {
	ReadsParts(kind PartKind) bool
}

// unpackedLimit bounds what a file unpacks to, in bytes, unless the policy does.
const unpackedLimit = 250 << 20

// looked is what all detectors say of a file.
type looked struct {
	sightings []sighting
	// dropped are matches that a detector takes for examples.
	dropped []sighting
	// public are keys that everybody may know.
	public []Match
	// filtered counts them; unread counts what was left out, by detector.
	filtered int
	unread   []Skip
}

// look runs every detector over a file and over what it holds.
func (s *Scanner) look(ctx context.Context, f File) (looked, error) {
	var all looked
	shown := File{Path: f.Path, Within: f.Within, Data: withoutImages(f.Data), Commit: f.Commit, Date: f.Date}
	for _, d := range s.detectors {
		if err := all.add(ctx, d, f.Path, shown, contents.Part{}); err != nil {
			return looked{}, err
		}
	}
	if err := s.lookAtName(ctx, f.Path, &all); err != nil {
		return looked{}, err
	}
	limit := cmp.Or(s.policy.Limits.ArchiveSize, unpackedLimit)
	err := contents.Walk(ctx, f.Path, f.Data, limit, func(p contents.Part) error {
		for _, d := range s.detectors {
			if r, ok := d.(PartReader); ok && r.ReadsParts(p.Kind) {
				continue
			}
			if err := all.add(ctx, d, f.Path, File{Path: p.Name, Data: withoutImages(p.Data)}, p); err != nil {
				return err
			}
		}
		return nil
	})
	var failed *FileError
	switch {
	case err == nil:
		all.filterPublic()
		return all, nil
	case errors.As(err, &failed), ctx.Err() != nil:
		return looked{}, err
	default:
		return looked{}, &FileError{Path: f.Path, Scanner: "the scanner", Err: err}
	}
}

// inName is the kind of part that the name of a file is.
const inName PartKind = "name"

// lookAtName looks for tokens in the name of a file, which every listing shows. Any long
// random name would be one to the detector that knows no tokens.
func (s *Scanner) lookAtName(ctx context.Context, path string, all *looked) error {
	if !literal.HasRandomRun(path) {
		return nil
	}
	for _, d := range s.detectors {
		if r, ok := d.(PartReader); ok && r.ReadsParts(InScalar) {
			continue
		}
		if err := all.add(ctx, d, path, File{Path: "name.txt", Data: []byte(path)}, contents.Part{Kind: inName}); err != nil {
			return err
		}
	}
	return nil
}

// hideNames hides the secrets that the name of a file has, where findings show it.
func (l *looked) hideNames(found []Finding) {
	for _, s := range l.sightings {
		for i := range found {
			if s.Named {
				found[i].Path = strings.ReplaceAll(found[i].Path, s.Secret.Reveal(), secret.Mask)
			}
		}
	}
}

// filterPublic takes out what was found of public keys.
func (l *looked) filterPublic() {
	if len(l.public) == 0 {
		return
	}
	var kept []sighting
	for _, s := range l.sightings {
		same := func(m Match) bool { return m.Secret.Reveal() == s.Secret.Reveal() }
		if s.Verification == Live || !slices.ContainsFunc(l.public, same) {
			kept = append(kept, s)
			continue
		}
		l.dropped = append(l.dropped, s)
		l.filtered++
	}
	l.sightings = kept
}

// add runs one detector over a file, or over a part of it.
func (l *looked) add(ctx context.Context, d Detector, path string, f File, p contents.Part) error {
	name := d.Describe().Name
	result, err := detect(ctx, d, f)
	if err != nil {
		return &FileError{Path: path, Scanner: name, Err: err}
	}
	for _, m := range unique(result.Matches) {
		l.sightings = append(l.sightings, sighting{name, placed(m, p)})
	}
	for _, m := range unique(result.Dropped) {
		l.dropped = append(l.dropped, sighting{name, placed(m, p)})
	}
	l.public = append(l.public, result.Public...)
	l.filtered += result.Filtered
	if result.Unread > 0 {
		reason := fmt.Sprintf("%d files inside of the archive are of a type that %s does not look into", result.Unread, name)
		l.unread = append(l.unread, Skip{Path: path, Reason: reason})
	}
	return nil
}

// placed says where in the file a match in a part of it is.
func placed(m Match, p contents.Part) Match {
	switch p.Kind {
	case "":
	case inName:
		m.Line, m.Column, m.Encoding, m.Named = 0, 0, "", true
	case contents.Archive, contents.Document:
		m.Line, m.Column, m.Inside = 0, 0, true
	default:
		m.Line, m.Column = max(m.Line, 1)+p.Line-1, 0
		m.Encoding = cmp.Or(m.Encoding, p.Encoding)
	}
	return m
}

// FilteredMatch is a match that a scanner takes for an example or a placeholder.
type FilteredMatch struct {
	Scanner string `json:"scanner"`
	Rule    string `json:"rule"`
	Path    string `json:"path"`
	// Line and Column are 1-based; 0 where the place is not known. Column counts bytes.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// examples lists what was filtered, and no other detector found.
func (l *looked) examples(path string) []FilteredMatch {
	var list []FilteredMatch
	for _, d := range l.dropped {
		if slices.ContainsFunc(l.sightings, func(s sighting) bool { return s.overlaps(d.Match) }) {
			continue
		}
		list = append(list, FilteredMatch{Scanner: d.scanner, Rule: d.Rule, Path: path, Line: d.Line, Column: d.Column})
	}
	return list
}

func compareFiltered(a, b FilteredMatch) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Scanner, b.Scanner))
}

// String returns the place and the kind in one line.
func (m FilteredMatch) String() string {
	return Finding{Path: m.Path, Line: m.Line, Column: m.Column}.Position() + ": " + m.Rule
}

// imageStarts are how images, fonts and sound start in base64.
var imageStarts = [][]byte{
	[]byte("iVBORw0KGgo"), []byte("/9j/"), []byte("R0lGOD"), []byte("UklGR"), []byte("d09GM"), []byte("AAABAA"), []byte("AAEAAAA"), []byte("T1RUTw"),
	[]byte("SUkqA"), []byte("T2dnUw"), []byte("SUQz"), []byte("//uQ"), []byte("AAAAIGZ0eX"), []byte("AAAAHGZ0eX"),
}

// minImage is the shortest base64 that is taken for an image, in bytes.
const minImage = 64

// withoutImages returns the content with spaces in the place of images in base64. Some rules
// find keys in anything that is long and random enough.
func withoutImages(data []byte) []byte {
	var shown []byte
	for start, end := range runs.In(data, minImage) {
		if !slices.ContainsFunc(imageStarts, func(image []byte) bool { return bytes.HasPrefix(data[start:end], image) }) {
			continue
		}
		if shown == nil {
			shown = bytes.Clone(data)
		}
		for i := start; i < end; i++ {
			shown[i] = ' '
		}
	}
	if shown == nil {
		return data
	}
	return shown
}
