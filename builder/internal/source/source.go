// SPDX-License-Identifier: AGPL-3.0-or-later

// Package source opens a repository of workspaces and walks its files, each of
// which is read exactly once.
//
// A source is a directory, a zip archive or a Git repository. A directory is read through an
// [os.Root], so that nothing outside of it can be reached, whatever happens to it
// meanwhile. A Git repository is fetched without a git program and never checked
// out: files are read from the tree of a commit, so that they are byte for byte
// what was committed, and no filter, hook or line ending conversion ever runs. An
// archive is not unpacked either.
//
// All go through the same rules. Entries that must not ship (links, devices, names
// that would delete files of an image, …) are reported as diagnostics, all of them
// in one walk, and so is what changes meanwhile. A file with several hard links is
// one of them: what is behind its other names is not known, and may be outside of
// the source. Entries that need not ship are dropped, and listed.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Limits bound what a source may hold.
type Limits struct {
	// FileSize and TotalSize are in bytes. A larger file is a diagnostic, more bytes in
	// all are a [*limit.Error].
	FileSize, TotalSize int64
	// Files counts files that ship. More of them are a [*limit.Error], and so are more
	// than twice as many entries of any kind.
	Files int
}

// DefaultLimits returns 50 MiB a file, 2 GiB and 200,000 files in all.
func DefaultLimits() Limits {
	return Limits{FileSize: 50 << 20, TotalSize: 2 << 30, Files: 200_000}
}

// exceeds reports a source with more than it may hold. Nothing more is read then.
func exceeds(unit string, most int64) error {
	return &limit.Error{Subject: "the source", Unit: unit, Max: most, Advice: "remove what need not ship, or raise the limit"}
}

// Options say how a source is read.
type Options struct {
	// TempDir is where a fetched repository is kept until [Tree.Close]; empty for the
	// system's.
	TempDir string
	// Auth is for a Git repository on a server.
	git.Auth
	// Limits are [DefaultLimits] if they are zero.
	Limits Limits
	// History fetches all commits before the one that is the source, for [Tree.History].
	History bool
	// One makes the source one workspace, at its top or in a directory: the only one, or
	// the one with the slug Workspace. Its files are below its slug then.
	One bool
	// Workspace is also the slug of a workspace at the top whose index.yml has none.
	Workspace string
	// Exclude leaves out what matches one of these globs, in the notation of .gitignore.
	// They are relative to the source or to the directory of the workspaces.
	Exclude []string
	// Notify takes what the user should know about how the source was understood, one
	// line at a time. It may be nil.
	Notify func(note string)
}

// fetch returns the options to fetch a reference.
func (o Options) fetch(name string) git.FetchOptions {
	return git.FetchOptions{
		Auth:          o.Auth,
		ReferenceName: name,
		History:       o.History,
		MaxFileSize:   o.Limits.FileSize,
		MaxTotalSize:  o.Limits.TotalSize,
	}
}

// File is a file that ships.
type File struct {
	// Path is relative to the root of the workspaces, with slashes: slug/index.yml.
	Path string
	Data []byte
}

// Drop is an entry that does not ship.
type Drop struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Report is what a walk has met.
type Report struct {
	// Files and Bytes count what was handed out.
	Files int
	Bytes int64
	// Dropped is sorted by path.
	Dropped []Drop
	// Diagnostics lists the entries that must not ship, all as errors.
	Diagnostics []diagnostic.Diagnostic
}

// Tree is an opened source. It is used by one goroutine at a time.
type Tree struct {
	// top is the source, root what of it is walked.
	top, root directory
	limits    Limits
	info      release.Source
	commit    time.Time
	// checkout is set for a directory that is one, storage for a Git repository.
	checkout *checkout
	storage  *filesystem.Storage
	close    []func() error
	// ignored is what the user leaves out, place the directory of the workspaces if it was
	// found, and lone the workspace that the source is, if it is one.
	ignored ignored
	place   string
	lone    *candidate
	slug    string
	// subdir is the directory of the workspaces in the repository, or in a source that is
	// in none.
	subdir string
	notify func(note string)
	// listed gets the number of files and bytes that ship, before they are read.
	listed func(files int, bytes int64)
}

// errNoWorkspaces is a source without anything to ship.
var errNoWorkspaces = errors.New("the source holds no directory: a repository of workspaces has one directory for each workspace; name it with --subdir if it is further down")

// Open opens a source, of which all that is needed is fetched then. Errors say where
// it is and what to do, without credentials; one of them is [*limit.Error].
func Open(ctx context.Context, spec Spec, opts Options) (*Tree, error) {
	if opts.Limits == (Limits{}) {
		opts.Limits = DefaultLimits()
	}
	tree, err := openSpec(ctx, spec, opts)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", printable(spec.String()), err)
	}
	return tree, nil
}

func openSpec(ctx context.Context, spec Spec, opts Options) (tree *Tree, err error) {
	archive := spec.remote.URL == nil && isArchive(spec.dir)
	switch {
	case archive:
		tree, err = openArchive(spec, opts.Limits)
	case spec.remote.URL == nil:
		tree, err = openDirectory(spec)
	default:
		tree, err = openGit(ctx, spec, opts)
	}
	if err != nil {
		return nil, err
	}
	tree.limits, tree.top, tree.notify = opts.Limits, tree.root, opts.Notify
	if tree.notify == nil {
		tree.notify = func(string) {}
	}
	if err := tree.arrange(spec, opts, archive); err != nil {
		return nil, errors.Join(err, tree.Close())
	}
	if spec.remote.URL == nil && !archive {
		tree.identify(spec)
	}
	tree.subdir = path.Join(spec.subdir, tree.place)
	if tree.info.Commit != "" {
		tree.subdir = tree.info.Subdir
	}
	return tree, nil
}

// RepositoryPath returns the path that a file that ships has in the Git repository of the
// source, or in a source that is in none.
func (t *Tree) RepositoryPath(name string) string {
	slug, rest, _ := strings.Cut(name, "/")
	if t.lone != nil && slug == t.slug {
		return path.Join(t.subdir, t.lone.directory, rest)
	}
	return path.Join(t.subdir, name)
}

// Info says where the files come from. Whether they are what was committed is known after [Tree.Walk].
func (t *Tree) Info() release.Source { return t.info }

// CommitTime returns when the commit was made, if there is one.
func (t *Tree) CommitTime() (time.Time, bool) { return t.commit, !t.commit.IsZero() }

// Close releases the source and removes what was fetched.
func (t *Tree) Close() error {
	var errs []error
	for _, fn := range t.close {
		errs = append(errs, fn())
	}
	return errors.Join(errs...)
}

// ReadTop reads a file at the top of the source, none of which ships. It returns nil
// if there is no such file. One that is larger than limit, in bytes, or no regular file
// is an error.
func (t *Tree) ReadTop(name string, limit int64) ([]byte, error) {
	top, err := newWalker(t.limits).sorted(t.top)
	if err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	return readListedFile(top, name, limit)
}

// readListedFile reads a file of a directory: see [Tree.ReadTop].
func readListedFile(list []entry, name string, limit int64) ([]byte, error) {
	i := slices.IndexFunc(list, func(e entry) bool { return e.name == name })
	switch {
	case i < 0:
		return nil, nil
	case list[i].kind != regular || list[i].size > limit:
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", name, limit)
	}
	data, err := list[i].read()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// OnListed makes [Tree.Walk] call fn with the number of files and bytes that ship, before it
// reads the first one.
func (t *Tree) OnListed(fn func(files int, bytes int64)) { t.listed = fn }

// Walk hands every file that ships to fn, in the byte order of their paths, each read
// once. It ends early with an error of fn, of the file system, of the context, or with
// a [*limit.Error]; there is no report then. A report with an error among its diagnostics
// is of a source that must not ship.
func (t *Tree) Walk(ctx context.Context, fn func(File) error) (Report, error) {
	w := newWalker(t.limits)
	w.ignored = t.ignored
	if err := w.list(ctx, t.root); err != nil {
		return Report{}, err
	}
	if t.listed != nil {
		t.listed(len(w.files), w.total)
	}
	t.notifyLeftOut(w.aside)
	for _, name := range w.unfinished {
		t.notify("left out, an unfinished write of builder fmt, which removes it when it runs again: " + name)
	}
	var compared comparison
	if t.checkout != nil {
		compared.blobs = t.checkout.blobs
	}
	for i, e := range w.files {
		if ctx.Err() != nil {
			return Report{}, context.Cause(ctx)
		}
		w.files[i] = entry{} // it may be forgotten: others remember files, too
		data, err := e.read()
		if err != nil && !w.tolerate(e, err) {
			return Report{}, fmt.Errorf("read %s: %w", e.path, err)
		} else if err != nil {
			continue
		}
		w.inspect(e, data)
		if t.checkout != nil {
			compared.add(e.path, data)
		}
		if err := fn(File{Path: e.path, Data: data}); err != nil {
			return Report{}, err
		}
	}
	t.info.Dirty = t.checkout != nil && compared.differs()
	return w.conclude()
}

// openDirectory opens a directory.
func openDirectory(spec Spec) (*Tree, error) {
	root, err := openRoot(spec.dir)
	if err != nil {
		return nil, pathError(err)
	}
	if spec.subdir != "" {
		parent := root
		defer parent.Close()
		if root, err = openRootBelow(parent, spec.subdir); err != nil {
			return nil, fmt.Errorf("subdirectory %s: %w", spec.subdir, pathError(err))
		}
	}
	return &Tree{root: rootDirectory{root: root, path: "."}, close: []func() error{root.Close}}, nil
}

// pathError drops the operation and the path, which are in the message already.
func pathError(err error) error {
	var perr *os.PathError
	if errors.As(err, &perr) {
		return perr.Err
	}
	return err
}
