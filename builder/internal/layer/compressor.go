// SPDX-License-Identifier: AGPL-3.0-or-later

package layer

import (
	"fmt"
	"io"
	"sync"
)

// blocksInFlight is the number of blocks that are compressed at once.
const blocksInFlight = 8

// Compressor compresses blocks for any number of layers that are written concurrently. The layers
// share its memory: at most eight blocks are compressed at once. The compressed bytes depend on the
// compression, and not on the number of processors.
type Compressor struct {
	compression Compression
	format      format
	slots       chan struct{}
	encoders    sync.Pool // of encoder
	blocks      sync.Pool // of *block
}

// NewCompressor returns a compressor for layers that are written by one goroutine.
func NewCompressor(c Compression) *Compressor {
	c = c.complete()
	format := newGzipFormat(c.Level)
	if c.Algorithm == Zstd {
		format = newZstdFormat(c.Level)
	}
	return &Compressor{compression: c, format: format, slots: make(chan struct{}, blocksInFlight)}
}

// Compression returns the compression of the layers. A nil compressor has the default.
func (c *Compressor) Compression() Compression {
	if c == nil {
		return Compression{}
	}
	return c.compression
}

// format is how blocks make a compressed stream.
type format struct {
	// blockSize is the size of a block, and dictionarySize the number of bytes before a block that the
	// block may refer to. Both determine the digest of a layer.
	blockSize, dictionarySize int
	// header starts the stream.
	header string
	// newEncoder returns an encoder of one block at a time.
	newEncoder func() (encoder, error)
	// newTrailer returns what ends the stream.
	newTrailer func() trailer
}

// encoder compresses blocks of any layer, one after another.
type encoder interface {
	// encode returns the compressed form of a block, which is valid until the next call. The last
	// block ends the stream.
	encode(b *block, last bool) ([]byte, error)
}

// trailer sums up a stream.
type trailer interface {
	add(p []byte)
	bytes() []byte
}

// block is a part of a layer that is compressed on its own. It may refer back to its dictionary,
// which is the end of the previous block.
type block struct {
	// buffer starts with the dictionary.
	buffer     []byte
	dictionary int // bytes
}

// newBlock returns an empty block that follows another one, or the first block if there is none.
func (c *Compressor) newBlock(previous *block) *block {
	b, ok := c.blocks.Get().(*block)
	if !ok {
		b = &block{buffer: make([]byte, 0, c.format.dictionarySize+c.format.blockSize)}
	}
	b.buffer = b.buffer[:0]
	if previous != nil {
		data := previous.data()
		b.buffer = append(b.buffer, data[max(0, len(data)-c.format.dictionarySize):]...)
	}
	b.dictionary = len(b.buffer)
	return b
}

func (b *block) data() []byte { return b.buffer[b.dictionary:] }

// room returns the number of bytes that still fit into a block.
func (c *Compressor) room(b *block) int { return c.format.blockSize - len(b.data()) }

// blockWriter writes one compressed stream. It compresses blocks concurrently and writes them in
// order. A later Write or Close returns errors of the underlying writer.
type blockWriter struct {
	w          io.Writer
	compressor *Compressor
	block      *block
	trailer    trailer
	// previous receives the result of the block that was started most recently.
	previous chan error

	mu  sync.Mutex
	err error
}

func newBlockWriter(w io.Writer, c *Compressor) (*blockWriter, error) {
	if _, err := io.WriteString(w, c.format.header); err != nil {
		return nil, err
	}
	previous := make(chan error, 1)
	previous <- nil
	return &blockWriter{w: w, compressor: c, block: c.newBlock(nil), trailer: c.format.newTrailer(),
		previous: previous}, nil
}

// Write implements [io.Writer].
func (z *blockWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if err := z.failure(); err != nil {
			return n, err
		}
		part := p[n:min(len(p), n+z.compressor.room(z.block))]
		z.block.buffer = append(z.block.buffer, part...)
		n += len(part)
		z.trailer.add(part)
		if z.compressor.room(z.block) == 0 {
			z.start(false)
		}
	}
	return n, nil
}

// start compresses the current block in a new goroutine and begins another block.
func (z *blockWriter) start(last bool) {
	z.compressor.slots <- struct{}{}
	current := z.block
	z.block = nil
	if !last {
		z.block = z.compressor.newBlock(current)
	}
	previous := z.previous
	written := make(chan error, 1)
	z.previous = written
	go func() {
		defer func() { <-z.compressor.slots }()
		err := z.compressor.write(z.w, current, last, previous)
		z.fail(err)
		written <- err
	}()
}

// write compresses a block, waits for the one before, and writes the result to w. The block must
// not be used afterwards.
func (c *Compressor) write(w io.Writer, b *block, last bool, previous <-chan error) (err error) {
	e, ok := c.encoders.Get().(encoder)
	if !ok {
		e, err = c.format.newEncoder()
	}
	var compressed []byte
	if err == nil {
		defer c.encoders.Put(e)
		compressed, err = e.encode(b, last)
	}
	c.blocks.Put(b)
	if earlier := <-previous; earlier != nil {
		return earlier
	}
	if err == nil {
		_, err = w.Write(compressed)
	}
	return err
}

func (z *blockWriter) failure() error {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.err
}

func (z *blockWriter) fail(err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.err = err
}

// Close compresses the remaining data and waits until everything has been written.
func (z *blockWriter) Close() error {
	z.start(true)
	if err := <-z.previous; err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	_, err := z.w.Write(z.trailer.bytes())
	return err
}
