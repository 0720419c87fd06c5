// SPDX-License-Identifier: Apache-2.0

// Package atomicfile writes files that appear complete or not at all.
//
// A file is written under a temporary name in its final directory, synced, and renamed. Unlike
// github.com/google/renameio, this also works on Windows.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file that is being written. It must be ended with Commit or Discard.
type File struct {
	*os.File
	path string
	done bool
}

// Create creates a file that Commit renames to path. The umask applies to the permissions.
func Create(path string, perm fs.FileMode) (*File, error) {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-"+rand.Text())
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, perm)
	if err != nil {
		return nil, err
	}
	return &File{File: file, path: path}, nil
}

// Commit syncs the file and replaces the one at its path. After an error, the path is unchanged.
func (f *File) Commit() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return nil
}

// Discard closes and removes the file. It does nothing after a Commit that succeeded.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	err := f.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil // Commit closed the file, but could not rename it
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// WriteFile replaces the content of a file. A regular file keeps its permissions; a new one gets
// perm, to which the umask applies.
func WriteFile(path string, data []byte, perm fs.FileMode) (err error) {
	file, err := Create(path, perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Discard()) }()
	if old, err := os.Lstat(path); err == nil && old.Mode().IsRegular() {
		if err := file.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Commit()
}
