// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// must stops a test whose tree cannot be made.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What a file system can hold and an image must not: all of it is told in one walk, and
// nothing of it is opened.
func TestHostileDirectory(t *testing.T) {
	outside := gittest.WriteFiles(t, map[string]string{"secret": "canary"})
	dir := gittest.WriteFiles(t, map[string]string{
		"README.md": "top", ".git/config": "", ".hidden/x": "", "node_modules/x/a.js": "",
		"shop/index.yml": "shop", "shop/.DS_Store": "", "shop/.git/HEAD": "", "shop/node_modules/a.js": "", "shop/.hidden": "ships",
		"shop/pages/a.yml": "a", "shop/hard": "two names", "shop/.wh.index.yml": "", "shop/README": "1", "shop/readme": "2",
		"shop/\xff\xfe": "", "shop/new\nline": "", `shop/back\slash`: "", "shop/\u200fturned": "", "shop/" + strings.Repeat("é", 127): "254 bytes",
	})
	shop := filepath.Join(dir, "shop")
	for name, target := range map[string]string{
		"inside": "index.yml", "outside": filepath.Join(outside, "secret"), "dangling": "nowhere", "loop": "loop", "folder": "pages", "../top": "shop", "../.top": "shop",
	} {
		must(t, os.Symlink(target, filepath.Join(shop, name)))
	}
	must(t, os.Link(filepath.Join(outside, "secret"), filepath.Join(shop, "stolen")))
	must(t, os.Link(filepath.Join(shop, "hard"), filepath.Join(shop, "hard2")))
	must(t, syscall.Mkfifo(filepath.Join(shop, "fifo"), 0o600))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(shop, "socket")})
	must(t, err)
	defer socket.Close()

	files, report := walk(t, open(t, dir, Options{}))
	equal(t, "files", files, map[string]string{
		"shop/index.yml": "shop", "shop/pages/a.yml": "a", "shop/README": "1", "shop/readme": "2", "shop/.hidden": "ships",
		"shop/" + strings.Repeat("é", 127): "254 bytes",
	})
	equal(t, "diagnostics", rules(t, report), []string{
		"fifo special-file",
		"shop/readme case-collision",
		"shop/.wh.index.yml name-whiteout", `shop/back\slash file-name-invalid`, "shop/dangling symlink", "shop/fifo special-file",
		"shop/folder symlink", "shop/inside symlink", "shop/loop symlink",
		"shop/new\ufffdline file-name-invalid", "shop/outside symlink", "shop/socket special-file",
		"shop/\ufffdturned file-name-invalid", "shop/\ufffd name-not-utf8",
		"top symlink",
		"shop/hard hard-link", "shop/hard2 hard-link", "shop/stolen hard-link",
	})
	equal(t, "dropped", dropped(t, report), []string{
		".git", ".hidden", ".top", "README.md", "node_modules", "shop/.DS_Store", "shop/.git", "shop/node_modules",
	})
}

func TestDeviceNode(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"shop/index.yml": "shop"})
	err := syscall.Mknod(filepath.Join(dir, "shop/zero"), syscall.S_IFCHR|0o666, 1<<8|5)
	if errors.Is(err, syscall.EPERM) {
		needs.Machine(t, "the permission to make device nodes (CAP_MKNOD)")
	}
	must(t, err)
	_, report := walk(t, open(t, dir, Options{}))
	equal(t, "diagnostics", rules(t, report), []string{"shop/zero special-file"})
}

// walkHooked walks with a context that calls fn before the entry of a number is visited.
func walkHooked(t *testing.T, tree *Tree, entry int, fn func()) (map[string]string, Report) {
	t.Helper()
	files := map[string]string{}
	report, err := tree.Walk(&hookContext{Context: t.Context(), left: entry, fn: fn}, func(f File) error {
		files[f.Path] = string(f.Data)
		return nil
	})
	must(t, err)
	return files, report
}

// hookContext calls fn once, when it is asked for the n-th time whether it has ended:
// a walk asks before each entry, and before each file.
type hookContext struct {
	context.Context
	left int
	fn   func()
}

func (c *hookContext) Err() error {
	if c.left--; c.left == 0 {
		c.fn()
	}
	return c.Context.Err()
}

// What is put in the place of a listed directory or file is neither followed nor
// shipped, whenever that happens.
func TestSwappedDuringTheWalk(t *testing.T) {
	outside := gittest.WriteFiles(t, map[string]string{"a.yml": "canary", "folder/a.yml": "canary"})
	tests := []struct {
		name string
		// swap changes the directory shop, or the file shop/a.yml.
		swap func(shop string) error
		want []string
	}{
		{"folder for a link outside", func(shop string) error {
			return errors.Join(os.Rename(shop, shop+"-gone"), os.Symlink(outside, shop))
		}, []string{"shop source-changed"}},
		{"folder for a link inside", func(shop string) error {
			return errors.Join(os.Rename(shop, filepath.Join(shop, "../.gone")), os.Symlink(".git", shop))
		}, []string{"shop source-changed"}},
		{"folder for another", func(shop string) error {
			return errors.Join(os.RemoveAll(shop), os.Rename(filepath.Join(shop, "../.git"), shop))
		}, []string{"shop source-changed"}},
		{"folder for a file", func(shop string) error {
			return errors.Join(os.RemoveAll(shop), os.WriteFile(shop, []byte("canary"), 0o600))
		}, []string{"shop source-changed"}},
		{"folder for a pipe", func(shop string) error { return errors.Join(os.RemoveAll(shop), syscall.Mkfifo(shop, 0o600)) }, []string{"shop source-changed"}},
		{"folder gone", os.RemoveAll, []string{"shop source-changed"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := gittest.WriteFiles(t, map[string]string{"keep/a.yml": "keep", "shop/a.yml": "shop", ".git/a.yml": "canary"})
			tree := open(t, dir, Options{})
			// keep, keep/a.yml, shop: the hook is called when shop is listed and not yet opened.
			files, report := walkHooked(t, tree, 3, func() { must(t, test.swap(filepath.Join(dir, "shop"))) })
			equal(t, "files", files, map[string]string{"keep/a.yml": "keep"})
			equal(t, "diagnostics", rules(t, report), test.want)
		})
	}
	replace := func(with func(path string) error) func(string) error {
		return func(shop string) error {
			path := filepath.Join(shop, "a.yml")
			return errors.Join(os.Remove(path), with(path))
		}
	}
	for _, test := range []struct {
		name string
		swap func(shop string) error
	}{
		{"link outside", replace(func(path string) error { return os.Symlink(filepath.Join(outside, "a.yml"), path) })},
		{"link inside", replace(func(path string) error { return os.Symlink("../keep/a.yml", path) })},
		{"pipe", replace(func(path string) error { return syscall.Mkfifo(path, 0o600) })},
		{"folder", replace(func(path string) error { return os.Mkdir(path, 0o700) })},
		{"another file", replace(func(path string) error { return os.WriteFile(path, []byte("shop"), 0o600) })},
		{"gone", replace(func(string) error { return nil })},
		{"hard link", func(shop string) error { return os.Link(filepath.Join(shop, "a.yml"), filepath.Join(shop, "../b.yml")) }},
		{"grown", func(shop string) error { return appendTo(filepath.Join(shop, "a.yml"), "more") }},
		{"shrunk", func(shop string) error { return os.Truncate(filepath.Join(shop, "a.yml"), 1) }},
		{"written to", func(shop string) error {
			path := filepath.Join(shop, "a.yml")
			return errors.Join(os.WriteFile(path, []byte("SHOP"), 0o600), os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
		}},
		{"folder above it for a link", func(shop string) error {
			return errors.Join(os.Rename(shop, shop+"-gone"), os.Symlink("keep", shop))
		}},
		{"folder above it gone", os.RemoveAll},
	} {
		t.Run("file/"+test.name, func(t *testing.T) {
			dir := gittest.WriteFiles(t, map[string]string{"keep/a.yml": "keep", "shop/a.yml": "shop"})
			// Four entries are listed; then the hook is called between the two files.
			files, report := walkHooked(t, open(t, dir, Options{}), 6, func() { must(t, test.swap(filepath.Join(dir, "shop"))) })
			equal(t, "files", files, map[string]string{"keep/a.yml": "keep"})
			equal(t, "diagnostics", rules(t, report), []string{"shop/a.yml source-changed"})
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// A file that grows and shrinks all the while ships as it was listed, or not at all.
func TestWrittenWhileItIsRead(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"shop/log": ""})
	path := filepath.Join(dir, "shop/log")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			// Each state is one byte value, as often as it says.
			os.WriteFile(path, bytes.Repeat([]byte{byte(i)}, i%256*16), 0o600)
		}
	}()
	defer func() { close(stop); <-stopped }()
	tree := open(t, dir, Options{})
	for range 300 {
		files, report := walk(t, tree)
		if len(files)+len(report.Diagnostics) != 1 {
			t.Fatalf("%d files, diagnostics %v", len(files), report.Diagnostics)
		}
		if data, ok := files["shop/log"]; ok && len(data) > 0 && (strings.Trim(data, data[:1]) != "" || len(data)%16 != 0) {
			t.Fatalf("a mixture of two states is shipped: %q", data)
		}
	}
}

func TestUnreadable(t *testing.T) {
	needs.AsNobody(t, func() {
		dir := gittest.WriteFiles(t, map[string]string{"shop/a.yml": "a", "shop/locked.yml": "canary",
			"shop/closed/b.yml": "b", "shop/nosearch/c.yml": "c", "shop/z.yml": "z"})
		for name, mode := range map[string]os.FileMode{"locked.yml": 0, "closed": 0, "nosearch": 0o600} {
			path := filepath.Join(dir, "shop", name)
			must(t, os.Chmod(path, mode))
			defer os.Chmod(path, 0o700)
		}
		files, report := walk(t, open(t, dir, Options{}))
		equal(t, "files", files, map[string]string{"shop/a.yml": "a", "shop/z.yml": "z"})
		equal(t, "diagnostics", rules(t, report), []string{"shop/closed unreadable", "shop/nosearch unreadable",
			"shop/locked.yml unreadable"})

		must(t, os.Chmod(dir, 0))
		defer os.Chmod(dir, 0o700)
		openError(t, dir, Options{}, "source "+dir, "permission denied")
	})
}

func TestDirectoriesThatCannotBeOpened(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"file": "", "shop/index.yml": "", "docs/README.md": "", ".dropped": ""})
	must(t, os.Symlink("/etc", filepath.Join(dir, "away")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	openError(t, filepath.Join(dir, "absent"), Options{}, "source "+dir, "no such file")
	openError(t, filepath.Join(dir, "file"), Options{}, "not a directory: a source is", "zip archive")
	openError(t, filepath.Join(dir, "fifo"), Options{}, "not a directory")
	for subdir, want := range map[string]string{"absent": "no such file", "file": "not a directory",
		"fifo": "not a directory", "away": "escapes"} {
		spec, err := parse(t, dir).With("", subdir)
		must(t, err)
		if _, err := Open(t.Context(), spec, Options{Auth: git.Auth{Getenv: gittest.Environment()}}); err == nil ||
			!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "subdirectory "+subdir) {
			t.Errorf("%s: error %v, want %q", subdir, err, want)
		}
	}
	tree := open(t, filepath.Join(dir, "docs"), Options{}) // files, but no directory
	if _, err := tree.Walk(t.Context(), func(File) error { return nil }); !errors.Is(err, errNoWorkspaces) {
		t.Errorf("error %v", err)
	}
	gone := t.TempDir()
	tree = open(t, gone, Options{})
	must(t, os.Remove(gone))
	if _, err := tree.Walk(t.Context(), func(File) error { return nil }); err == nil {
		t.Error("a directory that is gone is walked")
	}
}

func TestSubdirectoryOfADirectory(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"work/spaces/shop/index.yml": "shop", "other/index.yml": "other"})
	must(t, os.Symlink("work", filepath.Join(dir, "link")))
	for _, subdir := range []string{"work/spaces", "link/spaces"} {
		spec, err := parse(t, dir).With("", subdir)
		must(t, err)
		tree, err := Open(t.Context(), spec, Options{Auth: git.Auth{Getenv: gittest.Environment()}})
		must(t, err)
		files, _ := walk(t, tree)
		equal(t, subdir, files, map[string]string{"shop/index.yml": "shop"})
		must(t, tree.Close())
	}
}

// A file over the limit is not read: it takes no memory, whatever its size.
func TestLargeFile(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"shop/index.yml": "shop", "shop/large": "", "shop/sparse": ""})
	must(t, os.Truncate(filepath.Join(dir, "shop/large"), 100<<20))
	must(t, os.Truncate(filepath.Join(dir, "shop/sparse"), 1<<42))
	tree := open(t, dir, Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	files, report := walk(t, tree)
	runtime.ReadMemStats(&after)
	equal(t, "files", files, map[string]string{"shop/index.yml": "shop"})
	equal(t, "diagnostics", rules(t, report), []string{"shop/large file-too-large", "shop/sparse file-too-large"})
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

// 100,000 files are walked, and the limits stop before the first is read.
func TestManyFiles(t *testing.T) {
	folders, each := 100, 1000
	if testing.Short() {
		folders = 10
	}
	dir := t.TempDir()
	for i := range folders {
		sub := filepath.Join(dir, "shop", fmt.Sprint("d", i))
		must(t, os.MkdirAll(sub, 0o700))
		for j := range each {
			must(t, os.WriteFile(filepath.Join(sub, fmt.Sprint(j)), []byte{'x'}, 0o600))
		}
	}
	count := func(limits Limits) (n int, report Report, err error) {
		tree := open(t, dir, Options{Limits: limits})
		report, err = tree.Walk(t.Context(), func(File) error { n++; return nil })
		return n, report, err
	}
	all := folders * each
	if n, report, err := count(Limits{FileSize: 1, TotalSize: int64(all), Files: all}); err != nil || n != all ||
		report.Files != n || report.Bytes != int64(n) {
		t.Errorf("%d files, %+v, %v", n, report, err)
	}
	for want, limits := range map[string]Limits{
		fmt.Sprintf("more than %d files:", all-1): {FileSize: 1, TotalSize: int64(all),
			Files: all - 1},
		fmt.Sprintf("more than %d bytes:", all-1): {FileSize: 1, TotalSize: int64(all) - 1,
			Files: all},
		fmt.Sprintf("more than %d files, directories and other entries:", all/2): {FileSize: 0, TotalSize: 1, Files: all / 4},
	} {
		n, _, err := count(limits)
		var tooLarge *limit.Error
		if !errors.As(err, &tooLarge) || n != 0 || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "raise the limit") {
			t.Errorf("%d files were read, error %v, want %q", n, err, want)
		}
	}
}

// A path that is longer than the system takes in one piece ends in a diagnostic.
func TestDeepNesting(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	for range 3000 {
		must(t, root.Mkdir("d", 0o700))
		below, err := root.OpenRoot("d")
		must(t, err)
		must(t, root.Close())
		root = below
	}
	must(t, root.WriteFile("file", nil, 0o600))
	must(t, root.Close())
	files, report := walk(t, open(t, dir, Options{}))
	if len(files) > 0 || len(report.Diagnostics) != 1 || report.Diagnostics[0].Rule != "name-too-long" ||
		len(report.Diagnostics[0].File) > maxPath+2 {
		t.Errorf("%d files, %+v", len(files), report.Diagnostics)
	}
}
