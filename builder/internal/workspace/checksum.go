// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// fileKey names a file as the checksums do: by directory and key.
type fileKey struct{ section, key string }

// checkChecksums compares the checksums of .import.yml with the files.
func (c *Collector) checkChecksums(s *space, metadataPath string) {
	slices.SortFunc(s.covered, func(a, b coveredFile) int { return strings.Compare(s.files[a.file].Path, s.files[b.file].Path) })
	byKey := s.filesByKey()
	seen := make(map[*coveredFile]bool, len(s.covered))
	for _, sum := range s.metadata.checksums {
		f := byKey[fileKey{sum.section, sum.key}]
		if f == nil {
			c.report(ruleChecksumExtra, sum.at, "checksum of %s %s belongs to no file", show(sum.section), show(sum.key))
			continue
		}
		seen[f] = true
		if !s.matches(f, sum) {
			c.report(ruleChecksumMismatch, s.position(f), "the file is not the one of its checksum (%s:%d)", metadataPath, sum.at.Line)
		}
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

// filesByKey indexes the covered files by what may name them in the checksums.
// All files are found by their likeliest key before any is found by the next.
func (s *space) filesByKey() map[fileKey]*coveredFile {
	byKey := make(map[fileKey]*coveredFile, 2*len(s.covered))
	for rank := range keyRanks {
		for i := range s.covered {
			f := &s.covered[i]
			key := checksumKey(s.files[f.file].Path, f.slug, rank)
			if byKey[key] == nil && key.key != "" {
				byKey[key] = f
			}
		}
	}
	return byKey
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
