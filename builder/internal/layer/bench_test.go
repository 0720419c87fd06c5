// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

// corpusSize is the size of the repository used for measurements during the design.
const corpusSize = 28 << 20

// corpus returns files that resemble workspaces: mostly automations, some JSON and text.
func corpus() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	files := map[string][]byte{}
	for size := 0; size < corpusSize; {
		name, data := corpusFile(r, len(files))
		files[name] = data
		size += len(data)
	}
	return files
}

func corpusFile(r *rand.Rand, i int) (name string, data []byte) {
	var b bytes.Buffer
	words := func(n int) string { return sentence(r, n) }
	dir := fmt.Sprintf("workspace-%03d", i/11)
	switch i % 11 {
	case 0:
		name = dir + "/swagger.json"
		for range 2 + r.IntN(120) {
			fmt.Fprintf(&b, "{\"path\":\"/%s\",\"id\":\"%08x\",\"summary\":%q}\n", words(1), r.Uint32(), words(9))
		}
	case 1:
		name = dir + "/README.md"
		for range 2 + r.IntN(40) {
			fmt.Fprintf(&b, "## %s\n\n%s\n\n", words(3), words(60))
		}
	default:
		name = fmt.Sprintf("%s/automations/%s-%d.yml", dir, words(1), i)
		fmt.Fprintf(&b, "slug: %s\nname: %s\ndo:\n", words(1), words(3))
		for range 2 + r.IntN(80) {
			fmt.Fprintf(&b,
				"  - set:\n      name: %s\n      value: '{{%s.%s}}'\n  - fetch:\n      url: https://%s.example.com/%s\n      method: post\n      body:\n        text: %s\n",
				words(1), words(1), words(1), words(1), words(1), words(7))
		}
	}
	return name, b.Bytes()
}

// sentence returns n words from a vocabulary of 4,000 words, of which the first ones are frequent.
func sentence(r *rand.Rand, n int) string {
	var b bytes.Buffer
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		rank := uint64(4000 * r.Float64() * r.Float64() * r.Float64())
		word := rand.New(rand.NewPCG(rank, 7))
		for range 3 + word.IntN(8) {
			b.WriteByte(byte('a' + word.IntN(26)))
		}
	}
	return b.String()
}

func BenchmarkWrite(b *testing.B) {
	files := corpus()
	opts := layer.Options{Directory: "/www/workspaces"}
	var written layer.Layer
	for b.Loop() {
		var err error
		if written, err = layer.Write(io.Discard, opts, files); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(written.Bytes)
	b.ReportMetric(float64(written.Size)/1e6, "MB")
}

// BenchmarkCompression compares the settings for the layer's compression: see the constants of the
// package.
func BenchmarkCompression(b *testing.B) {
	data := corpusTar(b)
	for level := 1; level <= 6; level++ {
		b.Run(fmt.Sprintf("gzip-%d", level), func(b *testing.B) {
			measure(b, data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, level) })
		})
		for _, block := range []int{256 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("pgzip-%d/%dk", level, block>>10), func(b *testing.B) {
				measure(b, data, func(w io.Writer) (io.WriteCloser, error) {
					z, err := pgzip.NewWriterLevel(w, level)
					if err == nil {
						err = z.SetConcurrency(block, 4)
					}
					return z, err
				})
			})
		}
	}
}

// corpusTar returns the tar of a layer with the corpus.
func corpusTar(b *testing.B) []byte {
	var blob bytes.Buffer
	if _, err := layer.Write(&blob, layer.Options{Directory: "/www/workspaces"}, corpus()); err != nil {
		b.Fatal(err)
	}
	return decompress(b, blob.Bytes())
}

func measure(b *testing.B, data []byte, open func(io.Writer) (io.WriteCloser, error)) {
	b.SetBytes(int64(len(data)))
	var size counter
	for b.Loop() {
		size = 0
		z, err := open(&size)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := z.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := z.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
