// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package source

import (
	"cmp"
	"io/fs"
	"os"
	"syscall"
)

// Flags for opening. Without O_NONBLOCK, opening a named pipe would wait for its writer.
const (
	directoryFlags = os.O_RDONLY | syscall.O_DIRECTORY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	listedFlags    = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	namedFlags     = os.O_RDONLY | syscall.O_NONBLOCK
)

// fileID identifies a file. All files of a source are listed before the first is read, so it keeps
// less than the five times as large [fs.FileInfo].
type fileID struct {
	device, inode uint64
}

func fileIDOf(info fs.FileInfo) fileID {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{uint64(stat.Dev), stat.Ino} //nolint:unconvert // the type depends on the system
	}
	return fileID{}
}

func (f fileID) same(other fileID) bool { return f == other }

func (f fileID) compare(other fileID) int {
	return cmp.Or(cmp.Compare(f.device, other.device), cmp.Compare(f.inode, other.inode))
}

// hasOtherNames reports whether a regular file has hard links.
func hasOtherNames(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
