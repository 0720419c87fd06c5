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
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

var (
	options = layer.Options{Directory: "/www/workspaces"}
)

// small returns a small tree that sorts differently by whole path than in a directory walk: "hr-"
// sorts before "hr/".
func small() map[string][]byte {
	return map[string][]byte{
		"hr/index.yml":               []byte("name: HR\n"),
		"hr/.import.yml":             []byte("workspaceId: abc1234\n"),
		"hr/automations/v1/list.yml": []byte("slug: list\n"),
		"hr/automations/create.yml":  []byte("slug: create\n"),
		"hr-eu/index.yml":            []byte("name: HR Europe\n"),
		"hr/imports/Custom Code.yml": []byte(""),
	}
}

// write returns a layer and its blob.
func write(t testing.TB, opts layer.Options, files map[string][]byte) (layer.Layer, []byte) {
	t.Helper()
	var blob bytes.Buffer
	l, err := layer.Write(&blob, opts, files)
	if err != nil {
		t.Fatal(err)
	}
	return l, blob.Bytes()
}

// decompress uses the standard library, which shares no code with the writer.
func decompress(t testing.TB, blob []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// entry is the metadata of a file or directory in a layer.
type entry struct {
	Header tar.Header
	Data   string
}

func entries(t testing.TB, blob []byte) []entry {
	t.Helper()
	var list []entry
	r := tar.NewReader(bytes.NewReader(decompress(t, blob)))
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{*header, string(data)})
	}
}

func names(list []entry) []string {
	var names []string
	for _, e := range list {
		names = append(names, e.Header.Name)
	}
	return names
}

// The digest is a promise: the same release has the same digest for every builder. Change it only
// together with a deliberate change of the layer's format or of the compression library, and
// announce in the change log that the digests of unchanged releases change.
func TestGoldenDigest(t *testing.T) {
	got, _ := write(t, options, small())
	want := layer.Layer{
		Digest: "sha256:9131c4edb1e6bdcf2f73d9633191ab9f0ead2abf4b97e3aeaa09ad47f990ddef",
		DiffID: "sha256:297b4ecd444f6a8c93c5ffbf5c9b9c1f960c7dcaf0d2a45d1d9bdebbc7b00276",
		Size:   477, Unpacked: 10240, Files: 6, Bytes: 70,
		MediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
}

func TestLayerDescribesItsBlob(t *testing.T) {
	l, blob := write(t, options, small())
	var bytes int64
	for _, data := range small() {
		bytes += int64(len(data))
	}
	plain := decompress(t, blob)
	want := layer.Layer{
		Digest: digest.FromBytes(blob), DiffID: digest.FromBytes(plain),
		Size: int64(len(blob)), Unpacked: int64(len(plain)), Files: len(small()), Bytes: bytes,
		MediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
}

func TestEntries(t *testing.T) {
	_, blob := write(t, options, small())
	list := entries(t, blob)
	want := []string{
		"www/workspaces/",
		"www/workspaces/.wh..wh..opq",
		"www/workspaces/hr-eu/",
		"www/workspaces/hr-eu/index.yml",
		"www/workspaces/hr/",
		"www/workspaces/hr/.import.yml",
		"www/workspaces/hr/automations/",
		"www/workspaces/hr/automations/create.yml",
		"www/workspaces/hr/automations/v1/",
		"www/workspaces/hr/automations/v1/list.yml",
		"www/workspaces/hr/imports/",
		"www/workspaces/hr/imports/Custom Code.yml",
		"www/workspaces/hr/index.yml",
	}
	if diff := cmp.Diff(want, names(list)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for _, e := range list {
		t.Run(e.Header.Name, func(t *testing.T) { checkEntry(t, e) })
	}
}

// checkEntry requires that a header contains only name, type, mode, size and time, and that the
// content is that of [small].
func checkEntry(t *testing.T, e entry) {
	want := entry{Header: tar.Header{
		Name: e.Header.Name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(e.Data)),
		ModTime: time.Unix(layer.ModTime, 0), Format: tar.FormatUSTAR,
	}}
	if strings.HasSuffix(e.Header.Name, "/") {
		want.Header.Typeflag, want.Header.Mode = tar.TypeDir, 0o755
	}
	want.Data = string(small()[strings.TrimPrefix(e.Header.Name, "www/workspaces/")])
	e.Header.ModTime = e.Header.ModTime.UTC()
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

// Names that do not fit the old format get a PAX record for the name only.
func TestUnusualNames(t *testing.T) {
	long := strings.Repeat("d", 120) + "/" + strings.Repeat("f", 150) + ".yml"
	for name, pax := range map[string]bool{
		long:                                   true,
		strings.Repeat("a/", 60) + "b":         false,
		"hr/imports/Réponses café.yml":         true,
		"hr/automations/日本語.yml":               true,
		"hr/with space":                        false,
		`hr/back\slash`:                        false,
		"hr/-rf":                               false,
		"hr/line\nfeed":                        false,
		"hr/.wh":                               false,
		"hr/a.wh.b":                            false,
		"hr/...":                               false,
		"hr/" + strings.Repeat("é", 127) + "x": true,
	} {
		t.Run(name, func(t *testing.T) {
			_, blob := write(t, options, map[string][]byte{name: []byte("x")})
			list := entries(t, blob)
			last := list[len(list)-1]
			if last.Header.Name != "www/workspaces/"+name || last.Data != "x" {
				t.Errorf("read back %q with content %q", last.Header.Name, last.Data)
			}
			records := map[string]string{"path": last.Header.Name}
			if !pax {
				records = nil
			}
			if diff := cmp.Diff(records, last.Header.PAXRecords); diff != "" {
				t.Errorf("PAX records (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParents(t *testing.T) {
	for _, c := range []struct {
		directory string
		parents   bool
		want      []string
	}{
		{"/www/workspaces", false, []string{"www/workspaces/", "www/workspaces/.wh..wh..opq", "www/workspaces/a"}},
		{"/www/workspaces", true, []string{"www/", "www/workspaces/", "www/workspaces/.wh..wh..opq", "www/workspaces/a"}},
		{"/a/b/c", true, []string{"a/", "a/b/", "a/b/c/", "a/b/c/.wh..wh..opq", "a/b/c/a"}},
		{"/workspaces", true, []string{"workspaces/", "workspaces/.wh..wh..opq", "workspaces/a"}},
	} {
		_, blob := write(t, layer.Options{Directory: c.directory, Parents: c.parents}, map[string][]byte{"a": nil})
		if diff := cmp.Diff(c.want, names(entries(t, blob))); diff != "" {
			t.Errorf("%s, parents %t (-want +got):\n%s", c.directory, c.parents, diff)
		}
	}
}

// A release without files also hides the content of the base.
func TestNoFiles(t *testing.T) {
	l, blob := write(t, options, nil)
	if diff := cmp.Diff([]string{"www/workspaces/", "www/workspaces/.wh..wh..opq"}, names(entries(t, blob))); diff != "" ||
		l.Files != 0 {
		t.Errorf("%d files, entries (-want +got):\n%s", l.Files, diff)
	}
}

func TestRefusedDirectories(t *testing.T) {
	for _, dir := range []string{"", "/", ".", "www", "www/workspaces", "/www/", "/www//workspaces", "/www/../etc",
		"/../etc", "//www", "/www/.wh.workspaces", "/caf\xe9"} {
		if _, err := layer.NewWriter(io.Discard, layer.Options{Directory: dir}); err == nil ||
			!strings.Contains(err.Error(), "below the root") {
			t.Errorf("directory %q: error %v", dir, err)
		}
	}
}

func TestRefusedPaths(t *testing.T) {
	const invalid, deletes, order, both = "not a valid relative path", "would delete files of the base",
		"in the order of their paths", "both a file and a directory"
	for _, c := range []struct {
		before []string
		name   string
		want   string
	}{
		{nil, "", invalid},
		{nil, ".", invalid},
		{nil, "..", invalid},
		{nil, "../a", invalid},
		{nil, "a/../../b", invalid},
		{nil, "a/./b", invalid},
		{nil, "/etc/passwd", invalid},
		{nil, "a/", invalid},
		{nil, "a//b", invalid},
		{nil, "caf\xe9", invalid},
		{nil, "nul\x00byte", invalid},
		{nil, ".wh.a", deletes},
		{nil, ".wh..wh..opq", deletes},
		{nil, "a/.wh..wh..opq", deletes},
		{nil, ".wh.dir/b", deletes},
		{[]string{"a"}, "a", order},
		{[]string{"b"}, "a", order},
		{[]string{"a/b"}, "a", order},
		{[]string{"a/b"}, "a-b", order},
		{[]string{"a"}, "a/b", both},
		{[]string{"a", "a-b"}, "a/b", both},
		{[]string{"a", "a-b", "a-b-c"}, "a/b/c", both},
		{[]string{"x/a", "x/a-b"}, "x/a/b", both},
	} {
		w, err := layer.NewWriter(io.Discard, options)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range c.before {
			if err := w.Add(name, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add(c.name, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q after %q: error %v, want %q", c.name, c.before, err, c.want)
		}
	}
}

// full is a writer that fails after some bytes, like a full disk.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (w *full) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrorsAreReported(t *testing.T) {
	files := map[string][]byte{}
	for name, data := range corpus() {
		if files[name] = data; len(files) == 800 {
			break
		}
	}
	for _, room := range []int{0, 9, 10, 100, 50_000, 300_000} {
		l, err := layer.Write(&full{left: room}, options, files)
		if !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: error %v", room, err)
		}
		if l != (layer.Layer{}) {
			t.Errorf("room for %d bytes: %+v although it failed", room, l)
		}
	}
}

// A writer that refused a file must not complete a layer without that file.
func TestErrorsAreFinal(t *testing.T) {
	w, err := layer.NewWriter(io.Discard, options)
	if err != nil {
		t.Fatal(err)
	}
	refused := w.Add("../a", nil)
	if err := w.Add("b", nil); refused == nil || !errors.Is(err, refused) {
		t.Errorf("error %v after %v", err, refused)
	}
	if l, err := w.Close(); !errors.Is(err, refused) || l != (layer.Layer{}) {
		t.Errorf("layer %+v, error %v after %v", l, err, refused)
	}
}

// Without the whiteout, the layer adds to the content of lower layers.
func TestKeepLeavesOutTheWhiteoutAlone(t *testing.T) {
	kept := options
	kept.Keep = true
	_, hiding := write(t, options, small())
	_, adding := write(t, kept, small())
	want := entries(t, hiding)
	if want[1].Header.Name != "www/workspaces/.wh..wh..opq" {
		t.Fatalf("entries %v", names(want))
	}
	if diff := cmp.Diff(append(want[:1:1], want[2:]...), entries(t, adding)); diff != "" {
		t.Error(diff)
	}
}
