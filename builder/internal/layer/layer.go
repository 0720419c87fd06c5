// SPDX-License-Identifier: AGPL-3.0-or-later

// Package layer writes the image layer of a release: a tar whose bytes depend only on the paths and
// the content of the files. If no file changed, a release has the same layer as the previous
// release, which registries and nodes already store.
//
// Files have mode 0644 and directories 0755, everything belongs to root by number, and every time
// is [ModTime]. The first entry in the layer's directory is an opaque whiteout (OCI image
// specification, "Opaque Whiteout"), which hides the content of lower layers in that directory.
// [Options] can omit it.
package layer

import (
	"archive/tar"
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// WhiteoutPrefix starts the name of an entry that deletes a file of a lower layer.
	WhiteoutPrefix = ".wh."
	// OpaqueMarker is the name of an entry that hides the content of lower layers in its directory.
	OpaqueMarker = ".wh..wh..opq"
)

// ModTime is the time of every entry, in seconds since 1970.
const ModTime = 0

// Options configure a layer.
type Options struct {
	// Directory is the absolute directory of the files in the image.
	Directory string
	// Parents adds entries for the parents of Directory. An image without a base needs them,
	// because some unpackers create missing directories without permissions. On a base they would
	// change existing directories.
	Parents bool
	// Keep omits the opaque whiteout, so that the content of lower layers in the directory stays.
	Keep bool
	// Compressor may be shared by layers that are written concurrently. If it is nil, the layer
	// creates one with the default compression.
	Compressor *Compressor
}

// Layer describes a written layer.
type Layer struct {
	// Digest is the digest of the compressed bytes, DiffID the digest of the uncompressed tar.
	Digest, DiffID digest.Digest
	// MediaType is the OCI media type of the compressed bytes.
	MediaType string
	// Size is the number of compressed bytes.
	Size int64
	// Unpacked is the size of the uncompressed tar in bytes.
	Unpacked int64
	// Files and Bytes count the files and their content.
	Files int
	Bytes int64
}

// Descriptor returns the OCI descriptor of the compressed layer.
func (l Layer) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}
}

// Writer writes one layer. It is not safe for concurrent use.
type Writer struct {
	opts Options
	// prefix is the directory in the form used by tar: no leading slash, but a trailing one.
	prefix string

	blob  *summer
	zip   *blockWriter
	plain *summer
	tar   *tar.Writer

	// last is the path of the last file, whose directory has been written.
	last string
	// shorter are earlier files whose paths are prefixes of last.
	shorter []string
	layer   Layer
	err     error
}

// NewWriter starts a layer on w.
func NewWriter(w io.Writer, opts Options) (*Writer, error) {
	dir, absolute := strings.CutPrefix(opts.Directory, "/")
	if !absolute || check(dir) != nil {
		return nil, fmt.Errorf("directory %q of the layer is not an absolute, clean path below the root", opts.Directory)
	}
	l := &Writer{opts: opts, prefix: dir + "/"}
	l.blob = newSummer(w)
	compressor := opts.Compressor
	if compressor == nil {
		compressor = NewCompressor(Compression{})
	}
	zip, err := newBlockWriter(l.blob, compressor)
	if err != nil {
		return nil, fmt.Errorf("start layer: %w", err)
	}
	l.layer.MediaType = compressor.compression.MediaType()
	l.zip = zip
	l.plain = newSummer(zip)
	l.tar = tar.NewWriter(l.plain)
	return l, l.start()
}

// start writes the entries before the files.
func (l *Writer) start() error {
	if l.opts.Parents {
		parents := strings.Split(path.Dir(strings.TrimSuffix(l.prefix, "/")), "/")
		for i := range parents {
			if name := path.Join(parents[:i+1]...); name != "." {
				if err := l.header(name+"/", tar.TypeDir, 0); err != nil {
					return err
				}
			}
		}
	}
	if err := l.header(l.prefix, tar.TypeDir, 0); err != nil {
		return err
	}
	if l.opts.Keep {
		return nil
	}
	return l.header(l.prefix+OpaqueMarker, tar.TypeReg, 0)
}

// Add writes one file. Paths are relative to the directory, use slashes, and must come in the byte
// order of the whole path. After an error, Add and Close return the same error.
func (l *Writer) Add(name string, data []byte) error {
	if l.err == nil {
		l.err = l.add(name, data)
	}
	return l.err
}

func (l *Writer) add(name string, data []byte) error {
	if err := check(name); err != nil {
		return err
	}
	if name <= l.last {
		return fmt.Errorf("file %q comes after %q: files must come in the order of their paths", name, l.last)
	}
	if err := l.checkParents(name); err != nil {
		return err
	}
	if err := l.directories(name); err != nil {
		return err
	}
	l.last = name
	if err := l.header(l.prefix+name, tar.TypeReg, int64(len(data))); err != nil {
		return err
	}
	if _, err := l.tar.Write(data); err != nil {
		return fmt.Errorf("write %s to the layer: %w", name, err)
	}
	l.layer.Files++
	l.layer.Bytes += int64(len(data))
	return nil
}

// check returns an error for a path that a layer must not contain. Readers of sources refuse the
// same paths with a better message.
func check(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return fmt.Errorf("path %q is not a valid relative path", name)
	}
	for element := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(element, WhiteoutPrefix) {
			return fmt.Errorf("path %q would delete files of the base image", name)
		}
	}
	return nil
}

// checkParents refuses a file below another file. Sorted paths with a common prefix are adjacent,
// so few files need to be remembered.
func (l *Writer) checkParents(name string) error {
	if l.last != "" {
		l.shorter = append(l.shorter, l.last)
	}
	l.shorter = slices.DeleteFunc(l.shorter, func(file string) bool { return !strings.HasPrefix(name, file) })
	for _, file := range l.shorter {
		if name[len(file)] == '/' {
			return fmt.Errorf("path %q is both a file and a directory", file)
		}
	}
	return nil
}

// directories writes the parent directories of name that do not contain the last file. In the byte
// order of paths, the files of a directory and its subdirectories are adjacent, so every directory
// is written once.
func (l *Writer) directories(name string) error {
	elements := strings.Split(path.Dir(name), "/")
	for i, element := range elements {
		dir := strings.Join(elements[:i+1], "/") + "/"
		if element == "." || strings.HasPrefix(l.last, dir) {
			continue
		}
		if err := l.header(l.prefix+dir, tar.TypeDir, 0); err != nil {
			return err
		}
	}
	return nil
}

// header writes the header of an entry. It uses PAX for names that are long or not ASCII, and
// otherwise the older format without extensions.
func (l *Writer) header(name string, kind byte, size int64) error {
	mode := int64(0o644)
	if kind == tar.TypeDir {
		mode = 0o755
	}
	err := l.tar.WriteHeader(&tar.Header{Name: name, Typeflag: kind, Size: size, Mode: mode,
		ModTime: time.Unix(ModTime, 0)})
	if err != nil {
		return fmt.Errorf("write %s to the layer: %w", name, err)
	}
	return nil
}

// Close ends the layer. It does not close the underlying writer. Abandoned layers must be closed
// too, to end the goroutines that compress.
func (l *Writer) Close() (Layer, error) {
	ended := l.tar.Close()
	compressed := l.zip.Close()
	if l.err != nil {
		return Layer{}, l.err
	}
	if err := cmp.Or(ended, compressed); err != nil {
		return Layer{}, fmt.Errorf("end layer: %w", err)
	}
	l.layer.Digest = l.blob.digest()
	l.layer.Size = l.blob.n
	l.layer.DiffID = l.plain.digest()
	l.layer.Unpacked = l.plain.n
	return l.layer, nil
}

// Write writes a layer that holds the given files.
func Write(w io.Writer, opts Options, files map[string][]byte) (Layer, error) {
	l, err := NewWriter(w, opts)
	if err != nil {
		return Layer{}, err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if l.Add(name, files[name]) != nil {
			break // Close returns the error.
		}
	}
	return l.Close()
}

// summer hashes and counts the bytes that pass through it.
type summer struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func newSummer(w io.Writer) *summer { return &summer{w: w, sum: sha256.New()} }

// Write implements [io.Writer].
func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum.Write(p[:n])
	s.n += int64(n)
	return n, err
}

func (s *summer) digest() digest.Digest { return digest.NewDigest(digest.SHA256, s.sum) }
