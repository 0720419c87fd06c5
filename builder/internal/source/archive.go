// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	archiveExtension = ".zip"
	// maxArchive bounds an archive, and maxArchiveList its directory, both in bytes. The platform
	// accepts archives of at most 100 MiB and 5000 files.
	maxArchive     = 256 << 20
	maxArchiveList = 16 << 20
	// maxRatio is the maximum compression ratio above ratioFloor bytes. Text has at most 20; a zip
	// bomb has 1000.
	maxRatio   = 200
	ratioFloor = 1 << 20
)

// encrypted are the flags of encrypted entries and directories.
const encrypted = 1<<0 | 1<<6 | 1<<13

// isArchive reports whether a path names an archive and not a directory.
func isArchive(path string) bool {
	if !strings.EqualFold(filepath.Ext(path), archiveExtension) {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || !info.IsDir()
}

// openArchive opens a zip archive without unpacking it. Its directory becomes a tree of entries
// that is walked like any other.
func openArchive(spec Spec, limits Limits) (*Tree, error) {
	file, err := os.OpenFile(spec.dir, namedFlags, 0)
	if err != nil {
		return nil, trimPathError(err)
	}
	root, err := readArchive(file, limits)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	top, err := root.directoryAt(spec.subdir)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Tree{root: top, close: []func() error{file.Close}}, nil
}

// readArchive lists an archive in a regular file.
func readArchive(file *os.File, limits Limits) (*archiveDirectory, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, trimPathError(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	return listArchive(file, info.Size(), limits)
}

func listArchive(r io.ReaderAt, size int64, limits Limits) (*archiveDirectory, error) {
	if size > maxArchive {
		return nil, fmt.Errorf("the archive is larger than %d MiB: remove what need not be in it", maxArchive>>20)
	}
	reader := &meteredFile{ReaderAt: r, left: maxArchiveList}
	archive, err := zip.NewReader(reader, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		return nil, fmt.Errorf("read the list of the archive: %w", err)
	}
	reader.left = math.MaxInt64
	l := listing{
		root:   newArchiveDirectory(),
		limits: limits,
		packed: uint64(size),
		bytes:  uint64(limits.TotalSize),
		room:   2 * min(limits.Files, math.MaxInt/2),
	}
	for _, f := range archive.File {
		if err := l.addEntry(f); err != nil {
			return nil, fmt.Errorf("entry %q: %w", clipName(f.Name), err)
		}
	}
	return l.root, nil
}

// listing is an archive being listed.
type listing struct {
	root   *archiveDirectory
	limits Limits
	// packed and bytes are the remaining compressed and uncompressed sizes of entries; room is the
	// remaining number of files and directories.
	packed, bytes uint64
	room          int
}

// addEntry adds an entry if it is within the limits.
func (l *listing) addEntry(f *zip.File) error {
	if err := checkArchived(f); err != nil {
		return err
	}
	switch {
	case f.CompressedSize64 > l.packed:
		return errors.New("it overlaps other entries, or does not fit into the archive: do not use this archive")
	case f.UncompressedSize64 > l.bytes:
		return exceedsLimit("bytes", l.limits.TotalSize)
	}
	l.packed -= f.CompressedSize64
	l.bytes -= f.UncompressedSize64
	made, err := l.root.insertEntry(f)
	if err != nil {
		return err
	}
	if l.room -= made; l.room < 0 {
		return exceedsLimit("files, directories and other entries", int64(2*l.limits.Files))
	}
	return nil
}

// meteredFile is a file of which only a limited number of bytes may be read.
type meteredFile struct {
	io.ReaderAt
	left int64
}

func (r *meteredFile) ReadAt(p []byte, off int64) (int, error) {
	if int64(len(p)) > r.left {
		return 0, fmt.Errorf("it is larger than %d MiB", maxArchiveList>>20)
	}
	r.left -= int64(len(p))
	return r.ReaderAt.ReadAt(p, off)
}

// checkArchived refuses entries that no honest program writes, or that cannot be scanned.
func checkArchived(f *zip.File) error {
	name := strings.TrimSuffix(f.Name, "/")
	unsafe := func(part string) bool { return part == "" || part == "." || part == ".." }
	switch {
	case strings.Contains(name, `\`):
		return errors.New("the name has a backslash: create the archive again, with / between directories")
	case slices.ContainsFunc(strings.Split(name, "/"), unsafe):
		return errors.New("the name leads out of the archive, or to nowhere: do not use this archive")
	case len(name) > maxPath:
		return fmt.Errorf("the path has more than %d bytes: shorten it", maxPath)
	case f.Flags&encrypted != 0:
		return errors.New("it is encrypted: make the archive without a password")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("it is compressed by method %d: make the archive with deflate, as every zip program can", f.Method)
	case f.UncompressedSize64 > ratioFloor && f.UncompressedSize64/maxRatio > f.CompressedSize64:
		return fmt.Errorf("it would grow to more than %d times its size: do not use this archive", maxRatio)
	}
	return nil
}

// clipName returns a name shortened for messages.
func clipName(name string) string { return printableName(name[:min(len(name), maxName)]) }

// archiveDirectory is a directory in an archive.
type archiveDirectory struct {
	list []entry
	// known are the entries by name; nil for anything but a directory.
	known map[string]*archiveDirectory
}

var _ directory = (*archiveDirectory)(nil)

func newArchiveDirectory() *archiveDirectory {
	return &archiveDirectory{known: map[string]*archiveDirectory{}}
}

func (d *archiveDirectory) entries(limit int) ([]entry, error) {
	if len(d.list) > limit {
		return nil, errTooMany
	}
	return slices.Clone(d.list), nil
}

// insertEntry inserts an entry at its path, creating parent directories, and returns the number of nodes
// created: a few entries with long paths have many directories.
func (d *archiveDirectory) insertEntry(f *zip.File) (made int, err error) {
	parts := strings.Split(strings.TrimSuffix(f.Name, "/"), "/")
	last := len(parts) - 1
	for i, name := range parts {
		below, taken := d.known[name]
		switch {
		case i < last && taken && below == nil, i == last && taken && (below == nil || !f.Mode().IsDir()):
			return made, errors.New("the archive contains the name more than once: create the archive again")
		case i == last && !f.Mode().IsDir():
			d.known[name] = nil
			d.list = append(d.list, newArchivedFile(name, f))
			made++
		case !taken:
			below = newArchiveDirectory()
			d.known[name] = below
			d.list = append(d.list, entry{
				name: name,
				kind: folder,
				open: func() (directory, error) { return below, nil },
			})
			made++
		}
		d = below
	}
	return made, nil
}

// directoryAt returns the directory at a path; the empty path is d itself.
func (d *archiveDirectory) directoryAt(path string) (*archiveDirectory, error) {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		if d = d.known[name]; d == nil {
			return nil, fmt.Errorf("subdirectory %s is not in the archive", path)
		}
	}
	return d, nil
}

func newArchivedFile(name string, f *zip.File) entry {
	e := entry{name: name, kind: unsupported, size: int64(f.UncompressedSize64)}
	switch mode := f.Mode(); {
	case mode.IsRegular():
		e.kind = regular
		e.read = func() ([]byte, error) { return readArchived(f) }
	case mode&fs.ModeSymlink != 0:
		e.kind = symlink
	}
	return e
}

// readArchived reads a file of exactly the listed size.
func readArchived(f *zip.File) (data []byte, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data = make([]byte, f.UncompressedSize64)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	// The checksum is verified at the end, which must be here.
	if _, err := io.ReadFull(r, make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("unpack: %w", cmp.Or(err, zip.ErrFormat))
	}
	return data, nil
}
