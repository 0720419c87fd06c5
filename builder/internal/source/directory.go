// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// listingBatch is the number of directory entries listed at once.
const listingBatch = 1024

// rootDirectory is a directory below an [os.Root]. The root follows symbolic links that stay below
// it, so the identity of a listed directory reveals whether a link has replaced it.
type rootDirectory struct {
	root *os.Root
	path string
	// listed is zero for the root itself.
	listed identity
}

var _ directory = rootDirectory{}

// openRoot opens a directory. Opening a named pipe as a root would block until it has a writer.
func openRoot(dir string) (*os.Root, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, syscall.ENOTDIR
	}
	return os.OpenRoot(dir)
}

func openRootBelow(root *os.Root, dir string) (*os.Root, error) {
	if info, err := root.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, syscall.ENOTDIR
	}
	return root.OpenRoot(dir)
}

func (d rootDirectory) entries(limit int) ([]entry, error) {
	f, err := d.root.OpenFile(d.path, directoryFlags, 0)
	if err != nil {
		return nil, d.explainChange(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !d.isSame(info) {
		return nil, d.explainChange(err)
	}
	list, err := d.listEntries(f, limit)
	if err != nil {
		return nil, err
	}
	// The entries were examined by path, which must still lead here.
	if info, err := d.root.Lstat(d.path); err != nil || !d.isSame(info) {
		return nil, d.explainChange(err)
	}
	return list, nil
}

func (d rootDirectory) isSame(info fs.FileInfo) bool {
	return d.listed == (identity{}) || identityOf(info).isSameFile(d.listed)
}

// identity distinguishes a file from a replacement or a modified version.
type identity struct {
	id             fileID
	size, modified int64 // in bytes, and in nanoseconds since 1970
}

func identityOf(info fs.FileInfo) identity {
	return identity{fileIDOf(info), info.Size(), info.ModTime().UnixNano()}
}

func (i identity) isSameFile(other identity) bool { return i.id.same(other.id) }

// isUnchanged reports whether two listings are of the same version of one file.
func (i identity) isUnchanged(other identity) bool {
	return i.isSameFile(other) && i.size == other.size && i.modified == other.modified
}

func (d rootDirectory) listEntries(f *os.File, limit int) ([]entry, error) {
	var list []entry
	for {
		items, err := f.ReadDir(listingBatch)
		if errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, trimPathError(err)
		}
		if len(list)+len(items) > limit {
			return nil, errTooMany
		}
		for _, item := range items {
			e, err := d.readEntry(item.Name())
			if errors.Is(err, fs.ErrNotExist) {
				continue // it was removed after it was listed
			} else if err != nil {
				return nil, d.explainChange(err)
			}
			list = append(list, e)
		}
	}
}

func (d rootDirectory) readEntry(name string) (entry, error) {
	below := path.Join(d.path, name)
	info, err := d.root.Lstat(below)
	if err != nil {
		return entry{}, err
	}
	e := entry{name: name, kind: kindOf(info), size: info.Size()}
	root := d.root
	listed := identityOf(info)
	switch e.kind {
	case folder:
		e.open = func() (directory, error) { return rootDirectory{root, below, listed}, nil }
	case regular:
		e.read = func() ([]byte, error) { return readListed(root, below, listed) }
	case hardLink:
		e.link = &listed
	}
	return e, nil
}

// explainChange returns the error for a directory that can no longer be listed. A problem of the root
// itself is not a change.
func (d rootDirectory) explainChange(err error) error {
	if d.listed == (identity{}) || errors.Is(err, fs.ErrPermission) {
		return trimPathError(err)
	}
	return errChanged
}

func kindOf(info fs.FileInfo) kind {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return folder
	case mode.IsRegular():
		if hasOtherNames(info) {
			return hardLink
		}
		return regular
	case mode&fs.ModeSymlink != 0:
		return symlink
	case mode&fs.ModeNamedPipe != 0:
		return pipe
	case mode&fs.ModeSocket != 0:
		return socket
	case mode&fs.ModeDevice != 0:
		return device
	default:
		return unsupported
	}
}

// readListed reads a file, and verifies that it is the listed one: a replacement is not followed,
// waited for, or shipped.
func readListed(root *os.Root, name string, listed identity) ([]byte, error) {
	f, err := root.OpenFile(name, listedFlags, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, trimPathError(err)
	} else if err != nil {
		return nil, errChanged
	}
	defer f.Close()
	if !isUnchanged(f, listed) {
		return nil, errChanged
	}
	data := make([]byte, listed.size)
	if _, err := io.ReadFull(f, data); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errChanged
	} else if err != nil {
		return nil, trimPathError(err)
	}
	if !isUnchanged(f, listed) {
		return nil, errChanged
	}
	return data, nil
}

// isUnchanged reports whether an open file is the listed one and has not been modified.
func isUnchanged(f *os.File, listed identity) bool {
	info, err := f.Stat()
	return err == nil && kindOf(info) == regular && identityOf(info).isUnchanged(listed)
}
