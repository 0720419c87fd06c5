// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the checksums of the platform are MD5
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// fileKey names a file as the checksums do: by directory and key.
type fileKey struct{ section, key string }

// ChecksumMode says what it means that a file is not the one of its checksum in
// .import.yml. The empty mode is [ChecksumsWarn].
type ChecksumMode string

const (
	// ChecksumsWarn reports one warning for each workspace.
	ChecksumsWarn ChecksumMode = "warn"
	// ChecksumsVerify reports an error for each file: only what was pushed ships.
	ChecksumsVerify ChecksumMode = "verify"
	// ChecksumsRefresh ships the checksums of the files as they are: see [Stamper].
	ChecksumsRefresh ChecksumMode = "refresh"
	// ChecksumsIgnore compares nothing.
	ChecksumsIgnore ChecksumMode = "ignore"
)

// ChecksumModes returns all modes, the default first.
func ChecksumModes() []ChecksumMode {
	return []ChecksumMode{ChecksumsWarn, ChecksumsVerify, ChecksumsRefresh, ChecksumsIgnore}
}

// sumDifference is a file that is not the one of its checksum.
type sumDifference struct {
	rule    string
	at      Position
	message string
	// file and detail are for the summary of a workspace.
	file, detail string
}

// checkChecksums compares the checksums of .import.yml with the files.
func (c *Collector) checkChecksums(s *space, metadataPath string) {
	verify := c.options.Checksums == ChecksumsVerify
	switch {
	case c.options.Checksums == ChecksumsIgnore:
		return
	case s.metadata.checksums == nil:
		if verify && slices.ContainsFunc(s.covered, func(f coveredFile) bool { return s.exports(&f) }) {
			c.reportChecksum(ruleChecksumMissing, Position{File: metadataPath}, "the file has no checksums, so "+
				"that nothing can be verified")
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

// compareChecksums returns the files that differ. It reports what is wrong with the
// checksums themselves.
func (c *Collector) compareChecksums(s *space, metadataPath string) []sumDifference {
	slices.SortFunc(s.covered, func(a, b coveredFile) int {
		return strings.Compare(s.files[a.file].Path,
			s.files[b.file].Path)
	})
	index := s.filesByKey()
	seen := make(map[*coveredFile]bool, len(s.covered))
	var list []sumDifference
	converted := 0
	for _, sum := range s.metadata.checksums {
		f := index.find(sum)
		if f != nil {
			seen[f] = true
		}
		switch {
		case sum.sum == nil:
			c.reportChecksum(ruleChecksumInvalid, sum.at, "checksum of %s %s is neither MD5 nor SHA-256",
				show(sum.section), show(sum.key))
			continue
		case f == nil:
			list = append(list, sumDifference{
				ruleChecksumExtra, sum.at,
				fmt.Sprintf("checksum of %s %s belongs to no file", show(sum.section), show(sum.key)),
				sum.section + "/" + sum.key, "deleted",
			})
			continue
		case index.exact[fileKey{sum.section, sum.key}] == nil:
			c.report(ruleChecksumForm, s.position(f), "the name of the file and its checksum (%s:%d) differ in "+
				"their Unicode form", metadataPath, sum.at.Line)
		}
		switch found := s.sumOf(f, sum.algorithm); {
		case bytes.Equal(found, sum.sum):
		case sum.algorithm == algorithmMD5 && f.lineFeeds != nil && bytes.Equal(sum.sum, f.lineFeeds[:]):
			converted++
		default:
			detail := fmt.Sprintf("expected %s %x, found %x", sum.algorithm, sum.sum, found)
			message := fmt.Sprintf("the file is not the one of its checksum (%s:%d): %s", metadataPath, sum.at.Line,
				detail)
			list = append(list, sumDifference{ruleChecksumMismatch, s.position(f), message, s.files[f.file].Path,
				detail})
		}
	}
	if converted > 0 {
		c.reportChecksum(ruleChecksumLineEnds, Position{File: s.slug}, "%d of %d files with a checksum have "+
			"CRLF line ends, and had LF when they were exported", converted, len(s.metadata.checksums))
	}
	return append(list, s.withoutChecksum(seen)...)
}

// withoutChecksum returns the files that .import.yml does not list.
func (s *space) withoutChecksum(seen map[*coveredFile]bool) []sumDifference {
	var list []sumDifference
	for i := range s.covered {
		if f := &s.covered[i]; s.exports(f) && !seen[f] {
			list = append(list, sumDifference{
				ruleChecksumMissing, s.position(f), "the file has no checksum in .import.yml", s.files[f.file].Path,
				"added",
			})
		}
	}
	return list
}

// reportChecksum reports a difference: an error where checksums are verified.
func (c *Collector) reportChecksum(rule string, at Position, format string, args ...any) {
	c.report(rule, at, format, args...)
	if d := &c.found[len(c.found)-1]; c.options.Checksums == ChecksumsVerify {
		d.Severity = diagnostic.Error
		d.Help += "; --checksums warn accepts what is edited and merged in Git"
	}
}

// summarizeChecksums reports the differences of a workspace in one line, which names the
// first of the files.
func (c *Collector) summarizeChecksums(list []sumDifference, metadataPath string) {
	if len(list) == 0 {
		return
	}
	// A changed file says more than one that was added or deleted.
	first := list[max(0, slices.IndexFunc(list, func(d sumDifference) bool { return d.rule == ruleChecksumMismatch }))]
	text := fmt.Sprintf("%s from the checksums in .import.yml: %s (%s)", differ(len(list)), show(first.file),
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

func differ(files int) string {
	if files == 1 {
		return "1 file differs"
	}
	return fmt.Sprintf("%d files differ", files)
}

// exports reports whether the platform writes a checksum of the file.
func (s *space) exports(f *coveredFile) bool {
	section, _, _ := strings.Cut(s.files[f.file].Path, "/")
	return exported(section)
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

// Algorithms of checksums.
const (
	algorithmMD5    = "md5"
	algorithmSHA256 = "sha256"
)

// sumOf returns the sum of a file by the algorithm of its checksum.
func (s *space) sumOf(f *coveredFile, algorithm string) []byte {
	if algorithm == algorithmSHA256 {
		return s.files[f.file].Sum[:]
	}
	return f.md5[:]
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
