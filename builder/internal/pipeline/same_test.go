// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

// An image depends only on the source, the base and the options, and not on the machine that builds
// it.
func TestSameDigestWhateverTheMachine(t *testing.T) {
	f := newFixture(t)
	want := f.mustBuild(t).Digest
	machines := map[string]func(*testing.T){
		"again": func(*testing.T) {},
		"files in another order": func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range shuffled(samples()) {
				f := fixture{src: dir}
				f.write(t, name, samples()[name])
			}
			f.read(t, dir)
		},
		"other times of files": func(t *testing.T) {
			each(t, f.src, func(path string, _ fs.DirEntry) error {
				at := time.Unix(rand.Int64N(4e9), rand.Int64N(1e9))
				return os.Chtimes(path, at, at)
			})
		},
		"other modes of files": func(t *testing.T) {
			each(t, f.src, func(path string, d fs.DirEntry) error {
				if d.IsDir() {
					return os.Chmod(path, 0o700)
				}
				return os.Chmod(path, []fs.FileMode{0o600, 0o755, 0o777 | fs.ModeSetuid}[rand.IntN(3)])
			})
		},
		"another umask": func(t *testing.T) {
			before := syscall.Umask(0o077)
			t.Cleanup(func() { syscall.Umask(before) })
		},
		"another time zone": func(t *testing.T) {
			before := time.Local
			time.Local = time.FixedZone("far away", 14*60*60)
			t.Cleanup(func() { time.Local = before })
		},
		"another directory": func(t *testing.T) {
			f.opts.TempDir = filepath.Join(t.TempDir(), "with a space", "and ünïcode")
			if err := os.MkdirAll(f.opts.TempDir, 0o755); err != nil {
				t.Fatal(err)
			}
			f.read(t, workspacetest.Write(t, samples()))
		},
		"one processor": func(t *testing.T) {
			before := runtime.GOMAXPROCS(1)
			t.Cleanup(func() { runtime.GOMAXPROCS(before) })
		},
		"what does not ship": func(t *testing.T) {
			for _, name := range []string{"README.md", ".gitlab-ci.yml", ".cache/x", "mail/node_modules/x/index.js",
				"mail/imports/.DS_Store"} {
				f.write(t, name, "x")
			}
		},
	}
	for name, change := range machines {
		t.Run(name, func(t *testing.T) {
			before := f.opts
			defer func() { f.opts = before }()
			change(t)
			if got := f.mustBuild(t).Digest; got != want {
				t.Errorf("digest %s instead of %s", got, want)
			}
		})
	}
}

func shuffled(files workspacetest.Files) []string {
	names := slices.Sorted(maps.Keys(files))
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

// each calls fn for everything below dir.
func each(t *testing.T, dir string, fn func(string, fs.DirEntry) error) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		return errors.Join(err, fn(path, d))
	}); err != nil {
		t.Fatal(err)
	}
}

func TestOtherInputGivesAnotherDigest(t *testing.T) {
	f := newFixture(t)
	seen := map[string]string{f.mustBuild(t).Digest.String(): "the first"}
	epoch := time.Unix(1, 0)
	for name, change := range map[string]func(){
		"another file":       func() { f.write(t, "mail/NEW.md", "x") },
		"another release":    func() { f.opts.Release = "v2" },
		"another time":       func() { f.opts.Epoch = &epoch },
		"another directory":  func() { f.opts.Repository.Directory = "/srv/workspaces" },
		"another label":      func() { f.opts.Labels = map[string]string{"a": "b"} },
		"another annotation": func() { f.opts.Annotations = map[string]string{"a": "b"} },
		"no base":            func() { f.opts.BaseRef = "" },
	} {
		before := f.opts
		change()
		got := f.mustBuild(t).Digest.String()
		f.opts = before
		if same, ok := seen[got]; ok {
			t.Errorf("%s has the digest of %s", name, same)
		}
		seen[got] = name
		if err := os.RemoveAll(filepath.Join(f.src, "mail", "NEW.md")); err != nil {
			t.Fatal(err)
		}
	}
}

// If only the commit and the name of a release change, all layers but the uppermost one stay the same,
// and are neither uploaded nor pulled again.
func TestReleaseWithoutAChangeHasTheSameLayers(t *testing.T) {
	f := newFixture(t)
	digests := func() []v1.Hash {
		t.Helper()
		layers, err := pull(t, f.mustBuild(t).Images[0], "linux/amd64").Layers()
		if err != nil {
			t.Fatal(err)
		}
		var list []v1.Hash
		for _, l := range layers {
			digest, err := l.Digest()
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, digest)
		}
		return list
	}
	first := digests()
	last := len(first) - 1
	f.opts.Release = "v2"
	commit(t, f.src, time.Unix(1700000000, 0))
	second := digests()
	if diff := cmp.Diff(first[:last], second[:last]); diff != "" || first[last] == second[last] {
		t.Errorf("the layers are %v, and of another commit %v", first, second)
	}
	f.write(t, "mail/NEW.md", "x")
	if third := digests(); third[last-2] == first[last-2] || third[last-1] == first[last-1] {
		t.Error("a file is not in the layers")
	}
}

func TestLayoutAndRegistryHoldTheSameImage(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	for _, ref := range append(built.Images, registry.LayoutScheme+built.Files[0]) {
		inspected, err := pipeline.Inspect(t.Context(), client(t, nil), ref)
		if err != nil {
			t.Fatal(err)
		}
		if inspected.Digest != built.Digest {
			t.Errorf("%s is %s instead of %s", ref, inspected.Digest, built.Digest)
		}
		if diff := cmp.Diff(built.Manifest, inspected.Manifest); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
	}
}

// goldenDigest is the digest of a release of [samples] without a base. It changes if this project
// or a dependency changes what an image contains: the manifest's fields, labels, history, the tar,
// its compression, BuildKit's JSON. Change it only deliberately, and tell users that rebuilt
// releases get a new digest.
const goldenDigest = "sha256:ac70e01d651b1c9a34f22147effb16fcf1030f4783231ca4b8a7161a4183c9ae"

func TestDigestIsTheSameFromReleaseToRelease(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef, f.opts.DryRun = "", true
	epoch := time.Unix(1700000000, 0)
	f.opts.Epoch = &epoch
	built := f.mustBuild(t)
	if built.Manifest.Tool.Version != "devel" {
		t.Skipf("SKIPPED: the digest is that of a builder without a version; this one has %s", built.Manifest.Tool.Version)
	}
	if built.Digest != goldenDigest {
		t.Errorf("digest %s", built.Digest)
	}
}

// The time of a release is the given one, else the commit's, else 0, but never the current time.
func TestEpoch(t *testing.T) {
	committed := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("CET", 3600))
	given := time.Date(2020, 1, 1, 0, 0, 0, 999, time.FixedZone("EST", -5*3600))
	f := newFixture(t)
	f.opts.DryRun = true
	check := func(name string, want time.Time) {
		t.Helper()
		created := f.mustBuild(t).Manifest.Created
		if !created.Equal(want) || created.Location() != time.UTC {
			t.Errorf("%s: created %s instead of %s", name, created, want)
		}
	}
	check("directory", time.Unix(0, 0))
	commit(t, f.src, committed)
	check("commit", committed)
	f.read(t, "file://"+filepath.ToSlash(f.src))
	check("fetched commit", committed)
	f.opts.Epoch = &given
	check("given", given.Truncate(time.Second))
}

// A commit may contain any time.
func TestCommitTimeThatNoImageCanHave(t *testing.T) {
	f := newFixture(t)
	commit(t, f.src, time.Unix(1<<40, 0))
	if _, err := f.refuse(t, pipeline.Source); err != nil && !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("error %q does not say what to do", err)
	}
	epoch := time.Unix(1700000000, 0)
	f.opts.Epoch = &epoch
	f.mustBuild(t)
}

// commit creates a Git repository from a directory.
func commit(t *testing.T, dir string, at time.Time) {
	t.Helper()
	repository, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	commitAll(t, repository, at)
}

// recommit adds a commit, even without changed files.
func recommit(t *testing.T, dir string, at time.Time) {
	t.Helper()
	repository, err := git.PlainOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	commitAll(t, repository, at)
}

func commitAll(t *testing.T, repository *git.Repository, at time.Time) {
	t.Helper()
	tree, err := repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.AddGlob("."); err != nil {
		t.Fatal(err)
	}
	author := &object.Signature{Name: "Someone", Email: "someone@example.com", When: at}
	options := &git.CommitOptions{Author: author, Committer: author, AllowEmptyCommits: true}
	if _, err := tree.Commit("release", options); err != nil {
		t.Fatal(err)
	}
}
