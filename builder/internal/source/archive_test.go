// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// archived is an entry of an archive that a test makes.
type archived struct {
	name, data string
	// change makes the entry unusual, before it is written.
	change func(*zip.FileHeader)
}

// archive makes an archive, hostile or not.
func archive(t testing.TB, entries ...archived) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: time.Unix(1_700_000_000, 0)}
		if e.change != nil {
			e.change(h)
		}
		f, err := w.CreateHeader(h)
		if err == nil && !strings.HasSuffix(e.name, "/") {
			_, err = f.Write([]byte(e.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func writeArchive(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mode(m fs.FileMode) func(*zip.FileHeader) { return func(h *zip.FileHeader) { h.SetMode(m) } }

// central is where the list of an archive begins.
func central(data []byte) int { return bytes.Index(data, []byte("PK\x01\x02")) }

// raw makes an archive of one stored entry, with other fields in its list than are true.
func raw(t testing.TB, change func(list []byte)) []byte {
	t.Helper()
	data := archive(t, archived{name: "shop/index.yml", data: "slug: shop\n",
		change: func(h *zip.FileHeader) { h.Method = zip.Store }})
	change(data[central(data):])
	return data
}

func indexOf(slug string) string { return "name: Shop\nslug: " + slug + "\n" }

// What an export has in a directory called current, or at its top, is below its slug;
// a repository stays one.
func TestArchiveLayouts(t *testing.T) {
	shop := map[string]string{"shop/index.yml": indexOf("shop"), "shop/automations/a.yml": "x: 1\n"}
	for name, tt := range map[string]struct {
		subdir  string
		entries []archived
		want    map[string]string
	}{
		"at the top":   {"", []archived{{name: "index.yml", data: indexOf("shop")}, {name: "automations/", data: ""}, {name: "automations/a.yml", data: "x: 1\n"}}, shop},
		"in current":   {"", []archived{{name: "current/automations/a.yml", data: "x: 1\n"}, {name: "current/index.yml", data: indexOf("shop")}, {name: "__MACOSX/x", data: ""}}, shop},
		"without slug": {"", []archived{{name: "index.yml", data: "name: Shop\n"}}, map[string]string{"shop/index.yml": "name: Shop\n"}},
		"odd slug":     {"", []archived{{name: "a/index.yml", data: "slug: ../b\n"}}, map[string]string{"a/index.yml": "slug: ../b\n"}},
		"repository":   {"", []archived{{name: "a/index.yml", data: indexOf("x")}, {name: "b/index.yml", data: indexOf("y")}}, map[string]string{"a/index.yml": indexOf("x"), "b/index.yml": indexOf("y")}},
		"subdirectory": {"workspaces", []archived{{name: "workspaces/a/index.yml", data: indexOf("a")}, {name: "other/b/index.yml", data: indexOf("b")}}, map[string]string{"a/index.yml": indexOf("a")}},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := parse(t, writeArchive(t, archive(t, tt.entries...))).With("", tt.subdir)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := Open(t.Context(), spec, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			got, report := walk(t, tree)
			equal(t, "files", got, tt.want)
			equal(t, "diagnostics", rules(t, report), []string(nil))
		})
	}
}

// Nothing of a hostile archive is handed out.
func TestHostileArchives(t *testing.T) {
	zeros := strings.Repeat("\x00", 8<<20)
	small := Limits{FileSize: 1 << 20, TotalSize: 2 << 20, Files: 3}
	for name, tt := range map[string]struct {
		data   []byte
		limits Limits
		want   string
	}{
		"traversal":           {archive(t, archived{name: "shop/index.yml", data: "x"}, archived{name: "../evil.yml"}), Limits{}, "leads out"},
		"traversal within":    {archive(t, archived{name: "shop/../../evil.yml"}), Limits{}, "leads out"},
		"absolute":            {archive(t, archived{name: "/etc/passwd"}), Limits{}, "leads out"},
		"backslashes":         {archive(t, archived{name: `shop\..\..\evil.yml`}), Limits{}, "backslash"},
		"dot":                 {archive(t, archived{name: "shop/./x.yml"}), Limits{}, "leads out"},
		"nothing":             {archive(t, archived{name: "shop//x.yml"}), Limits{}, "leads out"},
		"only a slash":        {archive(t, archived{name: "/"}), Limits{}, "leads out"},
		"long path":           {archive(t, archived{name: strings.Repeat("a/", 600) + "x"}), Limits{}, "more than 1024 bytes"},
		"duplicate":           {archive(t, archived{name: "shop/a.yml", data: "1"}, archived{name: "shop/a.yml", data: "2"}), Limits{}, "more than once"},
		"file and directory":  {archive(t, archived{name: "shop/a"}, archived{name: "shop/a/b.yml"}), Limits{}, "more than once"},
		"directory and file":  {archive(t, archived{name: "shop/a/b.yml"}, archived{name: "shop/a"}), Limits{}, "more than once"},
		"encrypted":           {raw(t, func(list []byte) { list[8] |= 1 }), Limits{}, "without a password"},
		"encrypted list":      {raw(t, func(list []byte) { list[9] |= 1 << 5 }), Limits{}, "without a password"},
		"unknown method":      {raw(t, func(list []byte) { list[10] = 14 }), Limits{}, "method 14"},
		"bomb by ratio":       {archive(t, archived{name: "shop/a.yml", data: zeros}), Limits{}, "200 times"},
		"bomb by total size":  {archive(t, archived{name: "a", data: zeros[:1<<20]}, archived{name: "b", data: zeros[:1<<20]}, archived{name: "c", data: "x"}), small, "2097152 bytes"},
		"too many entries":    {archive(t, many(7)...), small, "6 files, directories"},
		"smaller than listed": {raw(t, func(list []byte) { binary.LittleEndian.PutUint32(list[24:], 20) }), Limits{}, "unpack"},
		"larger than listed":  {raw(t, func(list []byte) { binary.LittleEndian.PutUint32(list[24:], 3) }), Limits{}, "unpack"},
		"other content":       {raw(t, func(list []byte) { list[16] ^= 1 }), Limits{}, "checksum"},
		"no archive":          {[]byte("slug: shop\n"), Limits{}, "not a valid zip file"},
		"empty":               {archive(t), Limits{}, "holds no directory"},
		"cut off":             {archive(t, archived{name: "shop/index.yml", data: "x"})[:40], Limits{}, "not a valid zip file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := handOut(t, writeArchive(t, tt.data), tt.limits); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, without %q", err, tt.want)
			}
		})
	}
}

func many(n int) (all []archived) {
	for i := range n {
		all = append(all, archived{name: fmt.Sprintf("shop/%d.yml", i)})
	}
	return all
}

// handOut opens and walks an archive, of which no file may come before the error.
func handOut(t *testing.T, path string, limits Limits) error {
	t.Helper()
	tree, err := Open(t.Context(), parse(t, path), Options{Auth: git.Auth{Getenv: gittest.Environment()}, Limits: limits})
	if err != nil {
		return err
	}
	defer tree.Close()
	_, err = tree.Walk(t.Context(), func(f File) error { return fmt.Errorf("%s was handed out", f.Path) })
	return err
}

// Many entries may be of the same bytes, each of them small enough.
func TestArchiveWhoseEntriesOverlap(t *testing.T) {
	const entries = 20
	data := archive(t, archived{name: "shop/00.yml", data: strings.Repeat("x", 1000),
		change: func(h *zip.FileHeader) { h.Method = zip.Store }})
	start := central(data)
	record, end := data[start:len(data)-22], bytes.Clone(data[len(data)-22:])
	overlapping := bytes.Clone(data[:start])
	for i := range entries {
		overlapping = append(overlapping, bytes.ReplaceAll(record, []byte("00.yml"), fmt.Appendf(nil, "%02d.yml", i))...)
	}
	binary.LittleEndian.PutUint16(end[8:], entries)
	binary.LittleEndian.PutUint16(end[10:], entries)
	binary.LittleEndian.PutUint32(end[12:], uint32(entries*len(record)))
	if err := handOut(t, writeArchive(t, append(overlapping, end...)), Limits{}); err == nil ||
		!strings.Contains(err.Error(), "overlaps other entries") {
		t.Errorf("error %v", err)
	}
}

// A few long paths make many directories, which are counted as they are made.
func TestDirectoriesOfAnArchiveCount(t *testing.T) {
	data := archive(t, archived{name: "shop/a/b/c/d/x"}, archived{name: "shop/a/b/c/d/y"})
	for files, ok := range map[int]bool{3: false, 4: true} { // of seven entries
		limits := Limits{FileSize: 1, TotalSize: 1, Files: files}
		_, err := listArchive(bytes.NewReader(data), int64(len(data)), limits)
		if tooLarge := new(limit.Error); ok != (err == nil) || !ok && !errors.As(err, &tooLarge) {
			t.Errorf("%d files: error %v", files, err)
		}
	}
}

// An archive and its list are bounded before anything is made of them.
func TestLargeArchives(t *testing.T) {
	path := writeArchive(t, archive(t, archived{name: strings.Repeat("x", 60_000)}))
	if err := os.Truncate(path, maxArchive+1); err != nil {
		t.Fatal(err)
	}
	if err := handOut(t, path, Limits{}); err == nil || !strings.Contains(err.Error(), "larger than 256 MiB") {
		t.Errorf("error %v", err)
	}
	var entries []archived
	for i := range 300 {
		entries = append(entries, archived{name: fmt.Sprintf("%d%s", i, strings.Repeat("x", 60_000))})
	}
	if err := handOut(t, writeArchive(t, archive(t, entries...)), Limits{}); err == nil ||
		!strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("error %v", err)
	}
}

// What every walk refuses is refused in an archive, too.
func TestArchiveEntriesThatDoNotShip(t *testing.T) {
	_, report := walk(t, open(t, writeArchive(t, archive(t,
		archived{name: "shop/index.yml", data: indexOf("shop")},
		archived{name: "shop/INDEX.yml", data: "x"},
		archived{name: "shop/link.yml", data: "/etc/passwd", change: mode(fs.ModeSymlink | 0o777)},
		archived{name: "shop/pipe", change: mode(fs.ModeNamedPipe | 0o644)},
		archived{name: "shop/.wh.x", data: "x"},
		archived{name: "shop/\x1b[2J.yml", data: "x"},
		archived{name: "shop/.git/config", data: "x"},
	)), Options{}))
	equal(t, "diagnostics", rules(t, report), []string{"shop/index.yml case-collision",
		"shop/\ufffd[2J.yml file-name-invalid", "shop/.wh.x name-whiteout", "shop/link.yml symlink", "shop/pipe special-file"})
	equal(t, "dropped", dropped(t, report), []string{"shop/.git"})
}

func TestFileInArchiveIsTooLarge(t *testing.T) {
	_, report := walk(t, open(t, writeArchive(t, archive(t, archived{name: "shop/index.yml", data: indexOf("shop")},
		archived{name: "shop/x.yml", data: "0123456789012345678901234567890"})),
		Options{Limits: Limits{FileSize: 30, TotalSize: 100, Files: 3}}))
	equal(t, "diagnostics", rules(t, report), []string{"shop/x.yml file-too-large"})
}

func TestArchiveThatIsNone(t *testing.T) {
	dir := t.TempDir()
	openError(t, filepath.Join(dir, "gone.zip"), Options{}, "gone.zip", "no such file")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	openError(t, filepath.Join(dir, "pipe.zip"), Options{}, "not a regular file")
	// A directory is one, whatever its name.
	if err := os.CopyFS(filepath.Join(dir, "shop.zip"),
		os.DirFS(gittest.WriteFiles(t, map[string]string{"shop/index.yml": ""}))); err != nil {
		t.Fatal(err)
	}
	files, _ := walk(t, open(t, filepath.Join(dir, "shop.zip"), Options{}))
	equal(t, "files", files, map[string]string{"shop/index.yml": ""})
	spec, err := parse(t, writeArchive(t, archive(t, archived{name: "shop/index.yml"}))).With("", "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), spec, Options{}); err == nil ||
		!strings.Contains(err.Error(), "subdirectory a/b is not in the archive") {
		t.Errorf("error %v", err)
	}
}

// Whatever the bytes are, an archive opens or is refused, and what it hands out is
// within its limits and has names that stay within it.
func FuzzArchive(f *testing.F) {
	f.Add(archive(f, archived{name: "index.yml", data: indexOf("shop")}, archived{name: "automations/a.yml", data: "x"}))
	f.Add(archive(f, archived{name: "../x"}, archived{name: "a/b", change: mode(fs.ModeSymlink)}))
	f.Add(raw(f, func(list []byte) { list[8] |= 1 }))
	limits := Limits{FileSize: 1 << 10, TotalSize: 2 << 10, Files: 8}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := listArchive(bytes.NewReader(data), int64(len(data)), limits)
		if err != nil {
			return
		}
		tree := &Tree{top: root, root: root, limits: limits}
		if _, err := tree.selectLone(Spec{dir: "x.zip"}, "", true); err != nil {
			return
		}
		var total int64
		_, err = tree.Walk(t.Context(), func(file File) error {
			total += int64(len(file.Data))
			if !filepath.IsLocal(file.Path) || strings.ContainsAny(file.Path, "\\\x00") ||
				int64(len(file.Data)) > limits.FileSize || total > limits.TotalSize {
				t.Fatalf("%q with %d bytes", file.Path, len(file.Data))
			}
			return nil
		})
		if tooLarge := new(limit.Error); errors.As(err, &tooLarge) && total > limits.TotalSize {
			t.Fatal(err)
		}
	})
}
