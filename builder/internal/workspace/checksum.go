// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the checksums of the platform are MD5
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// fileKey names a file as the checksums do: by directory and key.
type fileKey struct{ section, key string }

// checkChecksums compares the checksums of .import.yml with the files.
func (c *Collector) checkChecksums(s *space, metadataPath string) {
	slices.SortFunc(s.covered, func(a, b coveredFile) int { return strings.Compare(s.files[a.file].Path, s.files[b.file].Path) })
	index := s.filesByKey()
	seen := make(map[*coveredFile]bool, len(s.covered))
	converted := 0
	for _, sum := range s.metadata.checksums {
		f := index.find(sum)
		if f == nil {
			c.report(ruleChecksumExtra, sum.at, "checksum of %s %s belongs to no file", show(sum.section), show(sum.key))
			continue
		}
		seen[f] = true
		if index.exact[fileKey{sum.section, sum.key}] == nil {
			c.report(ruleChecksumForm, s.position(f), "the name of the file and its checksum (%s:%d) differ in their Unicode form", metadataPath, sum.at.Line)
		}
		switch {
		case s.matches(f, sum):
		case sum.algorithm == "md5" && f.lineFeeds != nil && bytes.Equal(sum.sum, f.lineFeeds[:]):
			converted++
		default:
			c.report(ruleChecksumMismatch, s.position(f), "the file is not the one of its checksum (%s:%d)", metadataPath, sum.at.Line)
		}
	}
	if converted > 0 {
		c.report(ruleChecksumLineEnds, Position{File: s.slug}, "%d of %d files with a checksum have CRLF line ends, and had LF when they were exported", converted, len(s.metadata.checksums))
	}
	for i := range s.covered {
		f := &s.covered[i]
		if section, _, _ := strings.Cut(s.files[f.file].Path, "/"); exported(section) && !seen[f] {
			c.report(ruleChecksumMissing, s.position(f), "the file has no checksum in .import.yml")
		}
	}
}

func (s *space) position(f *coveredFile) Position {
	return Position{File: s.slug + "/" + s.files[f.file].Path}
}

// exported reports whether the platform writes checksums of a directory.
func exported(section string) bool {
	return section == "automations" || section == "imports" || section == "pages"
}

// fileIndex finds the covered files by what may name them in the checksums.
type fileIndex struct{ exact, normalized map[fileKey]*coveredFile }

// find takes the name as it is before it takes the one in another Unicode form.
func (x fileIndex) find(sum checksum) *coveredFile {
	if f := x.exact[fileKey{sum.section, sum.key}]; f != nil {
		return f
	}
	return x.normalized[fileKey{sum.section, norm.NFC.String(sum.key)}]
}

// filesByKey indexes the covered files. All files are found by their likeliest key
// before any is found by the next.
func (s *space) filesByKey() fileIndex {
	x := fileIndex{make(map[fileKey]*coveredFile, 2*len(s.covered)), map[fileKey]*coveredFile{}}
	for rank := range keyRanks {
		for i := range s.covered {
			f := &s.covered[i]
			key := checksumKey(s.files[f.file].Path, f.slug, rank)
			if x.exact[key] == nil && key.key != "" {
				x.exact[key] = f
			}
			if key.key = norm.NFC.String(key.key); x.normalized[key] == nil && key.key != "" {
				x.normalized[key] = f
			}
		}
	}
	return x
}

// keyRanks is the number of ways in which checksums may name a file.
const keyRanks = 4

// checksumKey returns the key of a file, likeliest first: its path without the
// extension, its name, the slug that it says it has, its path. No public source
// tells how the platform names an automation in a nested directory.
func checksumKey(rel, slug string, rank int) fileKey {
	section, within, _ := strings.Cut(rel, "/")
	stem := strings.TrimSuffix(within, path.Ext(within))
	keys := [keyRanks]string{stem, path.Base(stem), slug, within}
	return fileKey{section, keys[rank]}
}

// matches compares by the algorithm of the checksum.
func (s *space) matches(f *coveredFile, sum checksum) bool {
	if sum.algorithm == "sha256" {
		return bytes.Equal(sum.sum, s.files[f.file].Sum[:])
	}
	return bytes.Equal(sum.sum, f.md5[:])
}

// withLineFeeds returns the MD5 of a file with its CRLF line ends made LF, or nil for a
// file without any.
func withLineFeeds(data []byte) *[md5.Size]byte {
	if !bytes.Contains(data, []byte("\r\n")) {
		return nil
	}
	sum := md5.Sum(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))) //nolint:gosec // see above
	return &sum
}
