// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// IsArchive reports whether a path names an archive that [Open] supports.
func IsArchive(name string) bool { return isArchive(name) }

// ReadFiles calls fn for individual files of limited size. Paths are relative to the current
// directory if they are below it.
func ReadFiles(ctx context.Context, names []string, most int64, fn func(Version) error) error {
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, err := readSingle(name, most)
		if err != nil {
			return fmt.Errorf("read %s: %w", printableName(name), err)
		}
		if err := fn(newVersion(name, data)); err != nil {
			return err
		}
	}
	return nil
}

// ReadStream calls fn with the content of a stream of limited size as a file with a name.
func ReadStream(stream io.Reader, name string, most int64, fn func(Version) error) error {
	data, err := readLimited(stream, most)
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return fn(newVersion(name, data))
}

// readLimited reads a file of limited size.
func readLimited(file io.Reader, most int64) ([]byte, error) {
	tooLarge := &limit.Error{Subject: "it", Max: most, Advice: "raise --max-file-size"}
	return io.ReadAll(&limit.Reader{R: file, Left: most, Err: tooLarge})
}

// newVersion returns a version without a commit.
func newVersion(name string, data []byte) Version {
	shown := filepath.Clean(name)
	if dir, err := os.Getwd(); err == nil && filepath.IsAbs(shown) {
		if below, err := filepath.Rel(dir, shown); err == nil && filepath.IsLocal(below) {
			shown = below
		}
	}
	shown = filepath.ToSlash(shown)
	isWorkspace := func(dir string) bool {
		info, err := os.Lstat(filepath.FromSlash(path.Join(dir, workspaceMark)))
		return err == nil && info.Mode().IsRegular()
	}
	return Version{Path: shown, Within: inWorkspace(shown, isWorkspace), Size: int64(len(data)), Data: data}
}

// readSingle reads a regular file. It refuses other kinds, which could block.
func readSingle(name string, most int64) ([]byte, error) {
	file, err := os.OpenFile(name, namedFlags, 0)
	if err != nil {
		return nil, trimPathError(err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, trimPathError(err)
	case info.IsDir():
		return nil, errors.New("it is a directory: scan it alone, as SOURCE, or name its files")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file: give its content on standard input (builder scan -)")
	}
	return readLimited(file, most)
}

// CleanName returns a name for standard input that is safe in reports.
func CleanName(name string) (string, error) {
	clean := path.Clean(filepath.ToSlash(name))
	if clean == "." || clean == "/" || strings.ContainsFunc(clean, isUnprintable) {
		return "", fmt.Errorf("%q is not the name of a file", printableName(name))
	}
	return clean, nil
}
