// SPDX-License-Identifier: AGPL-3.0-or-later

package cache

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/internal/version"
)

const (
	// maxLayers is the size of all cached layers, in bytes, above which the least recently used ones
	// are removed.
	maxLayers = 1 << 30
	// maxRecord is the maximum size of the encoded description of a layer, in bytes. A file takes
	// about 150 bytes.
	maxRecord = 64 << 20
	// abandoned is the age of a temporary file that no running build writes any more.
	abandoned = 24 * time.Hour

	layersDirectory = "layers"
	layersSuffix    = ".layer"
	// layersMagic starts the file of a layer. It is followed by the key, the length of the record, the
	// record in JSON, the seal of all of these, and the compressed layer.
	layersMagic = "workspaces-release layer 1\n"
	lengthSize  = 4
)

// errUnsealed is returned for a cache without a seal, which holds no layers.
var errUnsealed = errors.New("a cache without a key holds no layers")

// errDamaged is returned for a file that is not a layer with this key and seal.
var errDamaged = errors.New("it is damaged, or sealed with another key")

// Key identifies what a layer is for. A cache keeps the latest layer for each key.
type Key [sha256.Size]byte

// NewKey returns the key of a layer with the given options that holds the given workspaces. It
// depends on everything but the files that decides the bytes of the layer, which includes the
// builder with its compressor.
func NewKey(opts layer.Options, slugs []string) (Key, error) {
	data, err := json.Marshal(struct {
		Builder       version.Info
		Compressor    string
		Compression   string
		Directory     string
		Parents, Keep bool
		Workspaces    []string
	}{
		Builder:     version.Get(),
		Compressor:  version.Module("github.com/klauspost/compress"),
		Compression: opts.Compressor.Compression().String(),
		Directory:   opts.Directory,
		Parents:     opts.Parents,
		Keep:        opts.Keep,
		Workspaces:  slugs,
	})
	if err != nil {
		return Key{}, fmt.Errorf("encode the key of a layer: %w", err)
	}
	return sha256.Sum256(data), nil
}

// File is a file of a layer.
type File struct {
	// Path is relative to the directory of the layer.
	Path string `json:"path"`
	// Size is the number of bytes.
	Size int64 `json:"size"`
	// Sum is the digest of the content.
	Sum digest.Digest `json:"sum"`
}

// Layer describes a compressed layer and its files, in their order.
type Layer struct {
	Layer layer.Layer `json:"layer"`
	Files []File      `json:"files"`
}

// check returns an error if the description contradicts itself.
func (l *Layer) check() error {
	var bytes int64
	for _, f := range l.Files {
		bytes += f.Size
	}
	if l.Layer.Files != len(l.Files) || l.Layer.Bytes != bytes || l.Layer.Size < 0 {
		return errDamaged
	}
	return errors.Join(l.Layer.Digest.Validate(), l.Layer.DiffID.Validate())
}

// path returns the path of a layer in the cache directory.
func (k Key) path() string {
	return filepath.Join(layersDirectory, fmt.Sprintf("%x", k[:])+layersSuffix)
}

// Load writes the cached layer for a key to w and returns its description, or nil if there is none.
// The bytes are those that a holder of the seal stored. After an error, w may hold some bytes.
func (c *Cache) Load(key Key, w io.Writer) (*Layer, error) {
	if !c.HoldsLayers() {
		return nil, errUnsealed
	}
	name := filepath.Join(c.dir, key.path())
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	l, err := c.read(key, file, w)
	if err != nil {
		return nil, fmt.Errorf("cached layer %s: %w", name, err)
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // a cache that cannot be written to is used as it is
	return l, nil
}

func (c *Cache) read(key Key, r io.Reader, w io.Writer) (*Layer, error) {
	head := make([]byte, len(layersMagic)+len(key)+lengthSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, errDamaged
	}
	length := binary.BigEndian.Uint32(head[len(head)-lengthSize:])
	if !bytes.Equal(head[:len(head)-lengthSize], append([]byte(layersMagic), key[:]...)) || length > maxRecord {
		return nil, errDamaged
	}
	record := make([]byte, int(length)+sha256.Size)
	if _, err := io.ReadFull(r, record); err != nil {
		return nil, errDamaged
	}
	seal := record[length:]
	record = record[:length]
	if !hmac.Equal(seal, c.sum(head, record)) {
		return nil, errDamaged
	}
	l := new(Layer)
	if err := json.Unmarshal(record, l); err != nil {
		return nil, errDamaged
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(r, l.Layer.Size+1))
	if err != nil {
		return nil, err
	}
	if n != l.Layer.Size || digest.NewDigest(digest.SHA256, hash) != l.Layer.Digest {
		return nil, errDamaged
	}
	return l, nil
}

// sum returns the seal of a description, which has the digest of the layer.
func (c *Cache) sum(head, record []byte) []byte {
	mac := hmac.New(sha256.New, []byte(c.seal.Reveal()))
	mac.Write(head)
	mac.Write(record)
	return mac.Sum(nil)
}

// Store keeps a layer for a key, in place of the one before. blob reads the compressed layer.
func (c *Cache) Store(key Key, l *Layer, blob io.Reader) error {
	if !c.HoldsLayers() {
		return errUnsealed
	}
	record, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode the description of a layer: %w", err)
	}
	if len(record) > maxRecord || l.Layer.Size > c.room {
		return nil // too large to be worth its place
	}
	head := append([]byte(layersMagic), key[:]...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(record))) // at most maxRecord
	err = c.write(key.path(), func(f *os.File) error {
		for _, part := range [][]byte{head, record, c.sum(head, record)} {
			if _, err := f.Write(part); err != nil {
				return err
			}
		}
		_, err := io.Copy(f, blob)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep layer: %w", err)
	}
	return nil
}

// Trim removes the least recently used layers until all of them fit into 1 GiB, and temporary files
// that a build has left behind.
func (c *Cache) Trim() error {
	entries, err := os.ReadDir(filepath.Join(c.dir, layersDirectory))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var layers []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil || !info.Mode().IsRegular(): // another build may have removed it
		case filepath.Ext(e.Name()) == layersSuffix:
			layers = append(layers, info)
		case time.Since(info.ModTime()) > abandoned:
			c.remove(info)
		}
	}
	slices.SortFunc(layers, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	size := int64(0)
	for _, info := range layers {
		if size += info.Size(); size > c.room {
			c.remove(info)
		}
	}
	return nil
}

// remove removes a file that is not needed. Another build may have removed it already, and what
// cannot be removed is tried again by the next build.
func (c *Cache) remove(info fs.FileInfo) {
	_ = os.Remove(filepath.Join(c.dir, layersDirectory, info.Name()))
}
