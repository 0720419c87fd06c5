// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

func TestParseCompression(t *testing.T) {
	for text, want := range map[string]string{
		"": "gzip,3", "gzip": "gzip,3", "gzip,1": "gzip,1", "gzip,9": "gzip,9",
		"zstd": "zstd,3", "zstd,1": "zstd,1", "zstd,22": "zstd,22",
	} {
		c, err := layer.ParseCompression(text)
		if err != nil || c.String() != want || c.IsDefault() != (want == "gzip,3") {
			t.Errorf("%q is %s (default: %t), %v", text, c, c.IsDefault(), err)
		}
	}
	for text, want := range map[string]string{
		"gzip,0": "levels 1 to 9", "gzip,10": "levels 1 to 9", "gzip,": "levels 1 to 9", "gzip,3,3": "levels 1 to 9",
		"zstd,0": "levels 1 to 22", "zstd,23": "levels 1 to 22", "zstd,-1": "levels 1 to 22", "zstd,fast": "levels 1 to 22",
		"brotli": "neither gzip nor zstd", ",3 ": "levels 1 to 9", "GZIP": "neither gzip nor zstd",
	} {
		if c, err := layer.ParseCompression(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %s, error %v lacks %q", text, c, err, want)
		}
	}
}

// compress writes a layer with a compression.
func compress(t *testing.T, text string, files map[string][]byte) (layer.Layer, []byte) {
	t.Helper()
	c, err := layer.ParseCompression(text)
	if err != nil {
		t.Fatal(err)
	}
	opts := options
	opts.Compressor = layer.NewCompressor(c)
	return write(t, opts, files)
}

// severalBlocks are files of several blocks.
func severalBlocks() map[string][]byte {
	files := map[string][]byte{}
	for n := range 40 {
		files[fmt.Sprintf("ws/%02d.yml", n)] = bytes.Repeat(fmt.Appendf(nil, "name: workspace %d\n", n), 3000)
	}
	return files
}

// The tar is the same in every compression, and its bytes come back.
func TestEveryCompressionHasTheSameTar(t *testing.T) {
	files := severalBlocks()
	plain, _ := write(t, options, files)
	digests := map[string]string{}
	for _, text := range []string{"gzip,1", "gzip,9", "zstd,1", "zstd,3", "zstd,7", "zstd,22"} {
		written, blob := compress(t, text, files)
		if written.DiffID != plain.DiffID {
			t.Errorf("%s: the tar is %s instead of %s", text, written.DiffID, plain.DiffID)
		}
		if other, known := digests[written.Digest.String()]; known {
			t.Errorf("%s and %s make the same bytes", text, other)
		}
		digests[written.Digest.String()] = text
		n := 0
		read, err := layer.Walk(bytes.NewReader(blob), 1<<30, func(h *tar.Header, r io.Reader) error {
			data, err := io.ReadAll(r)
			if want, ok := files[strings.TrimPrefix(h.Name, "www/workspaces/")]; ok && bytes.Equal(data, want) {
				n++
			}
			return err
		})
		if err != nil || n != len(files) {
			t.Errorf("%s: %d of %d files came back: %v", text, n, len(files), err)
		}
		if diff := cmp.Diff(written, read); diff != "" {
			t.Errorf("%s (-written +read):\n%s", text, diff)
		}
		if want := map[bool]string{true: "+zstd", false: "+gzip"}[strings.HasPrefix(text, "zstd")]; !strings.HasSuffix(
			written.Descriptor().MediaType, want) {
			t.Errorf("%s has media type %s", text, written.Descriptor().MediaType)
		}
	}
}

// The golden digest of a layer with many frames. The rules of [TestGoldenDigest] apply here too.
func TestGoldenDigestOfZstd(t *testing.T) {
	const want = digest.Digest("sha256:de86ce2c06fa7d290dfa9148cd2f7d5ffb2997df776a4efce601945afa87d45e")
	if got, _ := compress(t, "zstd", severalBlocks()); got.Digest != want {
		t.Errorf("digest %s, want %s", got.Digest, want)
	}
}
