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

// LayerStore stores the caller's layers and seals them into the OCI image that a build merges over
// the base. It is an OCI layout on disk.
type LayerStore struct {
	store content.Store
	// created counts the layers created so far.
	created int
	layers  []ocispec.Descriptor
	config  ocispec.Image
}

// NewLayerStore creates a store in dir, which the caller removes.
func NewLayerStore(dir string) (*LayerStore, error) {
	silence()
	store, err := local.NewStore(dir)
	if err != nil {
		return nil, fmt.Errorf("create layer store: %w", err)
	}
	// BuildKit requires a platform in every configuration. Any platform works, because the layers
	// contain no programs: one image serves all platforms.
	config := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}
	config.RootFS.Type = "layers"
	return &LayerStore{store: store, config: config}, nil
}

// LayerWriter stores one gzip-compressed layer. Several writers may be open at once.
type LayerWriter struct {
	store *LayerStore
	w     content.Writer
	n     int64
}

// Create starts a layer. The caller must commit or close it.
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

// Commit adds the layer on top of those committed before. It trusts diffID, the digest of the
// uncompressed tar, and computes the digest of the blob.
func (l *LayerWriter) Commit(ctx context.Context, diffID digest.Digest) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: l.w.Digest(), Size: l.n}
	if err := l.w.Commit(ctx, desc.Size, desc.Digest); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("commit layer: %w", err)
	}
	l.store.layers = append(l.store.layers, desc)
	l.store.config.RootFS.DiffIDs = append(l.store.config.RootFS.DiffIDs, diffID)
	return desc, nil
}

// Close discards the layer unless it was committed.
func (l *LayerWriter) Close() error { return l.w.Close() }

// Add stores the gzip-compressed layer that write produces. It trusts the digest of the
// uncompressed tar that write returns, and computes the digest of the blob.
func (s *LayerStore) Add(
	ctx context.Context,
	write func(io.Writer) (diffID digest.Digest, err error),
) (ocispec.Descriptor, error) {
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

// Seal returns the committed layers as one image. Layers added later belong to the next image.
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
