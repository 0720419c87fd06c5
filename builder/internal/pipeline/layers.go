// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"fmt"
	"strings"

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
const manifestLayers = 1

// content describes the layers written for the workspaces.
type content struct {
	// layers are the layers of the release, lowest first.
	layers []release.ContentLayer
	// files and bytes count the content of the layers.
	files int
	bytes int64
}

// layerSet writes the files of every workspace to the layer of that workspace. All layers stay open
// until the source has been read.
type layerSet struct {
	store *engine.LayerStore
	opts  layer.Options
	// assign returns the slugs of each layer. It is called when the first file arrives.
	assign func() ([][]string, error)

	layers []*layerFile
	// bySlug maps each workspace to its layer.
	bySlug map[string]*layerFile
}

// layerFile is a layer being written.
type layerFile struct {
	slugs  []string
	blob   *engine.LayerWriter
	writer *layer.Writer
}

// add writes one file to the layer of its workspace.
func (s *layerSet) add(ctx context.Context, f source.File) error {
	if s.layers == nil {
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	slug, _, _ := strings.Cut(f.Path, "/")
	file, ok := s.bySlug[slug]
	if !ok {
		return &Error{Internal, fmt.Errorf("file %s belongs to a workspace that was not listed", f.Path)}
	}
	return fail(Engine, file.writer.Add(f.Path, f.Data))
}

// start opens all layers. Unless the workspaces of the base are kept, the lowest layer hides them.
func (s *layerSet) start(ctx context.Context) error {
	assigned, err := s.assign()
	if err != nil {
		return err
	}
	s.bySlug = map[string]*layerFile{}
	for _, slugs := range assigned {
		opts := s.opts
		opts.Keep = opts.Keep || len(s.layers) > 0
		blob, err := s.store.Create(ctx)
		if err != nil {
			return fail(Engine, err)
		}
		file := &layerFile{slugs: slugs, blob: blob}
		s.layers = append(s.layers, file)
		if file.writer, err = layer.NewWriter(blob, opts); err != nil {
			return fail(Engine, err)
		}
		for _, slug := range slugs {
			s.bySlug[slug] = file
		}
	}
	return nil
}

// commit completes the layers and adds them to the store. The caller closes the set.
func (s *layerSet) commit(ctx context.Context) (content, error) {
	if s.layers == nil {
		if err := s.start(ctx); err != nil {
			return content{}, err
		}
	}
	var c content
	for _, file := range s.layers {
		written, err := file.writer.Close()
		file.writer = nil
		if err != nil {
			return content{}, fail(Engine, err)
		}
		stored, err := file.blob.Commit(ctx, written.DiffID)
		if err != nil {
			return content{}, fail(Engine, err)
		}
		if stored.Digest != written.Digest {
			err := fmt.Errorf("the layer was written as %s and stored as %s", written.Digest, stored.Digest)
			return content{}, &Error{Internal, err}
		}
		c.layers = append(c.layers, release.ContentLayer{
			Layer:      release.Layer{Digest: written.Digest, DiffID: written.DiffID, Size: written.Size},
			Workspaces: file.slugs,
		})
		c.files += written.Files
		c.bytes += written.Bytes
	}
	return c, nil
}

// close releases everything that is still open. It may be called after an error.
func (s *layerSet) close() {
	for _, file := range s.layers {
		if file.writer != nil {
			file.writer.Close() //nolint:errcheck // the layer is given up; this ends its goroutines
		}
		file.blob.Close() //nolint:errcheck // the directory of the store is removed
	}
}

// openLayers returns the set of layers for the source.
func (b *build) openLayers(ctx context.Context, tree *source.Tree) *layerSet {
	return &layerSet{
		store: b.store,
		opts: layer.Options{
			Directory: b.Repository.Directory, Parents: b.Base == "", Keep: b.KeepBaseWorkspaces,
			Compressor: layer.NewCompressor(),
		},
		assign: func() ([][]string, error) { return b.splitWorkspaces(ctx, tree.Slugs()) },
	}
}

// splitWorkspaces assigns the workspaces to layers. If there are several layers, it waits for the
// base, because the number of layers in an image is limited.
func (b *build) splitWorkspaces(ctx context.Context, slugs []string) ([][]string, error) {
	assigned := layer.Split(slugs, layer.MaxLayers)
	if b.Base == "" || len(assigned) == 1 {
		return assigned, nil
	}
	select {
	case <-b.baseResolved:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return layer.Split(slugs, maxImageLayers-b.baseLayers()-manifestLayers), nil
}

// notifyLayers notifies the user if the layers of the base leave too little room for the release.
func (b *build) notifyLayers(written content) {
	if b.base == nil {
		return
	}
	var slugs []string
	for _, l := range written.layers {
		slugs = append(slugs, l.Workspaces...)
	}
	below := b.baseLayers()
	wanted := len(layer.Split(slugs, layer.MaxLayers))
	got := len(written.layers)
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

// baseLayers returns the number of layers of the base, for the platform with the most layers.
func (b *build) baseLayers() int {
	n := 0
	for _, m := range b.base.Manifests {
		n = max(n, len(m.Manifest.Layers))
	}
	return n
}

// notify sends a note to the user, if there is a listener.
func (b *build) notify(note string) {
	if b.Input.Source.Notify != nil {
		b.Input.Source.Notify(note)
	}
}

// readLayers reads the source once for both the checks and the layers.
func (b *build) readLayers(ctx context.Context) (*Reading, content, error) {
	var layers *layerSet
	reading, err := b.stages.read(ctx, b.Input, b.Checks, func(tree *source.Tree) ([]sink, error) {
		if err := b.setEpoch(tree); err != nil {
			return nil, err
		}
		layers = b.openLayers(ctx, tree)
		sinks := []sink{func(f source.File) error { return layers.add(ctx, f) }}
		if b.Attest.SBOM {
			sinks = append(sinks, func(f source.File) error { b.inventory.Add(f.Path, f.Data); return nil })
		}
		return sinks, nil
	})
	if layers != nil {
		defer layers.close()
	}
	if err != nil {
		return reading, content{}, fail(Engine, err)
	}
	written, err := layers.commit(ctx)
	return reading, written, err
}

// names describes the content of each layer, for the history of the image.
func (c content) names(directory string) []string {
	var names []string
	for i := range c.layers {
		name := "workspaces in " + directory
		if len(c.layers) > 1 {
			name += fmt.Sprintf(" (%d of %d)", i+1, len(c.layers))
		}
		names = append(names, name)
	}
	return names
}
