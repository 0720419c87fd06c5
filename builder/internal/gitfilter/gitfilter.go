// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gitfilter recognises what a Git filter stores in the place of a file:
// pointers of Git LFS and its forerunners, and what git-crypt has encrypted.
package gitfilter

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Kind is what is in the place of a file's content.
type Kind int

// The kinds.
const (
	// None is content.
	None Kind = iota
	// LFS is a pointer of Git LFS, or of hawser or git-media, which came before it.
	LFS
	// Crypt is a file that git-crypt has encrypted.
	Crypt
)

const (
	// maxPointer is the size in bytes below which Git LFS takes a file for a pointer.
	maxPointer = 1024
	// cryptHeader starts every file of git-crypt.
	cryptHeader = "\x00GITCRYPT\x00"
)

var (
	// lfsPointer is the first line, whatever follows it, with the addresses of Git LFS
	// and of its previews.
	lfsPointer = lazyregexp.New(`^version https?://(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io|git-media\.github\.com)/\S*[ \t]*\r?\n`)
	// preview is the pointer of the first previews.
	preview = lazyregexp.New(`^# (?:git-media|external)\r?\n[0-9a-f]{40,64}\r?\n?$`)
	// gitMedia is the pointer of git-media: the SHA-1 of the content and nothing else.
	gitMedia = lazyregexp.New(`^[0-9a-f]{40}\r?\n?$`)
)

// binary are the extensions of files that are never one line of text.
var binary = strings.Fields(".avif .bmp .doc .docx .gif .gz .ico .jpeg .jpg .mov .mp3 .mp4 .ogg .otf .pdf .png " +
	".ppt .pptx .psd .tar .tgz " +
	".tif .tiff .ttf .wav .webm .webp .woff .woff2 .xls .xlsx .zip")

// Detect returns what is in the place of the content of a file with a name.
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
