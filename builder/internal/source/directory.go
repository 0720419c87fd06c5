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

// rootDirectory is a directory of the file system below an [os.Root].
type rootDirectory struct {
	root *os.Root
	path string
}

var _ directory = rootDirectory{}

func (d rootDirectory) entries() ([]entry, error) {
	f, err := d.root.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(list))
	for _, item := range list {
		name := path.Join(d.path, item.Name())
		info, err := d.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has gone since it was listed
		} else if err != nil {
			return nil, err
		}
		entries = append(entries, entry{
			name: item.Name(), kind: kindOf(info), size: info.Size(),
			open: func() (directory, error) { return rootDirectory{root: d.root, path: name}, nil },
			read: func() ([]byte, error) { return readListed(d.root, name, info) },
		})
	}
	return entries, nil
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
