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

// listingBatch is how many entries of a directory are listed at a time.
const listingBatch = 1024

// rootDirectory is a directory of the file system below an [os.Root]. The root follows
// symbolic links that stay below it, so that a directory that was listed and then
// replaced by a link is told by its identity.
type rootDirectory struct {
	root *os.Root
	path string
	// listed is nil for the root itself.
	listed fs.FileInfo
}

var _ directory = rootDirectory{}

func (d rootDirectory) entries(limit int) ([]entry, error) {
	here, err := d.root.OpenRoot(d.path)
	if err != nil {
		return nil, d.changed(err)
	}
	defer here.Close()
	info, err := here.Stat(".")
	if err != nil || d.listed != nil && !os.SameFile(info, d.listed) {
		return nil, d.changed(err)
	}
	f, err := here.Open(".")
	if err != nil {
		return nil, d.changed(err)
	}
	defer f.Close()
	var list []entry
	for {
		items, err := f.ReadDir(listingBatch)
		if errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, pathError(err)
		}
		if len(list)+len(items) > limit {
			return nil, errTooMany
		}
		for _, item := range items {
			if e, ok := d.entry(here, item.Name()); ok {
				list = append(list, e)
			}
		}
	}
}

// entry returns false for what has gone since it was listed.
func (d rootDirectory) entry(here *os.Root, name string) (entry, bool) {
	info, err := here.Lstat(name)
	if err != nil {
		return entry{}, false
	}
	below := path.Join(d.path, name)
	return entry{
		name: name, kind: kindOf(info), size: info.Size(),
		open: func() (directory, error) { return rootDirectory{root: d.root, path: below, listed: info}, nil },
		read: func() ([]byte, error) { return readListed(d.root, below, info) },
	}, true
}

// changed says why a directory cannot be listed that could be a moment ago. What is
// wrong with the root itself is no change.
func (d rootDirectory) changed(err error) error {
	if d.listed == nil || errors.Is(err, fs.ErrPermission) {
		return pathError(err)
	}
	return errChanged
}

func kindOf(info fs.FileInfo) kind {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return folder
	case mode.IsRegular():
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
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

// readListed reads a file, and makes sure that it is the one that was listed: what
// was put in its place since is neither followed, nor waited for, nor shipped.
func readListed(root *os.Root, name string, listed fs.FileInfo) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, pathError(err)
	} else if err != nil {
		return nil, errChanged
	}
	defer f.Close()
	if !same(f, listed) {
		return nil, errChanged
	}
	data := make([]byte, listed.Size())
	if _, err := io.ReadFull(f, data); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errChanged
	} else if err != nil {
		return nil, pathError(err)
	}
	if !same(f, listed) {
		return nil, errChanged
	}
	return data, nil
}

// same reports whether an open file is the listed one, and has not been written to.
func same(f *os.File, listed fs.FileInfo) bool {
	info, err := f.Stat()
	return err == nil && os.SameFile(info, listed) && kindOf(info) == regular &&
		info.Size() == listed.Size() && info.ModTime().Equal(listed.ModTime())
}
