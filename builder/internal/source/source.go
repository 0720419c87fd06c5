// SPDX-License-Identifier: AGPL-3.0-or-later

// Package source opens a repository of workspaces and reads each of its files exactly once.
package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Limits bound the size of a source.
type Limits struct {
	// FileSize and TotalSize are in bytes. A larger file is a diagnostic; a larger total is a
	// [*limit.Error].
	FileSize, TotalSize int64
	// Files is the number of shipped files. More are a [*limit.Error], as are more than twice as
	// many entries of any kind.
	Files int
}

// DefaultLimits returns 50 MiB per file, and 2 GiB and 200,000 files in total.
func DefaultLimits() Limits {
	return Limits{FileSize: 50 << 20, TotalSize: 2 << 30, Files: 200_000}
}

// exceedsLimit returns the error for a source that exceeds a limit. Nothing more is read then.
func exceedsLimit(unit string, most int64) error {
	return &limit.Error{
		Subject: "the source",
		Unit:    unit,
		Max:     most,
		Advice:  "remove what need not ship, or raise the limit",
	}
}

// Options control how a source is read.
type Options struct {
	// TempDir is the parent directory of a fetched repository, which [Tree.Close] removes; empty
	// for the system default.
	TempDir string
	// Auth is used for a remote Git repository.
	git.Auth
	// Limits defaults to [DefaultLimits].
	Limits Limits
	// History also fetches all ancestors of the commit, for [Tree.History].
	History bool
	// One reduces the source to one workspace at its top or in a directory: the only one, or the
	// one with the slug Workspace. Its files are below its slug.
	One bool
	// Workspace is also the slug of a workspace at the top whose index.yml has none.
	Workspace string
	// Exclude are globs, in .gitignore syntax, of files to exclude. They are relative to the source
	// or to the directory of the workspaces.
	Exclude []string
	// Notify receives remarks on how the source was interpreted, one line at a time. Optional.
	Notify func(note string)
}

// fetchOptions returns the options to fetch a reference.
func (o Options) fetchOptions(name string) git.FetchOptions {
	return git.FetchOptions{
		Auth:          o.Auth,
		ReferenceName: name,
		History:       o.History,
		MaxFileSize:   o.Limits.FileSize,
		MaxTotalSize:  o.Limits.TotalSize,
	}
}

// File is a shipped file.
type File struct {
	// Path is relative to the root of the workspaces, with slashes: slug/index.yml.
	Path string
	Data []byte
	// Sum is the SHA-256 of Data. It is computed once, by [NewFile].
	Sum [sha256.Size]byte
}

// NewFile returns a file with its sum.
func NewFile(name string, data []byte) File {
	return File{Path: name, Data: data, Sum: sha256.Sum256(data)}
}

// Drop is an entry that does not ship.
type Drop struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Listing is what a source ships, as it is known before its files are read.
type Listing struct {
	// Slugs are the directories of the workspaces that have files, sorted.
	Slugs []string
	// Files and Bytes count the files.
	Files int
	Bytes int64
}

// Report is the result of a walk.
type Report struct {
	// Source describes the origin of the files, and whether they match its commit.
	Source release.Source
	// Files and Bytes count the files passed to fn.
	Files int
	Bytes int64
	// Dropped is sorted by path.
	Dropped []Drop
	// Diagnostics lists the entries that must not ship, all as errors.
	Diagnostics []diagnostic.Diagnostic
}

// Tree is an opened source. It is not safe for concurrent use.
type Tree struct {
	// top is the source, root the part of it that is walked.
	top, root directory
	limits    Limits
	info      release.Source
	commit    time.Time
	// checkout is set for a directory in a work tree, storage for a Git repository.
	checkout *checkout
	storage  *filesystem.Storage
	close    []func() error
	// ignored is what the user excludes, place the directory of the workspaces if it was searched,
	// and lone the workspace if the source is one.
	ignored ignored
	place   string
	lone    *candidate
	slug    string
	// subdir is the directory of the workspaces in the repository, or in a source without one.
	subdir string
	notify func(note string)
}

// errNoWorkspaces reports a source without anything to ship.
var errNoWorkspaces = errors.New("the source holds no directory: a repository of workspaces has one directory " +
	"for each workspace; name it with --subdir if it is further down")

// Open opens a source, and fetches it if necessary. Errors name the source and the remedy, but no
// credentials; one of them is [*limit.Error].
func Open(ctx context.Context, spec Spec, opts Options) (*Tree, error) {
	if opts.Limits == (Limits{}) {
		opts.Limits = DefaultLimits()
	}
	tree, err := openSpec(ctx, spec, opts)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", printableName(spec.String()), err)
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
	if err := tree.findWorkspaces(spec, opts, archive); err != nil {
		return nil, errors.Join(err, tree.Close())
	}
	if spec.remote.URL == nil && !archive {
		tree.identifyCheckout(spec)
	}
	tree.subdir = path.Join(spec.subdir, tree.place)
	if tree.info.Commit != "" {
		tree.subdir = tree.info.Subdir
	}
	return tree, nil
}

// RepositoryPath returns the path of a shipped file in the Git repository of the source, or in a
// source without one.
func (t *Tree) RepositoryPath(name string) string {
	slug, rest, _ := strings.Cut(name, "/")
	if t.lone != nil && slug == t.slug {
		return path.Join(t.subdir, t.lone.directory, rest)
	}
	return path.Join(t.subdir, name)
}

// Info describes the origin of the files. It does not say whether they match the commit, which
// [Tree.Walk] finds out.
func (t *Tree) Info() release.Source { return t.info }

// CommitTime returns the time of the commit, if there is one.
func (t *Tree) CommitTime() (time.Time, bool) { return t.commit, !t.commit.IsZero() }

// topDirectories returns the directories at the top that hold the files.
func topDirectories(files []entry) []string {
	var slugs []string
	for _, e := range files {
		slug, _, _ := strings.Cut(e.path, "/")
		if len(slugs) == 0 || slugs[len(slugs)-1] != slug {
			slugs = append(slugs, slug)
		}
	}
	return slugs
}

// Close releases the source and removes fetched files.
func (t *Tree) Close() error {
	var errs []error
	for _, fn := range t.close {
		errs = append(errs, fn())
	}
	return errors.Join(errs...)
}

// ReadTop reads a file at the top of the source, which does not ship. It returns nil if the file
// does not exist, and an error if it is larger than limit bytes or not regular.
func (t *Tree) ReadTop(name string, limit int64) ([]byte, error) {
	top, err := newWalker(t.limits).listSorted(t.top)
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

// Walk calls fn for every shipped file, in the byte order of their paths. It reads each file once.
// It stops at an error of fn, the file system or the context, or at a [*limit.Error], and then
// returns no report. If a report contains an error diagnostic, the source must not ship.
func (t *Tree) Walk(ctx context.Context, fn func(File) error) (Report, error) {
	return t.WalkListed(ctx, func(Listing) {}, fn)
}

// WalkListed is like [Tree.Walk], and calls listed before it reads the first file.
func (t *Tree) WalkListed(ctx context.Context, listed func(Listing), fn func(File) error) (Report, error) {
	w := newWalker(t.limits)
	w.ignored = t.ignored
	if err := w.listFiles(ctx, t.root); err != nil {
		return Report{}, err
	}
	if t.checkout != nil {
		t.checkout.reportSubmodules(w)
	}
	listed(Listing{Slugs: topDirectories(w.files), Files: len(w.files), Bytes: w.total})
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
		w.files[i] = entry{} // release the memory
		data, err := e.read()
		if err != nil && !w.tolerateError(e, err) {
			return Report{}, fmt.Errorf("read %s: %w", e.path, err)
		} else if err != nil {
			continue
		}
		w.countFile(e, data)
		if t.checkout != nil {
			compared.addFile(e.path, data)
		}
		if err := fn(NewFile(e.path, data)); err != nil {
			return Report{}, err
		}
	}
	t.notifySparse(compared)
	report, err := w.finishWalk()
	report.Source = t.info
	report.Source.Dirty = t.checkout != nil && compared.isDifferent()
	return report, err
}

// openDirectory opens a directory.
func openDirectory(spec Spec) (*Tree, error) {
	root, err := openRoot(spec.dir)
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%w: a source is a directory, a zip archive (.zip) or a Git repository", trimPathError(err))
	} else if err != nil {
		return nil, trimPathError(err)
	}
	if spec.subdir != "" {
		parent := root
		defer parent.Close()
		if root, err = openRootBelow(parent, spec.subdir); err != nil {
			return nil, fmt.Errorf("subdirectory %s: %w", spec.subdir, trimPathError(err))
		}
	}
	return &Tree{root: rootDirectory{root: root, path: "."}, close: []func() error{root.Close}}, nil
}

// trimPathError removes the operation and the path, which the message already contains.
func trimPathError(err error) error {
	var perr *os.PathError
	if errors.As(err, &perr) {
		return perr.Err
	}
	return err
}
