// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/pgzip"
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

// TestSharedCompressorChangesNothing compares layers written concurrently with the same layers
// written separately.
func TestSharedCompressorChangesNothing(t *testing.T) {
	const layers = 5
	shared := options
	shared.Compressor = layer.NewCompressor(layer.Compression{})
	var writers [layers]*layer.Writer
	var blobs [layers]bytes.Buffer
	for i := range writers {
		var err error
		if writers[i], err = layer.NewWriter(&blobs[i], shared); err != nil {
			t.Fatal(err)
		}
	}
	files := func(i int) map[string][]byte {
		files := map[string][]byte{}
		for n := range 40 {
			files[fmt.Sprintf("ws/%02d.yml", n)] = bytes.Repeat(fmt.Appendf(nil, "%d of %d\n", n, i), 1000*(i+1))
		}
		return files
	}
	for n := range 40 {
		name := fmt.Sprintf("ws/%02d.yml", n)
		for i, w := range writers {
			if err := w.Add(name, files(i)[name]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, w := range writers {
		got, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		want, blob := write(t, options, files(i))
		if got != want || !bytes.Equal(blob, blobs[i].Bytes()) {
			t.Errorf("layer %d is %+v with others, and %+v alone", i, got, want)
		}
	}
}

// TestCompressionIsThatOfPgzip compares the compressed bytes with those of pgzip, which compresses
// a single stream in the same way.
func TestCompressionIsThatOfPgzip(t *testing.T) {
	const level = 3
	_, blob := write(t, options, corpus())
	var want bytes.Buffer
	z, err := pgzip.NewWriterLevel(&want, level)
	if err != nil {
		t.Fatal(err)
	}
	z.ModTime = time.Unix(0, 0)
	if err := z.SetConcurrency(256<<10, 4); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(decompress(t, blob)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want.Bytes(), blob) {
		t.Errorf("the layer has %d bytes, and others than the %d of pgzip", len(blob), want.Len())
	}
}

// TestOpenLayersShareBlocks holds back all output of concurrently open layers, and counts the
// compressed blocks that wait for it. Each needs the memory of a block and of an encoder.
func TestOpenLayersShareBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := options
		opts.Compressor = layer.NewCompressor(layer.Compression{})
		data := bytes.Repeat([]byte("name: a workspace\n"), 300<<10/18) // one full block
		gate := &gate{open: make(chan struct{})}
		var writers []*layer.Writer
		for range layer.MaxLayers {
			w, err := layer.NewWriter(gate, opts)
			if err != nil {
				t.Fatal(err)
			}
			writers = append(writers, w)
		}
		gate.closed.Store(true)
		var group errgroup.Group
		for _, w := range writers {
			group.Go(func() error { return w.Add("ws/index.yml", data) })
		}
		synctest.Wait()
		if n := gate.waiting.Load(); n != 8 {
			t.Errorf("%d open layers hold %d compressed blocks, want 8", layer.MaxLayers, n)
		}
		close(gate.open)
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		for _, w := range writers {
			if _, err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// gate is a writer that waits once it is closed.
type gate struct {
	closed  atomic.Bool
	open    chan struct{}
	waiting atomic.Int32
}

func (g *gate) Write(p []byte) (int, error) {
	if g.closed.Load() {
		g.waiting.Add(1)
		<-g.open
	}
	return len(p), nil
}
