// SPDX-License-Identifier: AGPL-3.0-or-later

// Package cache keeps what a build may use again in one directory: the verdicts of the scan and, if
// entries are sealed with a key, the compressed layers.
//
// A cache never decides what ships. A build reads and hashes every file, and uses a cached layer
// only if its files are those of the source. Builds with and without a cache make the same image.
// Any entry that is damaged, sealed with another key, or made by another builder counts as missing.
//
// Several builds may share a directory: entries are replaced atomically, and the last writer wins.
package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// tagFile marks a directory as a cache. Backup programs skip directories with this file
// (https://bford.info/cachedir/).
const tagFile = "CACHEDIR.TAG"

// tag is the content of the tag file. The version changes with the layout of the directory.
const tag = "Signature: 8a477f597d28d172789f06886806bc55\n" +
	"# This directory is a cache of workspaces-release, version 1. It is safe to delete.\n"

// temporary starts the names of files that are being written.
const temporary = ".tmp-"

// ErrForeign reports a directory that is not a cache of this version of the builder.
var ErrForeign = errors.New("the directory has files, but is not a cache of this version of the builder: " +
	"name an empty or a new directory")

// Cache is an open cache directory.
type Cache struct {
	dir  string
	seal secret.Value
	// room is the maximum size of all layers in bytes.
	room int64
}

// Open opens a cache directory, and creates it if necessary. With a seal, only entries of holders of
// the same seal are used. It returns [ErrForeign] for a directory that has other content.
func Open(dir string, seal secret.Value) (*Cache, error) {
	c := &Cache{dir: dir, seal: seal, room: maxLayers}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create cache directory: %w", err)
	}
	found, err := limit.ReadFile(filepath.Join(dir, tagFile), int64(len(tag)))
	var tooLarge *limit.Error
	switch {
	case err == nil && string(found) == tag:
	case errors.Is(err, fs.ErrNotExist):
		err = c.mark()
	case err == nil || errors.As(err, &tooLarge):
		err = ErrForeign
	}
	if err != nil {
		return nil, fmt.Errorf("cache directory %s: %w", dir, err)
	}
	return c, nil
}

// mark makes an empty directory a cache.
func (c *Cache) mark() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// Another build may be about to mark the directory, or have just done so.
		if !strings.HasPrefix(e.Name(), temporary) && e.Name() != tagFile {
			return ErrForeign
		}
	}
	return c.write(tagFile, func(f *os.File) error {
		_, err := f.WriteString(tag)
		return err
	})
}

// HoldsLayers reports whether the cache holds layers. A cache without a seal does not, because
// anyone with write access to its directory could put other files into the image. A nil cache holds nothing.
func (c *Cache) HoldsLayers() bool { return c != nil && !c.seal.Empty() }

// Verdicts returns the directory for the verdicts of the scan.
func (c *Cache) Verdicts() string { return filepath.Join(c.dir, "verdicts") }

// write replaces a file of the cache atomically. It does not sync the file to the disk: an entry
// that a crash damages counts as missing.
func (c *Cache) write(name string, fill func(*os.File) error) error {
	dest := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(dest), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(dest), temporary)
	if err != nil {
		return err
	}
	err = errors.Join(fill(file), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), dest)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
