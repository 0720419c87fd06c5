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

// PartKind is the kind of a part of a file that is not plain text: archive content, document
// content, another encoding, or an unescaped value.
type PartKind = contents.Kind

// The kinds of parts.
const (
	InArchive  = contents.Archive
	InDocument = contents.Document
	InEncoding = contents.Encoded
	InScalar   = contents.Scalar
)

// PartReader is a detector that extracts some kinds of parts itself. It does not receive those
// parts from the scanner; every other detector does.
type PartReader interface {
	ReadsParts(kind PartKind) bool
}

// unpackedLimit is the default limit for the unpacked size of a file, in bytes.
const unpackedLimit = 250 << 20

// lookResult holds the results of all detectors for a file.
type lookResult struct {
	sightings []sighting
	// dropped are matches that a detector rejected as examples.
	dropped []sighting
	// public are keys that are public by design.
	public []Match
	// filtered is the number of rejected matches; unread lists skipped content by detector.
	filtered int
	unread   []Skip
}

// runDetectors runs every detector over a file and its parts.
func (s *Scanner) runDetectors(ctx context.Context, f File) (lookResult, error) {
	var all lookResult
	shown := File{Path: f.Path, Within: f.Within, Data: blankImages(f.Data), Commit: f.Commit, Date: f.Date}
	for _, d := range s.detectors {
		if err := all.runDetector(ctx, d, f.Path, shown, contents.Part{}); err != nil {
			return lookResult{}, err
		}
	}
	if err := s.scanName(ctx, f.Path, &all); err != nil {
		return lookResult{}, err
	}
	limit := cmp.Or(s.policy.Limits.ArchiveSize, unpackedLimit)
	err := contents.Walk(ctx, f.Path, f.Data, limit, func(p contents.Part) error {
		for _, d := range s.detectors {
			if r, ok := d.(PartReader); ok && r.ReadsParts(p.Kind) {
				continue
			}
			if err := all.runDetector(ctx, d, f.Path, File{Path: p.Name, Data: blankImages(p.Data)}, p); err != nil {
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
		return lookResult{}, err
	default:
		return lookResult{}, &FileError{Path: f.Path, Scanner: "the scanner", Err: err}
	}
}

// inName is the kind of a file name scanned as a part.
const inName PartKind = "name"

// scanName scans the name of a file, which appears in every listing. It uses only detectors
// for known token formats: the dsul detector would report any long random name.
func (s *Scanner) scanName(ctx context.Context, path string, all *lookResult) error {
	if !literal.HasRandomRun(path) {
		return nil
	}
	for _, d := range s.detectors {
		if r, ok := d.(PartReader); ok && r.ReadsParts(InScalar) {
			continue
		}
		file := File{Path: "name.txt", Data: []byte(path)}
		if err := all.runDetector(ctx, d, path, file, contents.Part{Kind: inName}); err != nil {
			return err
		}
	}
	return nil
}

// hideNames redacts secrets in the file name where findings contain it.
func (l *lookResult) hideNames(found []Finding) {
	for _, s := range l.sightings {
		for i := range found {
			if s.Named {
				found[i].Path = strings.ReplaceAll(found[i].Path, s.Secret.Reveal(), secret.Mask)
			}
		}
	}
}

// filterPublic removes matches of public keys, and counts them as filtered.
func (l *lookResult) filterPublic() {
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

// runDetector runs one detector over a file or a part of it.
func (l *lookResult) runDetector(ctx context.Context, d Detector, path string, f File, p contents.Part) error {
	name := d.Describe().Name
	result, err := runDetectorSafely(ctx, d, f)
	if err != nil {
		return &FileError{Path: path, Scanner: name, Err: err}
	}
	for _, m := range removeDuplicates(result.Matches) {
		l.sightings = append(l.sightings, sighting{name, placeMatch(m, p)})
	}
	for _, m := range removeDuplicates(result.Dropped) {
		l.dropped = append(l.dropped, sighting{name, placeMatch(m, p)})
	}
	l.public = append(l.public, result.Public...)
	l.filtered += result.Filtered
	if result.Unread > 0 {
		reason := fmt.Sprintf("%d files inside of the archive are of a type that %s does not look into", result.Unread, name)
		l.unread = append(l.unread, Skip{Path: path, Reason: reason})
	}
	return nil
}

// placeMatch converts the position of a match from the part to the file.
func placeMatch(m Match, p contents.Part) Match {
	switch p.Kind {
	case "":
	case inName:
		m.Line = 0
		m.Column = 0
		m.Encoding = ""
		m.Named = true
	case contents.Archive, contents.Document:
		m.Line = 0
		m.Column = 0
		m.Inside = true
	default:
		m.Line = max(m.Line, 1) + p.Line - 1
		m.Column = 0
		m.Encoding = cmp.Or(m.Encoding, p.Encoding)
	}
	return m
}

// FilteredMatch is a match that a scanner rejected as an example or a placeholder.
type FilteredMatch struct {
	Scanner string `json:"scanner"`
	Rule    string `json:"rule"`
	Path    string `json:"path"`
	// Line and Column are 1-based; 0 if unknown. Column counts bytes.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// listExamples returns the rejected matches that no other detector reports.
func (l *lookResult) listExamples(path string) []FilteredMatch {
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
	return cmp.Or(
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Scanner, b.Scanner),
	)
}

// String returns the position and the rule in one line.
func (m FilteredMatch) String() string {
	return Finding{Path: m.Path, Line: m.Line, Column: m.Column}.Position() + ": " + m.Rule
}

// imageStarts are the base64 prefixes of images, fonts and audio.
var imageStarts = strings.Fields(`
	iVBORw0KGgo /9j/ R0lGOD UklGR d09GM AAABAA AAEAAAA T1RUTw SUkqA T2dnUw SUQz //uQ AAAAIGZ0eX AAAAHGZ0eX
`)

// minImage is the minimum length of a base64 image, in bytes.
const minImage = 64

// blankImages replaces base64 images with spaces. Some rules find keys in any long random
// text.
func blankImages(data []byte) []byte {
	var shown []byte
	for start, end := range runs.In(data, minImage) {
		isImage := func(prefix string) bool { return bytes.HasPrefix(data[start:end], []byte(prefix)) }
		if !slices.ContainsFunc(imageStarts, isImage) {
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
