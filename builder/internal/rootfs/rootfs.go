// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rootfs reads the files of one directory of an image out of its layers, as they
// would be after unpacking, and unpacks nothing (OCI image specification, "Applying
// Changesets"). Layers are read from the top, and only as far as they can matter.
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
)

const (
	whiteoutPrefix = ".wh."
	opaqueWhiteout = ".wh..wh..opq"
)

// Limits bound what is read.
type Limits struct {
	// FileSize and TotalSize are in bytes, Files is the number of files of the directory.
	FileSize, TotalSize int64
	Files               int
	// Unpacked is the size of all layers together, in bytes.
	Unpacked int64
}

// LimitError says that an image holds more than a limit.
type LimitError struct {
	What  string
	Limit int64
}

func (e *LimitError) Error() string { return fmt.Sprintf("%s: more than %d", e.What, e.Limit) }

// Layer opens the compressed bytes of a layer.
type Layer func() (io.ReadCloser, error)

// Read calls fn for every file below dir, an absolute path, in no particular order and
// with its path relative to dir. Layers come from the bottom, as in a manifest. Anything
// in dir that is neither a file nor a directory is an error, as what it stands for may be
// elsewhere in the image, and so is a file that one layer has twice.
func Read(layers []Layer, dir string, limits Limits, fn func(name string, data []byte) error) error {
	r := &reader{
		dir:    strings.Trim(path.Clean(dir), "/"),
		limits: limits,
		fn:     fn,
		seen:   map[string]bool{},
		hidden: map[string]bool{},
	}
	for i := len(layers) - 1; i >= 0 && !r.done; i-- {
		if err := r.layer(layers[i]); err != nil {
			return fmt.Errorf("layer %d of %d: %w", i+1, len(layers), err)
		}
	}
	return nil
}

// reader is one run of [Read].
type reader struct {
	dir    string
	limits Limits
	fn     func(string, []byte) error

	// seen holds the paths of upper layers, directories among them as false; hidden the
	// paths below which lower layers count for nothing.
	seen, hidden map[string]bool
	// next are the paths that this layer hides from the lower ones, here the files that it has.
	next  []string
	here  map[string]bool
	done  bool
	files int
	bytes int64
	read  int64
}

func (r *reader) layer(open Layer) (err error) {
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
	counted := &layer.Bounded{R: plain, Left: r.limits.Unpacked - r.read}
	archive := tar.NewReader(counted)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			r.read = r.limits.Unpacked - counted.Left
			return r.end(blob)
		}
		if err == nil {
			err = r.entry(header, archive)
		}
		switch {
		case counted.Left < 0:
			return &LimitError{"bytes in the layers", r.limits.Unpacked}
		case err != nil:
			return err
		}
	}
}

// end makes what this layer hides count for the layers below, and reads the rest of the
// blob, at whose end its digest is verified.
func (r *reader) end(blob io.Reader) error {
	for _, name := range r.next {
		r.hidden[name] = true
	}
	r.next = nil
	r.done = r.covered(r.dir)
	_, err := io.Copy(io.Discard, blob)
	return err
}

// covered reports whether upper layers hide a path, itself or with one of its parents.
func (r *reader) covered(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if r.hidden[name] {
			return true
		}
	}
	return r.hidden["."]
}

// entry looks at one entry of a layer. Only what is in the directory, or above it, matters.
func (r *reader) entry(header *tar.Header, content io.Reader) error {
	name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
	parent, base := path.Dir(name), path.Base(name)
	switch {
	case base == opaqueWhiteout:
		r.hide(parent)
		return nil
	case strings.HasPrefix(base, whiteoutPrefix):
		r.hide(path.Join(parent, strings.TrimPrefix(base, whiteoutPrefix)))
		return nil
	case !within(name, r.dir) && !within(r.dir, name) || r.covered(name):
		return nil
	}
	r.parents(parent)
	file, upper := r.seen[name]
	isDirectory := header.Typeflag == tar.TypeDir
	switch {
	case r.here[name]: // which of them counts depends on who unpacks
		return fmt.Errorf("/%s is there twice", name)
	case upper && (file || !isDirectory): // of two, the upper one counts
		return nil
	case isDirectory:
		r.seen[name] = false
		return nil
	}
	r.seen[name], r.here[name] = true, true
	r.hide(name) // a directory below a file of the same name is gone
	if header.Typeflag != tar.TypeReg || !within(name, r.dir) || name == r.dir {
		return fmt.Errorf("/%s is neither a file nor a directory, but an entry of type %q", name, header.Typeflag)
	}
	return r.file(name, header.Size, content)
}

// parents notes the directories that a path is in: not every layer has entries for them.
func (r *reader) parents(name string) {
	for ; name != "."; name = path.Dir(name) {
		if _, known := r.seen[name]; known {
			return
		}
		r.seen[name] = false
	}
}

// hide hides a path from the layers below this one, if it matters.
func (r *reader) hide(name string) {
	if within(name, r.dir) || within(r.dir, name) {
		r.next = append(r.next, name)
	}
}

// within reports whether name is dir, or below it.
func within(name, dir string) bool {
	return name == dir || dir == "." || strings.HasPrefix(name, dir+"/")
}

func (r *reader) file(name string, size int64, content io.Reader) error {
	r.files++
	r.bytes += size
	switch {
	case size > r.limits.FileSize:
		return &LimitError{"bytes in /" + name, r.limits.FileSize}
	case r.files > r.limits.Files:
		return &LimitError{"files in /" + r.dir, int64(r.limits.Files)}
	case r.bytes > r.limits.TotalSize:
		return &LimitError{"bytes in /" + r.dir, r.limits.TotalSize}
	}
	data := bytes.NewBuffer(make([]byte, 0, size))
	if _, err := io.CopyN(data, content, size); err != nil {
		return fmt.Errorf("read /%s: %w", name, err)
	}
	return r.fn(strings.TrimPrefix(name, r.dir+"/"), data.Bytes())
}
