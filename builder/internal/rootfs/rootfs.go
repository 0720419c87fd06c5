// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rootfs reads the files of one directory of an image from its layers, without unpacking
// them (OCI image specification, "Applying Changesets"). It reads layers from the top, and only as
// far as necessary.
package rootfs

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// Limits bound what is read.
type Limits struct {
	// FileSize and TotalSize are in bytes. Files is the number of files in the directory.
	FileSize, TotalSize int64
	Files               int
	// Unpacked is the total uncompressed size of the layers in bytes.
	Unpacked int64
}

// newLimitError reports that an image exceeds a limit.
func newLimitError(unit string, most int64) error {
	return &limit.Error{Subject: "the image", Unit: unit, Max: most}
}

// Layer opens the compressed bytes of a layer.
type Layer func() (io.ReadCloser, error)

// Read calls fn for every file below dir, an absolute path, in no particular order. name is
// relative to dir. layers are ordered from the bottom, as in a manifest. It returns an error if dir
// contains anything but files and directories, because their targets may be elsewhere in the image,
// or if a layer contains a file twice.
func Read(layers []Layer, dir string, limits Limits, fn func(name string, data []byte) error) error {
	r := &reader{
		dir:    strings.Trim(path.Clean(dir), "/"),
		limits: limits,
		fn:     fn,
		seen:   map[string]bool{},
		hidden: map[string]bool{},
	}
	for i := len(layers) - 1; i >= 0 && !r.done; i-- {
		if err := r.readLayer(layers[i]); err != nil {
			return fmt.Errorf("layer %d of %d: %w", i+1, len(layers), err)
		}
	}
	return nil
}

// reader is one call of [Read].
type reader struct {
	dir    string
	limits Limits
	fn     func(string, []byte) error

	// seen holds the paths of upper layers; the value is true for files and false for directories.
	seen, hidden map[string]bool
	// next are the paths that this layer hides from lower ones.
	next  []string
	here  map[string]bool
	done  bool
	files int
	bytes int64
	read  int64
}

func (r *reader) readLayer(open Layer) (err error) {
	blob, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	plain, err := layer.Unpack(bufio.NewReader(blob))
	if err != nil {
		return err
	}
	defer plain.Close()
	r.here = map[string]bool{}
	counted := &limit.Reader{R: plain, Left: r.limits.Unpacked - r.read,
		Err: newLimitError("bytes in its layers", r.limits.Unpacked)}
	archive := tar.NewReader(counted)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			r.read = r.limits.Unpacked - counted.Left
			return r.finishLayer(blob)
		}
		if err == nil {
			err = r.readEntry(header, archive)
		}
		switch {
		case counted.Exceeded():
			return counted.Err
		case err != nil:
			return err
		}
	}
}

// finishLayer makes the hidden paths of this layer effective for the layers below, and reads the
// blob to its end, where its digest is verified.
func (r *reader) finishLayer(blob io.Reader) error {
	for _, name := range r.next {
		r.hidden[name] = true
	}
	r.next = nil
	r.done = r.isCovered(r.dir)
	_, err := io.Copy(io.Discard, blob)
	return err
}

// isCovered reports whether upper layers hide a path or one of its parents.
func (r *reader) isCovered(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if r.hidden[name] {
			return true
		}
	}
	return r.hidden["."]
}

// readEntry handles an entry of a layer. Only entries in the directory or above it matter.
func (r *reader) readEntry(header *tar.Header, content io.Reader) error {
	name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
	parent := path.Dir(name)
	base := path.Base(name)
	switch {
	case base == layer.OpaqueMarker:
		r.hidePath(parent)
		return nil
	case strings.HasPrefix(base, layer.WhiteoutPrefix):
		r.hidePath(path.Join(parent, strings.TrimPrefix(base, layer.WhiteoutPrefix)))
		return nil
	case !isWithin(name, r.dir) && !isWithin(r.dir, name) || r.isCovered(name):
		return nil
	}
	r.addParents(parent)
	file, upper := r.seen[name]
	isDirectory := header.Typeflag == tar.TypeDir
	switch {
	case r.here[name]: // the result would depend on the unpacking program
		return fmt.Errorf("/%s is duplicated", name)
	case upper && (file || !isDirectory): // the upper layer wins
		return nil
	case isDirectory:
		r.seen[name] = false
		return nil
	}
	r.seen[name] = true
	r.here[name] = true
	r.hidePath(name) // hides a directory of the same name in lower layers
	if header.Typeflag != tar.TypeReg || !isWithin(name, r.dir) || name == r.dir {
		return fmt.Errorf("/%s is neither a file nor a directory, but an entry of type %q", name, header.Typeflag)
	}
	return r.readFile(name, header.Size, content)
}

// addParents records the parent directories of a path, because not every layer has entries for
// them.
func (r *reader) addParents(name string) {
	for ; name != "."; name = path.Dir(name) {
		if _, known := r.seen[name]; known {
			return
		}
		r.seen[name] = false
	}
}

// hidePath hides a path from lower layers, if it matters.
func (r *reader) hidePath(name string) {
	if isWithin(name, r.dir) || isWithin(r.dir, name) {
		r.next = append(r.next, name)
	}
}

// isWithin reports whether name is dir or below it.
func isWithin(name, dir string) bool {
	return name == dir || dir == "." || strings.HasPrefix(name, dir+"/")
}

func (r *reader) readFile(name string, size int64, content io.Reader) error {
	r.files++
	r.bytes += size
	switch {
	case size > r.limits.FileSize:
		return newLimitError("bytes in /"+name, r.limits.FileSize)
	case r.files > r.limits.Files:
		return newLimitError("files in /"+r.dir, int64(r.limits.Files))
	case r.bytes > r.limits.TotalSize:
		return newLimitError("bytes in /"+r.dir, r.limits.TotalSize)
	}
	data := bytes.NewBuffer(make([]byte, 0, size))
	if _, err := io.CopyN(data, content, size); err != nil {
		return fmt.Errorf("read /%s: %w", name, err)
	}
	return r.fn(strings.TrimPrefix(name, r.dir+"/"), data.Bytes())
}
