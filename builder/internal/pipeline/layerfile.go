// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/cache"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// layerFile is a layer being written. If a layer of an earlier build is in the cache, the file has a
// copy of it. As long as the files of the source are those of the cached layer, nothing is written;
// with the first difference, the files until there are taken from the copy and compressed again.
type layerFile struct {
	slugs []string
	opts  layer.Options
	blob  *engine.LayerWriter
	// writer is nil while the layer is the cached one.
	writer *layer.Writer
	// cached describes the layer in blob; nil if there is none, or the source differs from it.
	cached *cache.Layer
	// key is the place of the layer in the cache.
	key cache.Key
	// files are the files so far; nil without a cache.
	files []cache.File
}

// start opens the layer. A cached layer that cannot be used is reported, and then ignored.
func (f *layerFile) start(store *engine.LayerStore, layers *cache.Cache, notify func(string)) (err error) {
	if f.blob, err = store.Create(); err != nil {
		return err
	}
	if layers == nil {
		return f.startWriter()
	}
	if f.key, err = cache.NewKey(f.opts, f.slugs); err != nil {
		return err
	}
	cached, err := layers.Load(f.key, f.blob)
	if err != nil {
		notify(fmt.Sprintf("%v: the layer is compressed again", err))
		f.blob.Close() // the directory of the store is removed
		if f.blob, err = store.Create(); err != nil {
			return err
		}
	}
	if f.cached = cached; cached != nil {
		return nil
	}
	return f.startWriter()
}

func (f *layerFile) startWriter() (err error) {
	f.writer, err = layer.NewWriter(f.blob, f.opts)
	return err
}

// add adds the next file of the source.
func (f *layerFile) add(store *engine.LayerStore, file source.File, recording bool) error {
	if recording {
		sum := digest.NewDigestFromBytes(digest.SHA256, file.Sum[:])
		next := cache.File{Path: file.Path, Size: int64(len(file.Data)), Sum: sum}
		n := len(f.files)
		if f.cached != nil && (n == len(f.cached.Files) || f.cached.Files[n] != next) {
			if err := f.leaveCached(store); err != nil {
				return err
			}
		}
		f.files = append(f.files, next)
	}
	if f.cached != nil {
		return nil
	}
	return f.writer.Add(file.Path, file.Data)
}

// errEnough ends the walk over a cached layer.
var errEnough = errors.New("all files have been copied")

// leaveCached starts a new layer with the files so far. Each is compared with the digest of the file
// in the source.
func (f *layerFile) leaveCached(store *engine.LayerStore) (err error) {
	copied := f.blob
	unpacked := f.cached.Layer.Unpacked
	f.cached = nil
	defer func() { err = errors.Join(err, copied.Close()) }()
	if f.blob, err = store.Create(); err != nil {
		return err
	}
	if err := f.startWriter(); err != nil {
		return err
	}
	left := f.files
	prefix := strings.TrimPrefix(f.opts.Directory, "/") + "/"
	_, err = layer.Walk(copied.Reader(), unpacked, func(h *tar.Header, r io.Reader) error {
		switch {
		case len(left) == 0:
			return errEnough
		case h.Typeflag != tar.TypeReg || layer.IsWhiteout(h.Name):
			return nil
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if h.Name != prefix+left[0].Path || digest.FromBytes(data) != left[0].Sum {
			return fmt.Errorf("the cached layer has another %s than the source: delete the cache", left[0].Path)
		}
		err = f.writer.Add(left[0].Path, data)
		left = left[1:]
		return err
	})
	if err == nil && len(left) > 0 {
		return fmt.Errorf("the cached layer lacks %s: delete the cache", left[0].Path)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// commit completes the layer and adds it to the store.
func (f *layerFile) commit(store *engine.LayerStore) (layer.Layer, error) {
	if f.cached != nil && len(f.files) < len(f.cached.Files) {
		if err := f.leaveCached(store); err != nil {
			return layer.Layer{}, err
		}
	}
	if f.cached != nil {
		return f.cached.Layer, f.blob.Commit(f.cached.Layer.Descriptor(), f.cached.Layer.DiffID)
	}
	written, err := f.writer.Close()
	f.writer = nil
	if err != nil {
		return layer.Layer{}, err
	}
	return written, f.blob.Commit(written.Descriptor(), written.DiffID)
}

// close releases what is still open. It may be called after an error.
func (f *layerFile) close() {
	if f.writer != nil {
		f.writer.Close() // the layer is given up; this ends its goroutines
	}
	if f.blob != nil {
		f.blob.Close() // the directory of the store is removed
	}
}
