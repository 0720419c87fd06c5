// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LayerStore stores the caller's layers and seals them into the OCI image that a build merges over
// the base. It is an OCI layout on disk.
//
// The store writes the blobs of the layout itself and leaves reading to containerd. containerd's
// writer would sync every blob and its directory to the disk, but the store does not outlive the
// build.
type LayerStore struct {
	// blobs is the directory of the blobs, each named by the hexadecimal SHA-256 of its content.
	blobs  string
	store  content.Store
	layers []ocispec.Descriptor
	config ocispec.Image
}

// NewLayerStore creates a store in dir, which the caller removes.
func NewLayerStore(dir string) (*LayerStore, error) {
	silenceLogrus()
	blobs := filepath.Join(dir, ocispec.ImageBlobsDir, digest.SHA256.String())
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		return nil, fmt.Errorf("create layer store: %w", err)
	}
	store, err := local.NewStore(dir)
	if err != nil {
		return nil, fmt.Errorf("create layer store: %w", err)
	}
	// BuildKit requires a platform in every configuration. Any platform works, because the layers
	// contain no programs: one image serves all platforms.
	config := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}
	config.RootFS.Type = "layers"
	return &LayerStore{blobs: blobs, store: store, config: config}, nil
}

// LayerWriter stores one compressed layer. Several writers may be open at once.
type LayerWriter struct {
	store *LayerStore
	// file is nil once the layer is committed or closed.
	file *os.File
}

// Create starts a layer. The caller must commit or close it.
func (s *LayerStore) Create() (*LayerWriter, error) {
	file, err := os.CreateTemp(s.blobs, ".layer-")
	if err != nil {
		return nil, fmt.Errorf("create layer: %w", err)
	}
	return &LayerWriter{store: s, file: file}, nil
}

// Write implements [io.Writer].
func (l *LayerWriter) Write(p []byte) (int, error) { return l.file.Write(p) }

// Reader returns a reader of what has been written so far.
func (l *LayerWriter) Reader() io.Reader { return io.NewSectionReader(l.file, 0, 1<<62) }

// Commit adds the layer on top of those committed before. It trusts the descriptor of the blob and
// diffID, the digest of the uncompressed tar. BuildKit checks the digest of the blob when it reads
// the blob.
func (l *LayerWriter) Commit(desc ocispec.Descriptor, diffID digest.Digest) error {
	file := l.file
	l.file = nil
	err := file.Close()
	if err == nil {
		err = os.Rename(file.Name(), l.store.blobPath(desc.Digest))
	}
	if err != nil {
		return fmt.Errorf("commit layer: %w", err)
	}
	l.store.layers = append(l.store.layers, desc)
	l.store.config.RootFS.DiffIDs = append(l.store.config.RootFS.DiffIDs, diffID)
	return nil
}

// Close discards the layer unless it was committed. The file goes with the directory of the store.
func (l *LayerWriter) Close() error {
	if l.file == nil {
		return nil
	}
	file := l.file
	l.file = nil
	return file.Close()
}

// Open opens the blob of a committed layer.
func (s *LayerStore) Open(d digest.Digest) (io.ReadCloser, error) { return os.Open(s.blobPath(d)) }

// blobPath returns the file of a blob.
func (s *LayerStore) blobPath(d digest.Digest) string { return filepath.Join(s.blobs, d.Encoded()) }

// Add stores the gzip-compressed layer that write produces. It trusts the digest of the
// uncompressed tar that write returns, and computes the digest of the blob.
func (s *LayerStore) Add(write func(io.Writer) (diffID digest.Digest, err error)) (ocispec.Descriptor, error) {
	l, err := s.Create()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer l.Close()
	hash := digest.SHA256.Hash()
	diffID, err := write(io.MultiWriter(l, hash))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	size, err := l.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("measure layer: %w", err)
	}
	desc := ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.NewDigest(digest.SHA256, hash), Size: size,
	}
	return desc, l.Commit(desc, diffID)
}

// Seal returns the committed layers as one image. Layers added later belong to the next image.
func (s *LayerStore) Seal() (Layers, error) {
	config, err := s.putJSON(ocispec.MediaTypeImageConfig, s.config)
	if err != nil {
		return Layers{}, err
	}
	manifest, err := s.putJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
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

func (s *LayerStore) putJSON(mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode %s: %w", mediaType, err)
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if err := os.WriteFile(s.blobPath(desc.Digest), data, 0o600); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("store %s: %w", mediaType, err)
	}
	return desc, nil
}
