// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LayerStore takes the caller's layers and makes them the OCI image that a build
// merges over the base. It is an OCI layout on disk.
type LayerStore struct {
	store content.Store
	// created counts the layers that were started.
	created int
	layers  []ocispec.Descriptor
	config  ocispec.Image
}

// NewLayerStore makes a store below dir, which the caller removes.
func NewLayerStore(dir string) (*LayerStore, error) {
	silence()
	store, err := local.NewStore(dir)
	if err != nil {
		return nil, fmt.Errorf("create layer store: %w", err)
	}
	// BuildKit wants a platform in every configuration, and takes any: the layers
	// hold no programs, so that one image of them serves all platforms.
	config := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}
	config.RootFS.Type = "layers"
	return &LayerStore{store: store, config: config}, nil
}

// LayerWriter stores one gzip-compressed layer. Several may be open at once.
type LayerWriter struct {
	store *LayerStore
	w     content.Writer
	n     int64
}

// Create starts a layer. The caller commits it or closes it.
func (s *LayerStore) Create(ctx context.Context) (*LayerWriter, error) {
	w, err := content.OpenWriter(ctx, s.store, content.WithRef(fmt.Sprintf("layer-%d", s.created)))
	if err != nil {
		return nil, fmt.Errorf("create layer: %w", err)
	}
	s.created++
	return &LayerWriter{store: s, w: w}, nil
}

// Write implements [io.Writer].
func (l *LayerWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	l.n += int64(n)
	return n, err
}

// Commit adds the layer on top of the layers that were committed before. The digest of the
// tar within is trusted, the digest of the blob is computed.
func (l *LayerWriter) Commit(ctx context.Context, diffID digest.Digest) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: l.w.Digest(), Size: l.n}
	if err := l.w.Commit(ctx, desc.Size, desc.Digest); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("commit layer: %w", err)
	}
	l.store.layers = append(l.store.layers, desc)
	l.store.config.RootFS.DiffIDs = append(l.store.config.RootFS.DiffIDs, diffID)
	return desc, nil
}

// Close abandons a layer that is not committed.
func (l *LayerWriter) Close() error { return l.w.Close() }

// Add stores the gzip-compressed layer that write produces. What write returns
// is the digest of the tar within; it is trusted, the blob's digest is computed.
func (s *LayerStore) Add(ctx context.Context, write func(io.Writer) (diffID digest.Digest, err error)) (ocispec.Descriptor, error) {
	l, err := s.Create(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer l.Close()
	diffID, err := write(l)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return l.Commit(ctx, diffID)
}

// Seal returns the layers as one image. Layers that are added afterwards are another's.
func (s *LayerStore) Seal(ctx context.Context) (Layers, error) {
	config, err := s.putJSON(ctx, ocispec.MediaTypeImageConfig, s.config)
	if err != nil {
		return Layers{}, err
	}
	manifest, err := s.putJSON(ctx, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    config,
		Layers:    s.layers,
	})
	if err != nil {
		return Layers{}, err
	}
	s.layers, s.config.RootFS.DiffIDs = nil, nil
	return Layers{Store: s.store, Manifest: manifest.Digest}, nil
}

func (s *LayerStore) putJSON(ctx context.Context, mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode %s: %w", mediaType, err)
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if err := content.WriteBlob(ctx, s.store, desc.Digest.String(), bytes.NewReader(data), desc); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("store %s: %w", mediaType, err)
	}
	return desc, nil
}
