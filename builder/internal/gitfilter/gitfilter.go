// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gitfilter detects files that a Git filter has replaced: pointers of Git LFS and its
// predecessors, and files encrypted by git-crypt.
package gitfilter

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Kind is the kind of a replaced file.
type Kind int

// The kinds.
const (
	// None is ordinary content.
	None Kind = iota
	// LFS is a pointer of Git LFS, or of its predecessors hawser and git-media.
	LFS
	// Crypt is a file encrypted by git-crypt.
	Crypt
)

const (
	// maxPointer is the exclusive maximum size in bytes of a Git LFS pointer.
	maxPointer = 1024
	// cryptHeader starts every file encrypted by git-crypt.
	cryptHeader = "\x00GITCRYPT\x00"
)

var (
	// lfsPointer matches the first line of a pointer of Git LFS and its previews.
	lfsPointer = lazyregexp.New(`^version https?://` +
		`(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io|git-media\.github\.com)` +
		`/\S*[ \t]*\r?\n`)
	// preview matches a pointer of the first previews.
	preview = lazyregexp.New(`^# (?:git-media|external)\r?\n[0-9a-f]{40,64}\r?\n?$`)
	// gitMedia matches a pointer of git-media: only the SHA-1 of the content.
	gitMedia = lazyregexp.New(`^[0-9a-f]{40}\r?\n?$`)
)

// binary lists extensions of files that are never a line of text.
var binary = strings.Fields(".avif .bmp .doc .docx .gif .gz .ico .jpeg .jpg .mov .mp3 .mp4 .ogg .otf .pdf .png " +
	".ppt .pptx .psd .tar .tgz " +
	".tif .tiff .ttf .wav .webm .webp .woff .woff2 .xls .xlsx .zip")

// Detect returns the kind of a file.
func Detect(name string, data []byte) Kind {
	switch {
	case bytes.HasPrefix(data, []byte(cryptHeader)):
		return Crypt
	case len(data) >= maxPointer:
		return None
	case lfsPointer.Match(data), preview.Match(data):
		return LFS
	case gitMedia.Match(data) && slices.Contains(binary, strings.ToLower(path.Ext(name))):
		return LFS
	}
	return None
}
