// SPDX-License-Identifier: AGPL-3.0-or-later

package rootfs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/prismeai/workspaces-release/builder/internal/rootfs"
)

var limits = rootfs.Limits{FileSize: 100, TotalSize: 150, Files: 4, Unpacked: 1 << 20}

// entries are the entries of a layer: a name that ends with a slash is a directory, content that
// starts with "-> " a symbolic link.
type entries [][2]string

func (e entries) tar(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, entry := range e {
		header := &tar.Header{Name: entry[0], Mode: 0o644, Size: int64(len(entry[1])), Typeflag: tar.TypeReg}
		target, link := strings.CutPrefix(entry[1], "-> ")
		switch {
		case strings.HasSuffix(entry[0], "/"):
			header.Typeflag, header.Size = tar.TypeDir, 0
		case link:
			header.Typeflag, header.Linkname, header.Size = tar.TypeSymlink, target, 0
		}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if header.Size > 0 {
			if _, err := io.WriteString(archive, entry[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func blob(data []byte) rootfs.Layer {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}

func read(layers []rootfs.Layer, limits rootfs.Limits) (map[string]string, error) {
	got := map[string]string{}
	err := rootfs.Read(layers, "/www/workspaces", limits, func(name string, data []byte) error {
		got[name] += string(data) // duplicates would show
		return nil
	})
	return got, err
}

// The result equals that of unpacking.
func TestLayersLieOnEachOther(t *testing.T) {
	for name, test := range map[string]struct {
		layers []entries // bottom first
		want   map[string]string
	}{
		"none": {nil, map[string]string{}},
		"no such files": {
			[]entries{{{"etc/", ""}, {"etc/passwd", "x"}, {"www/index.html", "x"}, {"www/workspaces2/a/x", "x"}}},
			map[string]string{},
		},
		"several layers": {
			[]entries{{{"www/workspaces/a/x", "1"}}, {{"www/workspaces/b/x", "2"}}},
			map[string]string{"a/x": "1", "b/x": "2"},
		},
		"a newer file": {
			[]entries{{{"www/workspaces/a/x", "1"}}, {{"www/workspaces/a/x", "2"}}},
			map[string]string{"a/x": "2"},
		},
		"a deleted file": {
			[]entries{{{"www/workspaces/a/x", "1"}, {"www/workspaces/a/y", "1"}}, {{"www/workspaces/a/.wh.x", ""}}},
			map[string]string{"a/y": "1"},
		},
		"a deleted tree": {
			[]entries{{{"www/workspaces/a/x/y", "1"}, {"www/workspaces/ab", "1"}}, {{"www/workspaces/.wh.a", ""}}},
			map[string]string{"ab": "1"},
		},
		"deleted, reborn": {
			[]entries{{{"www/workspaces/a/x", "1"}}, {{"www/workspaces/.wh.a", ""}}, {{"www/workspaces/a/y", "3"}}},
			map[string]string{"a/y": "3"},
		},
		"opaque": {
			[]entries{
				{{"www/workspaces/a/x", "1"}},
				{{"www/workspaces/b/y", "2"}, {"www/workspaces/.wh..wh..opq", ""}},
			},
			map[string]string{"b/y": "2"},
		},
		"opaque within": {
			[]entries{
				{{"www/workspaces/a/x", "1"}, {"www/workspaces/b/x", "1"}},
				{{"www/workspaces/a/.wh..wh..opq", ""}},
			},
			map[string]string{"b/x": "1"},
		},
		"opaque parent":  {[]entries{{{"www/workspaces/a/x", "1"}}, {{"www/.wh..wh..opq", ""}}}, map[string]string{}},
		"deleted parent": {[]entries{{{"www/workspaces/a/x", "1"}}, {{".wh.www", ""}}}, map[string]string{}},
		"opaque root":    {[]entries{{{"www/workspaces/a/x", "1"}}, {{".wh..wh..opq", ""}}}, map[string]string{}},
		"file, directory": {
			[]entries{{{"www/workspaces/a", "1"}}, {{"www/workspaces/a/", ""}, {"www/workspaces/a/x", "2"}}},
			map[string]string{"a/x": "2"},
		},
		"file, implied": {
			[]entries{{{"www/workspaces/a", "1"}}, {{"www/workspaces/a/x", "2"}}},
			map[string]string{"a/x": "2"},
		},
		"directory, file": {
			[]entries{{{"www/workspaces/a/x", "1"}}, {{"www/workspaces/a", "2"}}},
			map[string]string{"a": "2"},
		},
		"odd names": {
			[]entries{{{"./www/workspaces/a/x", "1"}, {"/www/workspaces/b/../b/x", "1"}}},
			map[string]string{"a/x": "1", "b/x": "1"},
		},
		"a link that is gone": {
			[]entries{
				{{"www/workspaces", "-> /elsewhere"}},
				{{"www/.wh.workspaces", ""}},
				{{"www/workspaces/", ""}, {"www/workspaces/a/x", "1"}},
			},
			map[string]string{"a/x": "1"},
		},
	} {
		var layers []rootfs.Layer
		for _, e := range test.layers {
			layers = append(layers, blob(e.tar(t)))
		}
		got, err := read(layers, limits)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCompressionIsFoundByTheBytes(t *testing.T) {
	plain := entries{{"www/workspaces/a/x", "1"}}.tar(t)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(plain)
	w.Close()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"plain": plain,
		"gzip":  zipped.Bytes(),
		"zstd":  encoder.EncodeAll(plain, nil),
	} {
		if got, err := read([]rootfs.Layer{blob(data)}, limits); err != nil || got["a/x"] != "1" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A layer that hides the directory makes the layers below irrelevant.
func TestLayersThatCannotMatterAreNotRead(t *testing.T) {
	unread := func() (io.ReadCloser, error) { return nil, errors.New("was read") }
	for _, whiteout := range []string{"www/workspaces/.wh..wh..opq", "www/.wh.workspaces"} {
		top := entries{{whiteout, ""}, {"www/workspaces/a/x", "1"}}
		if got, err := read([]rootfs.Layer{unread, blob(top.tar(t))}, limits); err != nil || got["a/x"] != "1" {
			t.Errorf("%s: %v, %v", whiteout, got, err)
		}
	}
}

func TestHostileLayersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		layer entries
		want  string
	}{
		"a link":             {entries{{"www/workspaces/a/x", "-> /etc/passwd"}}, "neither a file nor a directory"},
		"a linked workspace": {entries{{"www/workspaces/a", "-> /srv/a"}}, "neither a file nor a directory"},
		"a linked directory": {entries{{"www/workspaces", "-> /srv"}}, "neither a file nor a directory"},
		"a linked parent":    {entries{{"www", "-> /srv"}}, "neither a file nor a directory"},
		"a file":             {entries{{"www/workspaces", "x"}}, "neither a file nor a directory"},
		"too large a file": {
			entries{{"www/workspaces/a/x", strings.Repeat("x", 101)}},
			"more than 100 bytes in /www/workspaces/a/x",
		},
		"too many bytes": {
			entries{{"www/workspaces/a/x", strings.Repeat("x", 100)}, {"www/workspaces/a/y", strings.Repeat("x", 51)}},
			"more than 150 bytes in /www/workspaces",
		},
		"too many files": {
			entries{
				{"www/workspaces/1", ""},
				{"www/workspaces/2", ""},
				{"www/workspaces/3", ""},
				{"www/workspaces/4", ""},
				{"www/workspaces/5", ""},
			},
			"more than 4 files in /www/workspaces",
		},
		"a file twice": {
			entries{{"www/workspaces/a/x", "1"}, {"www/workspaces/a/", ""}, {"www/workspaces/a/x", "2"}},
			"/www/workspaces/a/x is duplicated",
		},
		"file and directory": {
			entries{{"www/workspaces/a", "1"}, {"www/workspaces/a/", ""}},
			"/www/workspaces/a is duplicated",
		},
		"a bomb": {entries{{"elsewhere", strings.Repeat("x", 1<<20)}}, "bytes in its layers"},
	} {
		_, err := read([]rootfs.Layer{blob(test.layer.tar(t))}, limits)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "layer 1 of 1") {
			t.Errorf("%s: error %v names neither the layer nor %q", name, err, test.want)
		}
	}
	header := entries{{"www/workspaces/a/x", "1"}}.tar(t)[:512]
	for name, data := range map[string][]byte{
		"cut short": header,
		"no tar":    []byte(strings.Repeat("x", 1024)),
		"no gzip":   {0x1f, 0x8b, 0, 0, 0},
	} {
		if got, err := read([]rootfs.Layer{blob(data)}, limits); err == nil {
			t.Errorf("%s: read %v", name, got)
		}
	}
}

// The blob is read to its end, where its digest is verified.
func TestBlobThatIsNotWhatItsDigestSays(t *testing.T) {
	wrong := errors.New("wrong digest")
	layer := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(entries{{"www/workspaces/a/x", "1"}}.tar(t)),
			failing{wrong})), nil
	}
	if _, err := read([]rootfs.Layer{layer}, limits); !errors.Is(err, wrong) {
		t.Errorf("error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzRead checks that no layer makes the reader panic or exceed the limits.
func FuzzRead(f *testing.F) {
	f.Add(entries{{"www/workspaces/a/x", "1"}, {"www/workspaces/.wh..wh..opq", ""}}.tar(f),
		entries{{"www/workspaces/b/x", "1"}}.tar(f))
	f.Fuzz(func(t *testing.T, bottom, top []byte) {
		got, _ := read([]rootfs.Layer{blob(bottom), blob(top)}, limits)
		size := 0
		for name, data := range got {
			if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
				t.Errorf("name %q", name)
			}
			size += len(data)
		}
		if len(got) > limits.Files || size > int(limits.TotalSize) {
			t.Errorf("%d files of %d bytes", len(got), size)
		}
	})
}
