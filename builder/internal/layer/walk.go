// SPDX-License-Identifier: AGPL-3.0-or-later

package layer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// maxWindow limits the memory for zstd decompression, in bytes. It is the default limit of the zstd
// program.
const maxWindow = 128 << 20

// Walk reads a layer (a tar, optionally compressed with gzip or zstd) and calls fn for each entry
// in order, with its content. Names, types and modes are not validated and may be hostile. Walk
// reads blob to its end, so that the returned digests cover all of it. A tar of more than maxBytes
// bytes is a [*limit.Error]; errors of fn are returned unchanged.
func Walk(blob io.Reader, maxBytes int64, fn func(*tar.Header, io.Reader) error) (Layer, error) {
	packed := newSummer(io.Discard)
	buffered := bufio.NewReader(io.TeeReader(blob, packed))
	mediaType, unpacked, err := unpack(buffered)
	if err != nil {
		return Layer{}, fmt.Errorf("unpack layer: %w", err)
	}
	defer unpacked.Close()
	plain := newSummer(io.Discard)
	bounded := limit.NewReader(io.TeeReader(unpacked, plain), "the unpacked layer", maxBytes)
	read := Layer{MediaType: mediaType}
	if err := read.walk(bounded, fn); err != nil {
		return Layer{}, err
	}
	for _, rest := range []io.Reader{bounded, buffered} {
		if _, err := io.Copy(io.Discard, rest); err != nil {
			return Layer{}, fmt.Errorf("read layer to its end: %w", err)
		}
	}
	read.Digest = packed.digest()
	read.Size = packed.n
	read.DiffID = plain.digest()
	read.Unpacked = plain.n
	return read, nil
}

// walk calls fn for each entry and counts the files.
func (l *Layer) walk(plain io.Reader, fn func(*tar.Header, io.Reader) error) error {
	archive := tar.NewReader(plain)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read layer: %w", err)
		}
		if header.Typeflag == tar.TypeReg && !strings.HasSuffix(header.Name, "/"+OpaqueMarker) {
			l.Files++
			l.Bytes += header.Size
		}
		if err := fn(header, archive); err != nil {
			return err
		}
	}
}

// Unpack returns a reader of the tar in a layer. It detects the compression from the first bytes
// and does not trust the declared media type.
func Unpack(blob *bufio.Reader) (io.ReadCloser, error) {
	_, r, err := unpack(blob)
	return r, err
}

// unpack also returns the media type that the first bytes indicate.
func unpack(blob *bufio.Reader) (mediaType string, r io.ReadCloser, err error) {
	magic, err := blob.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(blob)
		return ocispec.MediaTypeImageLayerGzip, r, err
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(blob, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return "", nil, err
		}
		return ocispec.MediaTypeImageLayerZstd, d.IOReadCloser(), nil
	default:
		return ocispec.MediaTypeImageLayer, io.NopCloser(blob), nil
	}
}

// OpaqueWhiteout returns the name of the tar entry that hides the content of lower layers in a
// directory.
func OpaqueWhiteout(directory string) string {
	return strings.TrimPrefix(directory, "/") + "/" + OpaqueMarker
}

// IsWhiteout reports whether an entry with this name deletes content of lower layers.
func IsWhiteout(name string) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], WhiteoutPrefix)
}
