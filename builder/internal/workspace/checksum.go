// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/md5" // the checksums of the platform are MD5
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// fileKey identifies a file in .import.yml: by directory and key.
type fileKey struct{ section, key string }

// ChecksumMode controls how files that do not match their checksum in .import.yml are reported. The
// zero value means [ChecksumsWarn].
type ChecksumMode string

const (
	// ChecksumsWarn reports one warning per workspace.
	ChecksumsWarn ChecksumMode = "warn"
	// ChecksumsVerify reports an error per file: only unchanged exports ship.
	ChecksumsVerify ChecksumMode = "verify"
	// ChecksumsRefresh recomputes the checksums that ship: see [Stamper].
	ChecksumsRefresh ChecksumMode = "refresh"
	// ChecksumsIgnore skips the comparison.
	ChecksumsIgnore ChecksumMode = "ignore"
)

// ChecksumModes returns all modes, the default first.
func ChecksumModes() []ChecksumMode {
	return []ChecksumMode{ChecksumsWarn, ChecksumsVerify, ChecksumsRefresh, ChecksumsIgnore}
}

// sumDifference is a file that does not match its checksum.
type sumDifference struct {
	rule    string
	at      Position
	message string
	// file and detail are used in the summary of a workspace.
	file, detail string
}

// checkChecksums compares the checksums of .import.yml with the files.
func (c *Collector) checkChecksums(s *workspaceState, metadataPath string) {
	verify := c.options.Checksums == ChecksumsVerify
	switch {
	case c.options.Checksums == ChecksumsIgnore:
		return
	case s.metadata.checksums == nil:
		if verify && slices.ContainsFunc(s.covered, func(f coveredFile) bool { return s.isExported(&f) }) {
			c.reportChecksum(ruleChecksumMissing, Position{File: metadataPath}, "the file has no checksums, and "+
				"nothing can be verified")
		}
		return
	}
	list := c.compareChecksums(s, metadataPath)
	if !verify {
		c.summarizeChecksums(list, metadataPath)
		return
	}
	for _, d := range list {
		c.reportChecksum(d.rule, d.at, "%s", d.message)
	}
}

// compareChecksums returns the files that differ, and reports invalid checksums.
func (c *Collector) compareChecksums(s *workspaceState, metadataPath string) []sumDifference {
	slices.SortFunc(s.covered, func(a, b coveredFile) int {
		return strings.Compare(s.files[a.file].Path, s.files[b.file].Path)
	})
	index := s.indexByKey()
	seen := make(map[*coveredFile]bool, len(s.covered))
	var list []sumDifference
	converted := 0
	for _, sum := range s.metadata.checksums {
		f := index.findFile(sum)
		if f != nil {
			seen[f] = true
		}
		switch {
		case sum.sum == nil:
			c.reportChecksum(ruleChecksumInvalid, sum.at, "checksum of %s %s is neither MD5 nor SHA-256",
				quoteName(sum.section), quoteName(sum.key))
			continue
		case f == nil:
			list = append(list, sumDifference{
				ruleChecksumExtra, sum.at,
				fmt.Sprintf("the checksum of %s %s does not belong to any file", quoteName(sum.section),
					quoteName(sum.key)),
				sum.section + "/" + sum.key, "deleted",
			})
			continue
		case index.exact[fileKey{sum.section, sum.key}] == nil:
			c.report(ruleChecksumForm, s.positionOf(f), "the name of the file and its checksum (%s:%d) differ in "+
				"their Unicode form", metadataPath, sum.at.Line)
		}
		switch found := s.sumOf(f, sum.algorithm); {
		case bytes.Equal(found, sum.sum):
		case sum.algorithm == algorithmMD5 && f.lineFeeds != nil && bytes.Equal(sum.sum, f.lineFeeds[:]):
			converted++
		default:
			detail := fmt.Sprintf("expected %s %x, found %x", sum.algorithm, sum.sum, found)
			message := fmt.Sprintf("the file does not match its checksum (%s:%d): %s", metadataPath, sum.at.Line,
				detail)
			list = append(list, sumDifference{ruleChecksumMismatch, s.positionOf(f), message, s.files[f.file].Path,
				detail})
		}
	}
	if converted > 0 {
		c.reportChecksum(ruleChecksumLineEnds, Position{File: s.slug}, "%d of %d files with a checksum have "+
			"CRLF line endings, but had LF when they were exported", converted, len(s.metadata.checksums))
	}
	return append(list, s.withoutChecksum(seen)...)
}

// withoutChecksum returns the files that .import.yml does not list.
func (s *workspaceState) withoutChecksum(seen map[*coveredFile]bool) []sumDifference {
	var list []sumDifference
	for i := range s.covered {
		if f := &s.covered[i]; s.isExported(f) && !seen[f] {
			list = append(list, sumDifference{
				ruleChecksumMissing, s.positionOf(f), "the file has no checksum in .import.yml", s.files[f.file].Path,
				"added",
			})
		}
	}
	return list
}

// reportChecksum reports a difference. It is an error with ChecksumsVerify.
func (c *Collector) reportChecksum(rule string, at Position, format string, args ...any) {
	c.report(rule, at, format, args...)
	if d := &c.found[len(c.found)-1]; c.options.Checksums == ChecksumsVerify {
		d.Severity = diagnostic.Error
		d.Help += "; --checksums warn accepts what is edited and merged in Git"
	}
}

// summarizeChecksums reports the differences of a workspace in one line that names the first file.
func (c *Collector) summarizeChecksums(list []sumDifference, metadataPath string) {
	if len(list) == 0 {
		return
	}
	// Prefer a changed file over an added or deleted one.
	first := list[max(0, slices.IndexFunc(list, func(d sumDifference) bool { return d.rule == ruleChecksumMismatch }))]
	text := fmt.Sprintf("%s from the checksums in .import.yml: %s (%s)", countDiffering(len(list)),
		quoteName(first.file),
		first.detail)
	if more := len(list) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	follows := "where this version name is installed, the platform skips the workspace and the edit"
	if c.options.Stamped {
		follows = "the stamp in the version name makes the platform import the edit"
	}
	c.report(ruleChecksumMismatch, Position{File: metadataPath}, "%s; %s", text, follows)
	if c.options.Stamped {
		c.found[len(c.found)-1].Help = "nothing, if the edit is intended: --checksums refresh ships the " +
			"checksums of the files as they are, " +
			"--checksums ignore is quiet"
	}
}

func countDiffering(files int) string {
	if files == 1 {
		return "1 file differs"
	}
	return fmt.Sprintf("%d files differ", files)
}

// isExported reports whether the platform writes a checksum of the file.
func (s *workspaceState) isExported(f *coveredFile) bool {
	section, _, _ := strings.Cut(s.files[f.file].Path, "/")
	return isExportedSection(section)
}

func (s *workspaceState) positionOf(f *coveredFile) Position {
	return Position{File: s.slug + "/" + s.files[f.file].Path}
}

// isExportedSection reports whether the platform writes checksums for a directory.
func isExportedSection(section string) bool {
	return section == "automations" || section == "imports" || section == "pages"
}

// fileIndex finds covered files by the names that checksums may use.
type fileIndex struct{ exact, normalized map[fileKey]*coveredFile }

// findFile prefers the exact name over another Unicode form of it.
func (x fileIndex) findFile(sum checksum) *coveredFile {
	if f := x.exact[fileKey{sum.section, sum.key}]; f != nil {
		return f
	}
	return x.normalized[fileKey{sum.section, norm.NFC.String(sum.key)}]
}

// indexByKey indexes the covered files. The likeliest key of every file takes precedence over less
// likely keys.
func (s *workspaceState) indexByKey() fileIndex {
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

// keyRanks is the number of ways in which a checksum may name a file.
const keyRanks = 4

// checksumKey returns the key of a file, likeliest first: path without extension, base name,
// declared slug, path. No public source documents how the platform names an automation in a nested
// directory.
func checksumKey(rel, slug string, rank int) fileKey {
	section, within, _ := strings.Cut(rel, "/")
	stem := strings.TrimSuffix(within, path.Ext(within))
	keys := [keyRanks]string{stem, path.Base(stem), slug, within}
	return fileKey{section, keys[rank]}
}

// Checksum algorithms.
const (
	algorithmMD5    = "md5"
	algorithmSHA256 = "sha256"
)

// sumOf returns the checksum of a file for an algorithm.
func (s *workspaceState) sumOf(f *coveredFile, algorithm string) []byte {
	if algorithm == algorithmSHA256 {
		return s.files[f.file].Sum[:]
	}
	return f.md5[:]
}

// keySeed is the seed of hashKey.
var keySeed = maphash.MakeSeed()

// hashKey returns a hash of a key, which is the same for each Unicode form of it.
func hashKey(key fileKey) uint64 {
	key.key = norm.NFC.String(key.key)
	return maphash.Comparable(keySeed, key)
}

// listMD5 returns the hashes of the keys of the MD5 checksums, sorted.
func listMD5(checksums []checksum) []uint64 {
	var listed []uint64
	for _, sum := range checksums {
		if sum.algorithm == algorithmMD5 {
			listed = append(listed, hashKey(fileKey{sum.section, sum.key}))
		}
	}
	slices.Sort(listed)
	return slices.Clip(listed)
}

// comparesMD5 reports whether a checksum may be compared with the MD5 of a file. Before .import.yml
// has been added, each file may be in it.
func (s *workspaceState) comparesMD5(rel, slug string, mode ChecksumMode) bool {
	switch {
	case mode == ChecksumsIgnore:
		return false
	case !s.hasMetadata:
		return true
	}
	for rank := range keyRanks {
		if _, found := slices.BinarySearch(s.listed, hashKey(checksumKey(rel, slug, rank))); found {
			return true
		}
	}
	return false
}

// hashWithLineFeeds returns the MD5 of a file with CRLF converted to LF, or nil if it has no CRLF.
func hashWithLineFeeds(data []byte) *[md5.Size]byte {
	if !bytes.Contains(data, []byte("\r\n")) {
		return nil
	}
	sum := md5.Sum(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
	return &sum
}
