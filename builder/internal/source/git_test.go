// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/release"
)

// serve serves a repository and returns its URL.
func serve(t *testing.T, r *gittest.Repository) string {
	t.Helper()
	return gittest.ServeHTTP(t, r, gittest.HTTPOptions{}).URL() + gittest.Path
}

// fetchTree serves one commit with a tree and walks it.
func fetchTree(t *testing.T, r *gittest.Repository, tree plumbing.Hash, limits Limits) (map[string]string, Report) {
	t.Helper()
	r.CommitTree(t, "main", tree)
	return walk(t, open(t, serve(t, r), Options{TempDir: t.TempDir(), Limits: limits}))
}

// What Git can hold and an image must not.
func TestGitTrees(t *testing.T) {
	r := gittest.NewRepository(t)
	tree := r.Tree(t,
		gittest.File{Path: "README.md", Data: "top"},
		gittest.File{Path: ".gitlab-ci.yml", Data: "top"},
		gittest.File{Path: "node_modules/x/index.js", Data: "dropped"},
		gittest.File{Path: "linked", Data: "shop", Mode: filemode.Symlink},
		gittest.File{Path: ".linked", Data: "shop", Mode: filemode.Symlink},
		gittest.File{Path: "vendored", Hash: plumbing.NewHash(strings.Repeat("ab", 20)), Mode: filemode.Submodule},
		gittest.File{Path: "shop/index.yml", Data: "shop"},
		gittest.File{Path: "shop/run.sh", Data: "#!", Mode: filemode.Executable},
		gittest.File{Path: "shop/old", Data: "group-writable", Mode: filemode.Deprecated},
		gittest.File{Path: "shop/odd", Data: "", Mode: 0o120777},
		gittest.File{Path: "shop/.DS_Store", Data: "dropped"},
		gittest.File{Path: "shop/pages/node_modules/a.js", Data: "dropped"},
		gittest.File{Path: "shop/escape", Data: "../../etc/passwd", Mode: filemode.Symlink},
		gittest.File{Path: "shop/module", Hash: plumbing.NewHash(strings.Repeat("cd", 20)), Mode: filemode.Submodule},
		gittest.File{Path: "shop/logo.png", Data: "version https://git-lfs.github.com/spec/v1\n" +
			"oid sha256:abc\nsize 12345\n"},
		gittest.File{Path: "shop/about.txt",
			Data: "version https://git-lfs.github.com/spec/v1 is what a pointer starts with"},
	)
	files, report := fetchTree(t, r, tree, Limits{})
	equal(t, "files", files, map[string]string{
		"shop/index.yml": "shop", "shop/run.sh": "#!", "shop/old": "group-writable",
		"shop/logo.png":  "version https://git-lfs.github.com/spec/v1\n" + "oid sha256:abc\nsize 12345\n",
		"shop/about.txt": "version https://git-lfs.github.com/spec/v1 is what a pointer starts with",
	})
	equal(t, "diagnostics", rules(t, report), []string{
		"linked symlink", "shop/escape symlink", "shop/module submodule", "shop/odd special-file", "vendored submodule", "shop/logo.png lfs-pointer",
	})
	equal(t, "dropped", dropped(t, report), []string{
		".gitlab-ci.yml", ".linked", "README.md", "node_modules", "shop/.DS_Store", "shop/pages/node_modules",
	})
}

// Names that only a tree made by hand can have.
func TestGitTreesMadeByHand(t *testing.T) {
	r := gittest.NewRepository(t)
	below := r.Tree(t, gittest.File{Path: "passwd", Data: "root"})
	folder := func(name string) gittest.File {
		return gittest.File{Path: name, Mode: filemode.Dir, Hash: below}
	}
	shop := r.RawTree(t,
		gittest.File{Path: "index.yml", Data: "shop"},
		gittest.File{Path: "..", Data: "x"},
		gittest.File{Path: ".", Data: "x"},
		gittest.File{Path: "", Data: "x"},
		gittest.File{Path: "a/b", Data: "x"},
		gittest.File{Path: "/etc/passwd", Data: "x"},
		gittest.File{Path: `..\x`, Data: "x"},
		gittest.File{Path: ".wh.index.yml", Data: "x"},
		gittest.File{Path: ".wh..wh..opq", Data: "x"},
		gittest.File{Path: "twice", Data: "1"},
		gittest.File{Path: "twice", Data: "2"},
		gittest.File{Path: "Twice", Data: "0"},
		gittest.File{Path: "Straße", Data: "1"},
		gittest.File{Path: "STRASSE", Data: "2"},
		gittest.File{Path: "\xff", Data: "x"},
		gittest.File{Path: "bell\a", Data: "x"},
		gittest.File{Path: "turn\u202eed", Data: "x"},
		gittest.File{Path: strings.Repeat("n", 256), Data: "x"},
		folder(".git"), folder("../.."), folder(".wh.dir"),
	)
	files, report := fetchTree(t, r, r.RawTree(t,
		folder(".."), folder("."), folder("/"),
		gittest.File{Path: "shop", Mode: filemode.Dir, Hash: shop},
	), Limits{})
	if files["shop/index.yml"] != "shop" || files["shop/Straße"] != "1" || files["shop/STRASSE"] != "2" ||
		len(files) != 5 || files["shop/twice"] != "1" {
		t.Errorf("files %v", files)
	}
	equal(t, "diagnostics", rules(t, report), []string{
		". file-name-invalid", ".. file-name-invalid", "/ file-name-invalid",
		"shop/Straße case-collision", "shop/twice case-collision", "shop/twice name-duplicate",
		"shop/ file-name-invalid", "shop/. file-name-invalid", "shop/.. file-name-invalid", "shop/../.. file-name-invalid",
		`shop/..\x file-name-invalid`, "shop/.wh..wh..opq name-whiteout", "shop/.wh.dir name-whiteout", "shop/.wh.index.yml name-whiteout",
		"shop//etc/passwd file-name-invalid", "shop/a/b file-name-invalid", "shop/bell\ufffd file-name-invalid",
		"shop/" + strings.Repeat("n", 256) + " name-too-long",
		"shop/turn\ufffded file-name-invalid", "shop/\ufffd name-not-utf8",
	})
	equal(t, "dropped", dropped(t, report), []string{"shop/.git"})
}

// A few small trees that hold each other are a great many directories.
func TestGitBomb(t *testing.T) {
	r := gittest.NewRepository(t)
	tree := r.RawTree(t)
	for range 12 {
		var entries []gittest.File
		for i := range 10 {
			entries = append(entries, gittest.File{Path: fmt.Sprint(i), Mode: filemode.Dir, Hash: tree})
		}
		tree = r.RawTree(t, entries...)
	}
	r.CommitTree(t, "main", tree)
	bomb := open(t, serve(t, r), Options{TempDir: t.TempDir(), Limits: Limits{FileSize: 10, TotalSize: 10, Files: 1000}})
	_, err := bomb.Walk(t.Context(), func(File) error { return nil })
	var tooLarge *limit.Error
	if !errors.As(err, &tooLarge) || tooLarge.Max != 2000 {
		t.Errorf("error %v", err)
	}
}

func TestGitLimits(t *testing.T) {
	r := gittest.NewRepository(t)
	tree := r.Tree(t, gittest.File{Path: "a/1", Data: "12345"}, gittest.File{Path: "a/2", Data: "123456"},
		gittest.File{Path: "a/3", Data: "1"})
	files, report := fetchTree(t, r, tree, Limits{FileSize: 5, TotalSize: 6, Files: 2})
	equal(t, "files", files, map[string]string{"a/1": "12345", "a/3": "1"})
	equal(t, "diagnostics", rules(t, report), []string{"a/2 file-too-large"})
	url := serve(t, r)
	for _, limits := range []Limits{{FileSize: 5, TotalSize: 5, Files: 2}, {FileSize: 6, TotalSize: 100, Files: 2},
		{FileSize: 6, TotalSize: 100, Files: 1}} {
		tree := open(t, url, Options{TempDir: t.TempDir(), Limits: limits})
		_, err := tree.Walk(t.Context(), func(File) error { return errors.New("a file was read") })
		var tooLarge *limit.Error
		if !errors.As(err, &tooLarge) {
			t.Errorf("%+v: error %v", limits, err)
		}
	}
}

// A file that is too large costs the memory of one copy, while the pack is indexed.
func TestLargeFileOfGit(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MiB are hashed several times")
	}
	const size = 100 << 20
	r := gittest.NewRepository(t)
	r.Commit(t, "main", gittest.Index("name: Shop\n"), gittest.File{Path: "shop/large", Data: string(make([]byte, size))})
	url := serve(t, r)
	read(t, serve(t, gittest.Shop(t)), Options{}) // what is allocated once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tree := open(t, url, Options{TempDir: t.TempDir()})
	files, report := walk(t, tree)
	runtime.ReadMemStats(&after)
	equal(t, "diagnostics", rules(t, report), []string{"shop/large file-too-large"})
	if len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
	// The server is in this process, and takes a copy of its own.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 5*size {
		t.Errorf("%d MiB were allocated", allocated>>20)
	}
}

// A tree whose objects are not all there is an error, not an empty directory.
func TestMissingObjects(t *testing.T) {
	gone := plumbing.NewHash(strings.Repeat("ab", 20))
	for name, entry := range map[string]gittest.File{
		"blob": {Path: "shop/gone.yml", Hash: gone},
		"tree": {Path: "shop/gone", Hash: gone, Mode: filemode.Dir},
		"kind": {Path: "shop/gone"},
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.NewRepository(t)
			if name == "kind" { // a tree that calls itself a file
				entry.Hash = r.Tree(t, gittest.Index(""))
			}
			r.Commit(t, "main", gittest.Index("shop"), entry)
			tree := open(t, serve(t, r), Options{TempDir: t.TempDir()})
			_, err := tree.Walk(t.Context(), func(File) error { return nil })
			if err == nil || !strings.Contains(err.Error(), "gone") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// bare writes a repository as a bare one on disk, with loose objects.
func bare(t *testing.T, h history) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo.git")
	storage, err := git.OpenStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	if err := storage.Init(); err != nil {
		t.Fatal(err)
	}
	for _, o := range h.Storage.Objects {
		if _, err := storage.SetEncodedObject(o); err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range h.Storage.ReferenceStorage {
		if err := storage.SetReference(ref); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A repository of this machine is read by the same rules as one on a server.
func TestLocalRepository(t *testing.T) {
	h := newHistory(t)
	dir := bare(t, h)
	for fragment, want := range map[string]release.Source{
		"":                       {Commit: h.tip.String(), Ref: "main"},
		"#both":                  {Commit: h.second.String(), Ref: "both"},
		"#v1-signed-off":         {Commit: h.second.String(), Ref: "v1-signed-off"},
		"#" + h.unnamed.String(): {Commit: h.unnamed.String()},
		"#main:.deep/er":         {Commit: h.tip.String(), Ref: "main", Subdir: ".deep/er"},
	} {
		tree := open(t, "file://"+dir+fragment, Options{})
		want.URL = "file://" + dir
		equal(t, fragment, tree.Info(), want)
		if files, _ := walk(t, tree); files["shop/index.yml"] == "" {
			t.Errorf("%q: files %v", fragment, files)
		}
	}
	openError(t, "file://"+dir+"#nope", Options{}, `no branch and no tag "nope"`)
	openError(t, "file://"+dir+"#main~1", Options{}, `no branch and no tag "main~1"`)
	openError(t, "file://"+dir+"#"+h.tip.String()[:9], Options{}, "give all 40 digits")
	openError(t, "file://"+dir+"#"+strings.Repeat("ab", 20), Options{}, "read commit", "object not found")
	openError(t, "file://"+dir+"x", Options{}, "it contains no Git repository")
	openError(t, "file://"+filepath.Dir(dir), Options{}, "it contains no Git repository")
	unborn := bare(t, history{Repository: gittest.NewRepository(t)})
	openError(t, "file://"+unborn, Options{}, "the repository is empty")
}

// A work tree beside the main one, and a submodule's, keep their repository elsewhere.
func TestLinkedWorkTrees(t *testing.T) {
	git := newUpstream(t)
	main := git.repository(t, map[string]string{"shop/index.yml": "main"})
	linked := filepath.Join(t.TempDir(), "linked")
	git.run(t, main, "worktree", "add", "-q", "-b", "other", linked)
	tip := git.commit(t, linked, map[string]string{"shop/index.yml": "other"})
	for _, source := range []string{linked, "file://" + linked} {
		tree := open(t, source, Options{})
		files, report := walk(t, tree)
		want := release.Source{URL: report.Source.URL, Commit: tip, Ref: "other"}
		if files["shop/index.yml"] != "other" || report.Source != want {
			t.Errorf("%s: %v, %+v", source, files, report.Source)
		}
	}
	for name, text := range map[string]string{"gone": "gitdir: /nonexistent", "broken": "no pointer",
		"empty": "gitdir: "} {
		dir := gittest.WriteFiles(t, map[string]string{".git": text, "shop/index.yml": name})
		tree := open(t, dir, Options{})
		if files, _ := walk(t, tree); files["shop/index.yml"] != name || tree.Info() != (release.Source{}) {
			t.Errorf("%s: %v, %+v", name, files, tree.Info())
		}
	}
}

func TestTagsOfTagsEnd(t *testing.T) {
	h := newHistory(t)
	const maxTags = 10 // of git.PeelCommit
	hash, kind := h.tip, plumbing.CommitObject
	for i := range maxTags + 1 {
		hash, kind = h.Tag(t, fmt.Sprint("t", i), kind, hash), plumbing.TagObject
	}
	openError(t, "file://"+bare(t, h)+fmt.Sprint("#t", maxTags), Options{}, "read commit")
	if tree := open(t, "file://"+bare(t, h)+fmt.Sprint("#t", maxTags-1), Options{}); tree.Info().Commit != h.tip.String() {
		t.Errorf("commit %s", tree.Info().Commit)
	}
}

func TestCorruptBlobIsAnError(t *testing.T) {
	h := newHistory(t)
	dir := bare(t, h)
	commit, err := object.GetCommit(h.Storage, h.tip)
	if err != nil {
		t.Fatal(err)
	}
	file, err := commit.File("shop/index.yml")
	if err != nil {
		t.Fatal(err)
	}
	name := file.Hash.String()
	path := filepath.Join(dir, "objects", name[:2], name[2:])
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 12); err != nil {
		t.Fatal(err)
	}
	tree := open(t, "file://"+dir, Options{})
	if _, err := tree.Walk(t.Context(), func(File) error { return nil }); err == nil {
		t.Error("a corrupt blob is read")
	}
}
