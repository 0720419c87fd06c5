// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// enough exceeds the unpacked size of every layer in the tests.
const enough = 1 << 20

// collect returns the files of a layer, without the whiteout.
func collect(blob io.Reader, limit int64) (map[string][]byte, layer.Layer, error) {
	files := map[string][]byte{}
	read, err := layer.Walk(blob, limit, func(h *tar.Header, r io.Reader) error {
		name, below := strings.CutPrefix(h.Name, "www/workspaces/")
		if h.Typeflag != tar.TypeReg || !below || layer.IsWhiteout(h.Name) {
			return nil
		}
		data, err := io.ReadAll(r)
		files[name] = data
		return err
	})
	return files, read, err
}

func TestWalkReadsWhatWasWritten(t *testing.T) {
	written, blob := write(t, options, unusual())
	plain := decompress(t, blob)
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"gzip": blob, "zstd": encoder.EncodeAll(plain, nil), "none": plain} {
		want := written
		want.Digest, want.Size = digest.FromBytes(packed), int64(len(packed))
		want.MediaType = map[string]string{
			"gzip": ocispec.MediaTypeImageLayerGzip, "zstd": ocispec.MediaTypeImageLayerZstd, "none": ocispec.MediaTypeImageLayer,
		}[name]
		files, read, err := collect(iotest.OneByteReader(bytes.NewReader(packed)), enough)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, read); diff != "" {
			t.Errorf("%s: layer (-want +got):\n%s", name, diff)
		}
		expected := unusual()
		if len(files) != len(expected) {
			t.Errorf("%s: %d files instead of %d", name, len(files), len(expected))
		}
		for path, data := range expected {
			if !bytes.Equal(data, files[path]) {
				t.Errorf("%s: %s is %q instead of %q", name, path, files[path], data)
			}
		}
	}
}

func TestWalkIsBounded(t *testing.T) {
	bomb, blob := write(t, options, map[string][]byte{"a/zeros": make([]byte, 10<<20)})
	if bomb.Size > 1<<20 {
		t.Fatalf("the bomb has %d bytes", bomb.Size)
	}
	plain := int64(len(decompress(t, blob)))
	for maxBytes, exceeded := range map[int64]bool{plain: false, plain - 1: true, 1000: true, 0: true} {
		_, _, err := collect(bytes.NewReader(blob), maxBytes)
		var tooLarge *limit.Error
		if errors.As(err, &tooLarge) != exceeded || !exceeded && err != nil || exceeded && tooLarge.Max != maxBytes {
			t.Errorf("at most %d bytes: error %v", maxBytes, err)
		}
	}
}

// Bytes after the end of the archive are also part of the digests.
func TestWalkReadsToTheEnd(t *testing.T) {
	_, blob := write(t, options, small())
	trailing := append(bytes.Clone(blob), gzipped(t, []byte("more"))...)
	_, read, err := collect(bytes.NewReader(trailing), enough)
	if err != nil || read.Digest != digest.FromBytes(trailing) ||
		read.DiffID != digest.FromBytes(append(decompress(t, blob), "more"...)) {
		t.Errorf("%+v: %v", read, err)
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWalkRefuses(t *testing.T) {
	_, blob := write(t, options, small())
	broken := errors.New("broken connection")
	late := errors.New("the digest is another one")
	for name, test := range map[string]struct {
		blob io.Reader
		want string
	}{
		"nothing at all":         {iotest.ErrReader(broken), "broken connection"},
		"no archive":             {strings.NewReader(strings.Repeat("no archive ", 100)), "invalid tar header"},
		"cut off":                {bytes.NewReader(blob[:len(blob)/2]), "unexpected EOF"},
		"another checksum":       {bytes.NewReader(append(bytes.Clone(blob[:len(blob)-8]), make([]byte, 8)...)), "checksum"},
		"an error at the end":    {io.MultiReader(bytes.NewReader(blob), iotest.ErrReader(late)), late.Error()},
		"what is no more a gzip": {io.MultiReader(bytes.NewReader(blob), strings.NewReader("some text, and no gzip")), "gzip"},
	} {
		if _, _, err := collect(test.blob, enough); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v instead of %q", name, err, test.want)
		}
	}
	own := errors.New("own")
	if _, err := layer.Walk(bytes.NewReader(blob), enough, func(*tar.Header, io.Reader) error { return own }); err != own {
		t.Errorf("error %v instead of that of the function", err)
	}
}

func TestWhiteouts(t *testing.T) {
	if got := layer.OpaqueWhiteout("/www/workspaces"); got != "www/workspaces/.wh..wh..opq" || !layer.IsWhiteout(got) {
		t.Errorf("opaque whiteout %s", got)
	}
	for name, want := range map[string]bool{".wh.a": true, "a/.wh.b": true, "a.wh.b": false, ".wh.a/b": false, "": false} {
		if layer.IsWhiteout(name) != want {
			t.Errorf("%q is a whiteout: %v", name, !want)
		}
	}
}

// FuzzWalk checks that no blob makes the reader panic or exceed its limit, and that a successful
// read returns the digest of the blob.
func FuzzWalk(f *testing.F) {
	var blob bytes.Buffer
	if _, err := layer.Write(&blob, options, small()); err != nil {
		f.Fatal(err)
	}
	f.Add(blob.Bytes())
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0})
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, data []byte) {
		var bytesRead int64
		read, err := layer.Walk(bytes.NewReader(data), 1<<16, func(_ *tar.Header, r io.Reader) error {
			n, err := io.Copy(io.Discard, r)
			bytesRead += n
			return err
		})
		if bytesRead > 1<<16 {
			t.Errorf("%d bytes were read", bytesRead)
		}
		if err == nil && read.Digest != digest.FromBytes(data) {
			t.Errorf("digest %s instead of %s", read.Digest, digest.FromBytes(data))
		}
	})
}
