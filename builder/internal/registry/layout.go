// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// LayoutScheme is the prefix of an image in an OCI layout, as for buildx.
const LayoutScheme = "oci-layout://"

// maxEntries bounds the entries of a tar file.
const maxEntries = 100_000

// ErrSeveralImages reports that a layout has several images and none was selected.
var ErrSeveralImages = errors.New("it holds several images: name one as PATH:TAG or PATH@DIGEST")

// OpenLayout reads an image from PATH[:TAG][@DIGEST]. PATH is a directory or a tar
// file with an OCI layout in it: the outputs of type oci and, since BuildKit writes
// a layout there too, of type docker. Without tag and digest it must hold one image.
func OpenLayout(ctx context.Context, name string) (*Image, error) {
	img, err := openLayout(ctx, name)
	if err == nil {
		return img, nil
	}
	return nil, explainLayout(LayoutScheme+name, err)
}

// openLayout closes all files if it fails.
func openLayout(ctx context.Context, name string) (*Image, error) {
	file, tag, want := splitLayoutName(name)
	l, err := openContent(file)
	if err != nil {
		return nil, err
	}
	img := &Image{Name: LayoutScheme + name, content: l, explain: explainLayout}
	if img.Descriptor, err = l.findImage(tag, want); err == nil {
		err = img.loadManifests(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return img, nil
}

// explainLayout converts an error about a local file.
func explainLayout(ref string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	kind := Invalid
	if errors.Is(err, fs.ErrNotExist) {
		kind = NotFound
	}
	return &Error{Kind: kind, Ref: ref, Err: err}
}

// splitLayoutName splits off tag and digest, unless a file with the whole name exists.
func splitLayoutName(name string) (file, tag string, want digest.Digest) {
	if _, err := os.Stat(name); err == nil {
		return name, "", ""
	}
	file = name
	if before, after, ok := cutLast(file, "@"); ok && digest.Digest(after).Validate() == nil {
		file = before
		want = digest.Digest(after)
	}
	if before, after, ok := cutLast(file, ":"); ok && !strings.Contains(after, "/") {
		file = before
		tag = after
	}
	return file, tag, want
}

// cutLast is strings.Cut for the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// layout is an OCI layout in a directory or tar file.
type layout struct {
	open  func(name string) (io.ReadCloser, error)
	close func() error
}

// Fetch implements content.
func (l layout) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	return l.open(path.Join("blobs", desc.Digest.Algorithm().String(), desc.Digest.Encoded()))
}

// Close implements content.
func (l layout) Close() error { return l.close() }

// openContent opens a directory or a tar file.
func openContent(file string) (layout, error) {
	info, err := os.Stat(file)
	if err != nil {
		return layout{}, err
	}
	if info.IsDir() {
		return openDirectory(file)
	}
	return openTar(file)
}

// openDirectory reads through an [os.Root], because a layout may come from anywhere. It refuses
// files that are not regular: opening a FIFO would block.
func openDirectory(dir string) (layout, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return layout{}, err
	}
	open := func(name string) (io.ReadCloser, error) {
		info, err := root.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", name)
		}
		return root.Open(name)
	}
	return layout{open: open, close: root.Close}, nil
}

// openTar indexes a tar file. Blobs are read in place.
func openTar(file string) (layout, error) {
	f, err := os.Open(file)
	if err != nil {
		return layout{}, err
	}
	entries, err := indexTar(f)
	if err != nil {
		return layout{}, errors.Join(fmt.Errorf("read %s as a tar file: %w", file, err), f.Close())
	}
	open := func(name string) (io.ReadCloser, error) {
		e, ok := entries[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return io.NopCloser(io.NewSectionReader(f, e.offset, e.size)), nil
	}
	return layout{open: open, close: f.Close}, nil
}

type section struct{ offset, size int64 }

// indexTar returns the positions of the files in a tar. As in unpacking, the last of several files
// with the same name wins.
func indexTar(f io.ReadSeeker) (map[string]section, error) {
	entries := map[string]section{}
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if len(entries) == maxEntries {
			return nil, &limit.Error{Subject: "the archive", Unit: "entries", Max: maxEntries}
		}
		// archive/tar does not read ahead, so the content starts at the file position.
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if header.Typeflag == tar.TypeReg {
			entries[path.Clean(header.Name)] = section{offset, header.Size}
		}
	}
}

// findImage returns the image with the tag and digest, if given.
func (l layout) findImage(tag string, want digest.Digest) (ocispec.Descriptor, error) {
	index, err := l.readIndex()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	found := map[digest.Digest]ocispec.Descriptor{}
	for _, desc := range index.Manifests {
		if (tag == "" || isTagged(desc, tag)) && (want == "" || desc.Digest == want) {
			found[desc.Digest] = desc
		}
	}
	if len(found) > 1 {
		return ocispec.Descriptor{}, ErrSeveralImages
	}
	for _, desc := range found {
		return desc, nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("no such image in the layout's index.json: %w", fs.ErrNotExist)
}

// readIndex reads the index of the layout.
func (l layout) readIndex() (ocispec.Index, error) {
	var index ocispec.Index
	r, err := l.open(ocispec.ImageIndexFile)
	if err != nil {
		return index, fmt.Errorf("not an OCI layout: %w", err)
	}
	defer r.Close()
	data, err := limit.ReadAll(r, ocispec.ImageIndexFile, MaxDocument)
	if err != nil {
		return index, fmt.Errorf("read the layout: %w", err)
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return index, fmt.Errorf("decode index.json: %w", err)
	}
	return index, nil
}

// isTagged checks both annotations for names in a layout: the standard tag, and containerd's full
// reference.
func isTagged(desc ocispec.Descriptor, tag string) bool {
	full := desc.Annotations["io.containerd.image.name"]
	return desc.Annotations[ocispec.AnnotationRefName] == tag || strings.HasSuffix(full, ":"+tag)
}
