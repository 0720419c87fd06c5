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
	"syscall"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// IsArchive reports whether a path is the name of an archive that [Open] opens.
func IsArchive(name string) bool { return isArchive(name) }

// ReadFiles hands fn single files, wherever they are, each of at most a number of bytes. Their
// paths are relative to the current directory if they are below it.
func ReadFiles(ctx context.Context, names []string, most int64, fn func(Version) error) error {
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, err := readSingle(name, most)
		if err != nil {
			return fmt.Errorf("read %s: %w", printable(name), err)
		}
		if err := fn(newVersion(name, data)); err != nil {
			return err
		}
	}
	return nil
}

// ReadStream hands fn the content of a stream, at most a number of bytes, as a file with a name.
func ReadStream(stream io.Reader, name string, most int64, fn func(Version) error) error {
	data, err := readAll(stream, most)
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return fn(newVersion(name, data))
}

// readAll reads a file of at most a number of bytes.
func readAll(file io.Reader, most int64) ([]byte, error) {
	tooLarge := &limit.Error{Subject: "it", Max: most, Advice: "raise --max-file-size"}
	return io.ReadAll(&limit.Reader{R: file, Left: most, Err: tooLarge})
}

// newVersion makes a file that is in no commit.
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

// readSingle reads a regular file. It waits for no other kind.
func readSingle(name string, most int64) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, pathError(err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, pathError(err)
	case info.IsDir():
		return nil, errors.New("it is a directory: scan it alone, as SOURCE, or name its files")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file: give its content on standard input (builder scan -)")
	}
	return readAll(file, most)
}

// CleanName returns a name for standard input that can stand in reports, or an error.
func CleanName(name string) (string, error) {
	clean := path.Clean(filepath.ToSlash(name))
	if clean == "." || clean == "/" || strings.ContainsFunc(clean, unprintable) {
		return "", fmt.Errorf("%q is not the name of a file", printable(name))
	}
	return clean, nil
}
