// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// packLimits limit what a server may send. go-git has no limits, trusts the sizes declared in a
// pack, and holds objects in memory while it builds an index.
type packLimits struct {
	objects int64
	// object and total are unpacked sizes in bytes.
	object, total int64
}

// newPackLimits leaves room for content of the repository outside of the workspaces.
func newPackLimits(file, total int64) packLimits {
	return packLimits{objects: 2_000_000, object: max(256<<20, file), total: max(16<<30, total)}
}

func (l packLimits) newTotalError() *limit.Error {
	return newLimitError("bytes in its commit", l.total)
}

// limitReader limits the size of a response.
func (l packLimits) limitReader(answer io.Reader) io.Reader {
	return &limit.Reader{R: answer, Left: l.total, Err: l.newTotalError()}
}

// newLimitError returns the error for a server that sends too much. No flag raises these limits.
func newLimitError(unit string, most int64) *limit.Error {
	return &limit.Error{Subject: "the source", Unit: unit, Max: most, Advice: "build from a checkout of it"}
}

// packDir is the directory of packs, relative to the directory of a repository.
const packDir = "objects/pack"

// storePack writes a pack and its index to a repository. It checks the whole pack against the
// limits before it parses the objects.
func storePack(pack io.Reader, dir string, limits packLimits) (err error) {
	dir = filepath.Join(dir, packDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "incoming-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := checkPack(io.TeeReader(pack, f), limits); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	index, name, err := indexPack(f)
	if err != nil {
		return err
	}
	base := filepath.Join(dir, "pack-"+name)
	if err := writeIndex(base+".idx", index); err != nil {
		return err
	}
	return os.Rename(f.Name(), base+".pack")
}

// checkPack reads a whole pack and returns an error if it exceeds the limits.
func checkPack(pack io.Reader, limits packLimits) error {
	scanner := packfile.NewScanner(pack)
	_, count, err := scanner.Header()
	if err != nil {
		return err
	}
	if int64(count) > limits.objects {
		return newLimitError("objects in its commit", limits.objects)
	}
	var total int64
	for range count {
		size, err := checkObject(scanner, limits)
		if err != nil {
			return err
		}
		if total += size; total > limits.total {
			return limits.newTotalError()
		}
	}
	_, err = scanner.Checksum()
	return err
}

// reservedType is a reserved object type that go-git accepts as valid.
const reservedType plumbing.ObjectType = 5

// checkObject returns the unpacked size of the next object in bytes.
func checkObject(scanner *packfile.Scanner, limits packLimits) (int64, error) {
	tooLarge := newLimitError("bytes in a single object", limits.object)
	header, err := scanner.NextObjectHeader()
	switch {
	case err != nil:
		return 0, err
	case !header.Type.Valid() || header.Type == reservedType:
		return 0, fmt.Errorf("a pack holds an object of the unknown type %d", header.Type)
	case header.Length < 0 || header.Length > limits.object:
		return 0, tooLarge
	}
	unpacked := headMeter{left: header.Length}
	if _, _, err := scanner.NextObject(&unpacked); err != nil {
		return 0, err
	}
	if !header.Type.IsDelta() {
		return header.Length, nil
	}
	size := unpacked.deltaSize()
	if size > uint64(limits.object) {
		return 0, tooLarge
	}
	return int64(size), nil
}

// errLonger reports an object that is longer than its header says.
var errLonger = errors.New("an object in a pack is longer than announced")

// headMeter counts the bytes of an object and keeps the first ones.
type headMeter struct {
	left int64
	head []byte
}

func (m *headMeter) Write(p []byte) (int, error) {
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, errLonger
	}
	m.head = append(m.head, p[:min(len(p), 2*binary.MaxVarintLen64-len(m.head))]...)
	return len(p), nil
}

// deltaSize returns the size of the object that a delta produces, in bytes. A delta starts with the
// size of the base and the size of the result. deltaSize returns 0 for a malformed delta, which the
// parser refuses later.
func (m *headMeter) deltaSize() uint64 {
	_, n := binary.Uvarint(m.head)
	size, _ := binary.Uvarint(m.head[max(n, 0):])
	return size
}

func indexPack(pack io.ReadSeeker) (*idxfile.MemoryIndex, string, error) {
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(pack), writer)
	if err != nil {
		return nil, "", err
	}
	checksum, err := parser.Parse()
	if err != nil {
		return nil, "", err
	}
	index, err := writer.Index()
	return index, checksum.String(), err
}

func writeIndex(path string, index *idxfile.MemoryIndex) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = idxfile.NewEncoder(f).Encode(index)
	return err
}
