// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/cache"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// maxImageLayers is the maximum number of layers that container runtimes accept in an image: Docker
// refuses more than 125, and overlayfs mounts at most 127 directories.
const maxImageLayers = 125

// manifestLayers is the number of layers that hold the release manifest.
const manifestLayers = 2

// writtenLayers describes the layers that hold the workspaces.
type writtenLayers struct {
	// list has the layers of the release, lowest first.
	list []release.ContentLayer
	// files and bytes count the content of the layers.
	files int
	bytes int64
	// fresh are the layers that the cache lacks.
	fresh []freshLayer
}

// freshLayer is a layer for the cache.
type freshLayer struct {
	key   cache.Key
	layer *cache.Layer
}

// layerSet writes the files of every workspace to the layer of that workspace. All layers stay open
// until the source has been read.
type layerSet struct {
	store *engine.LayerStore
	opts  layer.Options
	// cache has the layers of earlier builds; it may be nil.
	cache *cache.Cache
	// notify receives problems of the cache.
	notify func(string)
	// assign returns the slugs of each layer.
	assign func(slugs []string) ([][]string, error)

	layers []*layerFile
	// bySlug maps each workspace to its layer.
	bySlug map[string]*layerFile
}

// add writes one file to the layer of its workspace.
func (s *layerSet) add(f source.File) error {
	slug, _, _ := strings.Cut(f.Path, "/")
	file, ok := s.bySlug[slug]
	if !ok {
		return &Error{Internal, fmt.Errorf("file %s belongs to a workspace that was not listed", f.Path)}
	}
	return fail(Engine, file.add(s.store, f, s.cache != nil))
}

// start opens all layers. Unless the workspaces of the base are kept, the lowest layer hides them.
func (s *layerSet) start(all source.Listing) error {
	assigned, err := s.assign(all.Slugs)
	if err != nil {
		return err
	}
	s.bySlug = map[string]*layerFile{}
	for _, slugs := range assigned {
		opts := s.opts
		opts.Keep = opts.Keep || len(s.layers) > 0
		file := &layerFile{slugs: slugs, opts: opts}
		s.layers = append(s.layers, file)
		if err := file.start(s.store, s.cache, s.notify); err != nil {
			return fail(Engine, err)
		}
		for _, slug := range slugs {
			s.bySlug[slug] = file
		}
	}
	return nil
}

// commit completes the layers and adds them to the store. The caller closes the set.
func (s *layerSet) commit() (writtenLayers, error) {
	var all writtenLayers
	for _, file := range s.layers {
		written, err := file.commit(s.store)
		if err != nil {
			return writtenLayers{}, fail(Engine, err)
		}
		if s.cache != nil && file.cached == nil {
			all.fresh = append(all.fresh, freshLayer{file.key, &cache.Layer{Layer: written, Files: file.files}})
		}
		all.list = append(all.list, release.ContentLayer{
			Layer:      release.Layer{Digest: written.Digest, DiffID: written.DiffID, Size: written.Size},
			Workspaces: file.slugs,
		})
		all.files += written.Files
		all.bytes += written.Bytes
	}
	return all, nil
}

// close releases everything that is still open. It may be called after an error.
func (s *layerSet) close() {
	for _, file := range s.layers {
		file.close()
	}
}

// newLayers returns the layers for the files of a source. resolve returns the base.
func (b *builder) newLayers(resolve func() (*baseImage, error)) *layerSet {
	return &layerSet{
		store:  b.store,
		cache:  b.layerCache(),
		notify: b.notify,
		opts: layer.Options{
			Directory:  b.opts.Repository.Directory,
			Parents:    b.opts.BaseRef == "",
			Keep:       b.opts.KeepBaseWorkspaces,
			Compressor: layer.NewCompressor(b.opts.Compression),
		},
		assign: func(slugs []string) ([][]string, error) { return splitWorkspaces(slugs, resolve) },
	}
}

// layerCache returns the cache of the layers, or nil if there is none.
func (b *builder) layerCache() *cache.Cache {
	if b.opts.Cache.HoldsLayers() {
		return b.opts.Cache
	}
	return nil
}

// splitWorkspaces assigns the workspaces to layers. If there are several layers, it waits for the
// base, because the number of layers in an image is limited.
func splitWorkspaces(slugs []string, resolve func() (*baseImage, error)) ([][]string, error) {
	assigned := layer.Split(slugs, layer.MaxLayers)
	if len(assigned) == 1 {
		return assigned, nil
	}
	base, err := resolve()
	if err != nil {
		return nil, err
	}
	if base.isScratch() {
		return assigned, nil
	}
	return layer.Split(slugs, maxImageLayers-base.layers()-manifestLayers), nil
}

// keepLayers adds the compressed layers to the cache, if there is one. It is called once the checks
// have passed: a file with a secret must not get into a cache. Problems are reported, and do not
// fail the build.
func (b *builder) keepLayers(written writtenLayers) {
	if !b.opts.Cache.HoldsLayers() {
		return
	}
	err := b.storeLayers(written.fresh)
	if err == nil {
		err = b.opts.Cache.Trim()
	}
	if err != nil {
		b.notify(fmt.Sprintf("the layers are not kept for the next build: %v", err))
	}
}

func (b *builder) storeLayers(fresh []freshLayer) error {
	for _, l := range fresh {
		blob, err := b.store.Open(l.layer.Layer.Digest)
		if err != nil {
			return err
		}
		if err := errors.Join(b.opts.Cache.Store(l.key, l.layer, blob), blob.Close()); err != nil {
			return err
		}
	}
	return nil
}

// notify sends a note to the user, if there is a listener.
func (b *builder) notify(note string) {
	if b.opts.Input.Source.Notify != nil {
		b.opts.Input.Source.Notify(note)
	}
}

// notifyLayers notifies the user if the layers of the base leave too little room for the release.
func (b *builder) notifyLayers(base *baseImage, written writtenLayers) {
	if base.isScratch() {
		return
	}
	var slugs []string
	for _, l := range written.list {
		slugs = append(slugs, l.Workspaces...)
	}
	below := base.layers()
	wanted := len(layer.Split(slugs, layer.MaxLayers))
	got := len(written.list)
	switch {
	case below+got+manifestLayers > maxImageLayers:
		b.notify(fmt.Sprintf("the base has %d layers: with those of the release, the image has more than the %d layers "+
			"that container runtimes take", below, maxImageLayers))
	case got < wanted:
		b.notify(fmt.Sprintf("the base has %d layers, so that the workspaces are in %s instead of %d: "+
			"container runtimes take %d layers; with fewer layers, more of a release is sent again after a change",
			below, terminal.Plural(got, "layer"), wanted, maxImageLayers))
	}
}

// describe returns the content of each layer in words, for the history of the image.
func (w writtenLayers) describe(directory string) []string {
	var names []string
	for i := range w.list {
		name := "workspaces in " + directory
		if len(w.list) > 1 {
			name += fmt.Sprintf(" (%d of %d)", i+1, len(w.list))
		}
		names = append(names, name)
	}
	return names
}
