// SPDX-License-Identifier: AGPL-3.0-or-later

package layer

import "github.com/klauspost/compress/zstd"

// zstdBlockSize is the size of a frame. 28 MB of workspaces take 7.0 MB at level 3 in frames of
// 256 KiB, 6.8 MB in frames of 512 KiB, and 6.4 MB in one frame, which only one processor could
// compress. Each open layer holds a block in memory.
const zstdBlockSize = 512 << 10

// newZstdFormat returns the format of a stream of zstd frames, one for each block (RFC 8878,
// section 3). Each frame has a checksum.
func newZstdFormat(level int) format {
	return format{
		blockSize:  zstdBlockSize,
		newEncoder: func() (encoder, error) { return newZstdEncoder(level) },
		newTrailer: func() trailer { return noTrailer{} },
	}
}

// zstdEncoder compresses one block at a time.
type zstdEncoder struct {
	encoder *zstd.Encoder
	out     []byte
}

func newZstdEncoder(level int) (*zstdEncoder, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithWindowSize(zstdBlockSize),
		zstd.WithEncoderConcurrency(1), // blocks are compressed concurrently, with an encoder each
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	return &zstdEncoder{encoder: e}, nil
}

// encode returns no bytes for an empty block, which is the last one if the size of the layer is a
// multiple of the block size.
func (e *zstdEncoder) encode(b *block, _ bool) ([]byte, error) {
	e.out = e.encoder.EncodeAll(b.data(), e.out[:0])
	return e.out, nil
}

// noTrailer is the trailer of a format that has none.
type noTrailer struct{}

func (noTrailer) add([]byte)    {}
func (noTrailer) bytes() []byte { return nil }
