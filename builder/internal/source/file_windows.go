// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"io/fs"
	"os"
)

// Flags for opening. Windows keeps its named pipes apart from files, and [os.Root] follows no link
// that leaves the root.
const (
	directoryFlags = os.O_RDONLY
	listedFlags    = os.O_RDONLY
	namedFlags     = os.O_RDONLY
)

// fileID identifies a file by its volume and its number there, which only [os.SameFile] can read.
type fileID struct {
	info fs.FileInfo
}

func fileIDOf(info fs.FileInfo) fileID { return fileID{info} }

func (f fileID) same(other fileID) bool { return os.SameFile(f.info, other.info) }

// compare sorts nothing, because no file is reported as a hard link.
func (f fileID) compare(fileID) int { return 0 }

// hasOtherNames returns false: Windows lists files without the number of their names.
func hasOtherNames(fs.FileInfo) bool { return false }
