// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// packer writes packs, including ones that Git would not write.
type packer struct {
	bytes.Buffer
	offsets []int
}

func newPacker(count uint32) *packer {
	p := new(packer)
	p.WriteString("PACK\x00\x00\x00\x02")
	binary.Write(p, binary.BigEndian, count)
	return p
}

// object adds an object whose header announces a size. The base goes between header and content.
func (p *packer) object(kind plumbing.ObjectType, announced uint64, base []byte, content []byte) {
	p.offsets = append(p.offsets, p.Len())
	first := byte(kind)<<4 | byte(announced&0xf)
	for announced >>= 4; announced > 0; announced >>= 7 {
		p.WriteByte(first | 0x80)
		first = byte(announced & 0x7f)
	}
	p.WriteByte(first)
	p.Write(base)
	z := zlib.NewWriter(p)
	z.Write(content)
	z.Close()
}

func (p *packer) blob(content string) {
	p.object(plumbing.BlobObject, uint64(len(content)), nil, []byte(content))
}

// delta adds a delta against an earlier object.
func (p *packer) delta(base int, content []byte) {
	p.object(plumbing.OFSDeltaObject, uint64(len(content)), distance(p.Len()-p.offsets[base]), content)
}

// distance encodes the offset to a base, as packs do.
func distance(n int) []byte {
	text := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		text = append([]byte{byte(n&0x7f) | 0x80}, text...)
	}
	return text
}

// deltaOf returns a delta that announces the given sizes and contains the instructions.
func deltaOf(base, result uint64, instructions ...byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, base), result), instructions...)
}

// sum returns the complete pack with its checksum.
func (p *packer) sum() []byte {
	sum := sha1.Sum(p.Bytes())
	return append(bytes.Clone(p.Bytes()), sum[:]...)
}

func TestPackLimits(t *testing.T) {
	limits := packLimits{objects: 3, object: 100, total: 150}
	pack := func(fill func(*packer), count uint32) []byte {
		p := newPacker(count)
		fill(p)
		return p.sum()
	}
	for _, test := range []struct {
		name string
		pack []byte
		want string // empty if it is admitted
	}{
		{"three objects", pack(func(p *packer) { p.blob("a"); p.blob("b"); p.blob("c") }, 3), ""},
		{"as large as may be", pack(func(p *packer) { p.blob(strings.Repeat("a", 100)); p.blob(strings.Repeat("b", 50)) }, 2), ""},
		{"too many", pack(func(p *packer) {}, 4), "more than 3 objects in its commit"},
		{"very many", pack(func(p *packer) {}, math.MaxUint32), "more than 3 objects in its commit"},
		{"too large", pack(func(p *packer) { p.blob(strings.Repeat("a", 101)) }, 1), "more than 100 bytes in a single object"},
		{"announced too large", pack(func(p *packer) { p.object(plumbing.BlobObject, 1<<50, nil, nil) }, 1), "more than 100 bytes in a single object"},
		{"announced negative", pack(func(p *packer) { p.object(plumbing.BlobObject, math.MaxUint64, nil, nil) }, 1), "more than 100 bytes in a single object"},
		{"larger than announced", pack(func(p *packer) { p.object(plumbing.BlobObject, 3, nil, make([]byte, 1<<20)) }, 1), "longer than announced"},
		{"too large in all", pack(func(p *packer) { p.blob(strings.Repeat("a", 100)); p.blob(strings.Repeat("b", 51)) }, 2), "more than 150 bytes in its commit"},
		{"delta", pack(func(p *packer) { p.blob("abc"); p.delta(0, deltaOf(3, 100, 0x90, 3)) }, 2), ""},
		{"delta bomb", pack(func(p *packer) { p.blob("abc"); p.delta(0, deltaOf(3, 101, 0x90, 3)) }, 2), "more than 100 bytes in a single object"},
		{"delta bomb, negative", pack(func(p *packer) { p.blob("abc"); p.delta(0, deltaOf(3, math.MaxUint64)) }, 2), "more than 100 bytes in a single object"},
		{"deltas in all", pack(func(p *packer) {
			p.blob("abc")
			p.delta(0, deltaOf(3, 100))
			p.delta(0, deltaOf(3, 100))
		}, 3), "more than 150 bytes in its commit"},
		{"unknown type", pack(func(p *packer) { p.object(5, 0, nil, nil) }, 1), "unknown type 5"},
		{"no pack", []byte("<html>"), "malformed pack file signature"},
		{"wrong sum", append(pack(func(p *packer) { p.blob("a") }, 1)[:31], make([]byte, 20)...), "checksum mismatch"},
		{"cut short", pack(func(p *packer) { p.blob("a") }, 1)[:20], "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := checkPack(bytes.NewReader(test.pack), limits)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			var tooLarge *limit.Error
			if strings.Contains(test.want, "more than") && !errors.As(err, &tooLarge) {
				t.Errorf("%T is no limit", err)
			}
		})
	}
}

// Callers can distinguish the errors of every limit.
func TestLimitsOfWhatAServerSends(t *testing.T) {
	r := gittest.Shop(t)
	server := gittest.ServeHTTP(t, r, gittest.HTTPOptions{})
	for _, limits := range []packLimits{
		{objects: 3, object: 1 << 20, total: 1 << 20}, {objects: 100, object: 20, total: 1 << 20}, {objects: 100, object: 1 << 20, total: 150},
	} {
		remote, err := newHTTPTransport(parse(t, server.URL()+gittest.Path), Auth{Getenv: gittest.Environment()},
			credential{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = fetchReference(t.Context(), remote, wanted{}, t.TempDir(), limits)
		var tooLarge *limit.Error
		if !errors.As(explainError(t.Context(), err, credential{}), &tooLarge) ||
			!strings.Contains(tooLarge.Error(), "build from a checkout") {
			t.Errorf("%+v: error %v", limits, err)
		}
		remote.Close()
	}
}

// A refused pack leaves no file that could be taken for a pack.
func TestRefusedPackIsNotStored(t *testing.T) {
	p := newPacker(2)
	p.blob("abc")
	p.delta(0, deltaOf(7, 3, 3, 'x', 'y', 'z')) // a base of a different size
	dir := t.TempDir()
	if err := storePack(bytes.NewReader(p.sum()), dir, newPackLimits(0, 0)); err == nil {
		t.Error("a broken pack is stored")
	}
	left, err := filepath.Glob(filepath.Join(dir, packDir, "pack-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStoredPackIsRead(t *testing.T) {
	p := newPacker(3)
	p.blob("abc")
	p.delta(0, deltaOf(3, 6, 0x90, 3, 3, 'd', 'e', 'f'))
	base := plumbing.ComputeHash(plumbing.BlobObject, []byte("abc"))
	delta := deltaOf(3, 2, 0x90, 2)
	p.object(plumbing.REFDeltaObject, uint64(len(delta)), base[:], delta)
	dir := t.TempDir()
	if err := storePack(bytes.NewReader(p.sum()), dir, newPackLimits(0, 0)); err != nil {
		t.Fatal(err)
	}
	storage, err := OpenStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	for _, want := range []string{"abc", "abcdef", "ab"} {
		hash := plumbing.ComputeHash(plumbing.BlobObject, []byte(want))
		size, err := storage.EncodedObjectSize(hash)
		if err != nil || size != int64(len(want)) {
			t.Errorf("%s: size %d, %v", want, size, err)
		}
		if data, err := ReadBlob(storage, hash, size); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", want, data, err)
		}
	}
}

// script builds a pack from a fuzzer's bytes: for each object its type, a base, the error in the
// announced size, and a length with the content.
func script(data []byte) []byte {
	var count uint32
	p := newPacker(0)
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	var hashes []plumbing.Hash
	for len(data) > 0 && count < 50 {
		kind, base, lie, length := plumbing.ObjectType(next()%8), int(next()), int8(next()), int(next())
		content := data[:min(length, len(data))]
		data = data[len(content):]
		var between []byte
		switch {
		case kind == plumbing.OFSDeltaObject && len(p.offsets) > 0:
			between = distance(p.Len() - p.offsets[base%len(p.offsets)])
		case kind == plumbing.REFDeltaObject && len(hashes) > 0:
			between = hashes[base%len(hashes)][:]
		case kind.IsDelta():
			between = distance(base)
		default:
			hashes = append(hashes, plumbing.ComputeHash(kind, content))
		}
		p.object(kind, uint64(int64(len(content))+int64(lie)), between, content)
		count++
	}
	binary.BigEndian.PutUint32(p.Bytes()[8:], count)
	return p.sum()
}

// No pack may cause a panic, exceed the memory limit, or yield a different object.
func FuzzPack(f *testing.F) {
	f.Add([]byte("\x03\x00\x00\x03abc\x06\x00\x00\x04\x03\x03\x90\x03\x07\x00\x00\x04\x03\x02\x90\x02"))
	f.Add([]byte("\x02\x00\x00\x1d100644 a\x00aaaaaaaaaaaaaaaaaaaa\x01\x00\x00\x05tree "))
	f.Add([]byte("\x03\x00\xff\x03abc\x06\x01\x01\x02\x00\x00"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		dir, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		limits := packLimits{objects: 40, object: 200, total: 2000}
		if storePack(bytes.NewReader(script(data)), dir, limits) != nil {
			return
		}
		storage, err := OpenStorage(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer storage.Close()
		all, err := storage.IterEncodedObjects(plumbing.AnyObject)
		if err != nil {
			return
		}
		all.ForEach(func(o plumbing.EncodedObject) error {
			if o.Size() > limits.object {
				t.Fatalf("an object of %d bytes", o.Size())
			}
			switch o.Type() {
			case plumbing.TreeObject:
				if tree, err := object.DecodeTree(storage, o); err == nil {
					for _, entry := range tree.Entries {
						BlobSize(storage, entry.Hash)
					}
				}
			case plumbing.BlobObject:
				data, err := ReadBlob(storage, o.Hash(), o.Size())
				if err == nil && plumbing.ComputeHash(plumbing.BlobObject, data) != o.Hash() {
					t.Fatalf("blob %s has the content %q", o.Hash(), data)
				}
			default:
				PeelCommit(storage, o.Hash())
			}
			return nil
		})
	})
}
