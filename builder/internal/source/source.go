// SPDX-License-Identifier: AGPL-3.0-or-later

// Package source opens a repository of workspaces and walks its files, each of
// which is read exactly once.
//
// A source is a directory or a Git repository. A directory is read through an
// [os.Root], so that nothing outside of it can be reached, whatever happens to it
// meanwhile. A Git repository is fetched without a git program and never checked
// out: files are read from the tree of a commit, so that they are byte for byte
// what was committed, and no filter, hook or line ending conversion ever runs.
//
// Both go through the same rules. Entries that must not ship (links, devices, names
// that would delete files of an image, …) are reported as diagnostics, all of them
// in one walk. Entries that need not ship are dropped, and listed.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// Limits bound what a source may hold.
type Limits struct {
	// FileSize and TotalSize are in bytes.
	FileSize, TotalSize int64
	Files               int
}

// DefaultLimits returns 50 MiB a file, 2 GiB and 200,000 files in all.
func DefaultLimits() Limits {
	return Limits{FileSize: 50 << 20, TotalSize: 2 << 30, Files: 200_000}
}

// LimitError is a source with more than it may hold. Nothing more is read then.
type LimitError struct {
	What string
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the workspaces have more than %d %s: remove what need not ship, or raise the limit", e.Max, e.What)
}

// Options say how a source is read.
type Options struct {
	// TempDir is where a fetched repository is kept until [Tree.Close].
	TempDir string
	// Getenv reads the environment: see [EnvNames] and the documentation of credentials.
	Getenv func(string) string
	Limits Limits
	// Username and Token are credentials for a Git repository.
	Username string
	Token    secret.Value
	// SSHKeyFile is a private key for Git over SSH; CAFile holds certificates to
	// trust for Git over HTTPS, beside the system's.
	SSHKeyFile, CAFile string
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

// Tree is an opened source.
type Tree struct {
	root    directory
	limits  Limits
	info    release.Source
	commit  time.Time
	compare *comparison
	close   func() error
}

// errNoWorkspaces is a source without anything to ship.
var errNoWorkspaces = errors.New("there is no directory in it: a repository of workspaces has one directory for each workspace; name it with --subdir if it is further down")

// Open opens a source. Errors say where it is and what to do, without credentials.
func Open(ctx context.Context, spec Spec, opts Options) (*Tree, error) {
	if opts.Limits == (Limits{}) {
		opts.Limits = DefaultLimits()
	}
	var tree *Tree
	var err error
	if spec.url == nil {
		tree, err = openDirectory(spec)
	} else {
		tree, err = openGit(ctx, spec, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec, err)
	}
	tree.limits = opts.Limits
	return tree, nil
}

// Info says where the files come from. Whether they are what was committed is known after [Tree.Walk].
func (t *Tree) Info() release.Source { return t.info }

// CommitTime returns when the commit was made, if there is one.
func (t *Tree) CommitTime() (time.Time, bool) { return t.commit, !t.commit.IsZero() }

// Close releases the source and removes what was fetched.
func (t *Tree) Close() error { return t.close() }

// Walk hands every file that ships to fn, in the byte order of their paths. It ends
// early with an error of fn, of the file system, of a limit, or of the context.
func (t *Tree) Walk(ctx context.Context, fn func(File) error) (Report, error) {
	w := &walker{limits: t.limits}
	if err := w.list(ctx, t.root); err != nil {
		return Report{}, err
	}
	for _, e := range w.files {
		if ctx.Err() != nil {
			return Report{}, context.Cause(ctx)
		}
		data, err := e.read()
		if errors.Is(err, errChanged) {
			w.refuse(e.path, "source-changed", "the file has changed since the walk began", "let nothing write to the source during a build")
			continue
		} else if err != nil {
			return Report{}, fmt.Errorf("read %s: %w", e.path, err)
		}
		w.report.Files++
		w.report.Bytes += int64(len(data))
		if t.compare != nil {
			t.compare.add(e.path, data)
		}
		if err := fn(File{Path: e.path, Data: data}); err != nil {
			return Report{}, err
		}
	}
	if t.compare != nil {
		t.info.Dirty = t.compare.differs()
	}
	if w.report.Files == 0 && len(w.report.Diagnostics) == 0 {
		return Report{}, errNoWorkspaces
	}
	return w.report, nil
}

// openDirectory opens a directory, and finds out which commit it is, if any.
func openDirectory(spec Spec) (*Tree, error) {
	root, err := os.OpenRoot(spec.dir)
	if err != nil {
		return nil, pathError(err)
	}
	if spec.subdir != "" {
		parent := root
		defer parent.Close()
		if root, err = parent.OpenRoot(spec.subdir); err != nil {
			return nil, fmt.Errorf("subdirectory %s: %w", spec.subdir, pathError(err))
		}
	}
	tree := &Tree{root: rootDirectory{root: root, path: "."}, close: root.Close}
	tree.identify(root.Name())
	return tree, nil
}

// pathError drops the operation and the path, which are in the message already.
func pathError(err error) error {
	var perr *os.PathError
	if errors.As(err, &perr) {
		return perr.Err
	}
	return err
}
