// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gittest provides Git servers over HTTP and SSH in the test process.
//
// A [Repository] is built in memory, object by object, so that it can contain objects that no git
// program would create. [ServeHTTP] and [ServeSSH] serve it on loopback, and record the credentials
// and requests of clients.
package gittest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/storage/memory"
)

// CommitTime is the time of every commit.
var CommitTime = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// Repository is a repository in memory. Its HEAD is the branch main.
type Repository struct {
	Storage *memory.Storage
}

// NewRepository returns an empty repository.
func NewRepository(t testing.TB) *Repository {
	t.Helper()
	r := &Repository{Storage: memory.NewStorage()}
	r.reference(t, plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/main"))
	return r
}

// File is a file of a commit.
type File struct {
	Path string
	Data string
	// Mode is the mode of the file; zero for a regular file.
	Mode filemode.FileMode
	// Hash refers to an existing or a missing object, instead of Data.
	Hash plumbing.Hash
}

// Commit commits exactly the given files on top of a branch.
func (r *Repository) Commit(t testing.TB, branch string, files ...File) plumbing.Hash {
	t.Helper()
	return r.CommitTree(t, branch, r.Tree(t, files...))
}

// CommitTree commits a tree on top of a branch.
func (r *Repository) CommitTree(t testing.TB, branch string, tree plumbing.Hash) plumbing.Hash {
	t.Helper()
	name := plumbing.NewBranchReferenceName(branch)
	var text strings.Builder
	fmt.Fprintf(&text, "tree %s\n", tree)
	if tip, err := r.Storage.Reference(name); err == nil {
		fmt.Fprintf(&text, "parent %s\n", tip.Hash())
	}
	fmt.Fprintf(&text, "author A <a@example.com> %d +0000\ncommitter A <a@example.com> %[1]d +0000\n\nchange\n",
		CommitTime.Unix())
	hash := r.Object(t, plumbing.CommitObject, []byte(text.String()))
	r.Reference(t, string(name), hash)
	return hash
}

// Tag creates an annotated tag.
func (r *Repository) Tag(t testing.TB, name string, kind plumbing.ObjectType, target plumbing.Hash) plumbing.Hash {
	t.Helper()
	text := fmt.Sprintf("object %s\ntype %s\ntag %s\ntagger A <a@example.com> %d +0000\n\ntag\n", target, kind, name,
		CommitTime.Unix())
	hash := r.Object(t, plumbing.TagObject, []byte(text))
	r.Reference(t, "refs/tags/"+name, hash)
	return hash
}

// Reference sets a reference by its full name.
func (r *Repository) Reference(t testing.TB, name string, hash plumbing.Hash) {
	t.Helper()
	r.reference(t, plumbing.NewHashReference(plumbing.ReferenceName(name), hash))
}

func (r *Repository) reference(t testing.TB, reference *plumbing.Reference) {
	t.Helper()
	if err := r.Storage.SetReference(reference); err != nil {
		t.Fatal(err)
	}
}

// Tree stores files and their parent trees, and returns the hash of the root.
func (r *Repository) Tree(t testing.TB, files ...File) plumbing.Hash {
	t.Helper()
	var entries []File
	below := map[string][]File{}
	for _, f := range files {
		dir, rest, nested := strings.Cut(f.Path, "/")
		if nested {
			f.Path = rest
			below[dir] = append(below[dir], f)
			continue
		}
		entries = append(entries, f)
	}
	for dir, files := range below {
		entries = append(entries, File{Path: dir, Mode: filemode.Dir, Hash: r.Tree(t, files...)})
	}
	slices.SortFunc(entries, func(a, b File) int { return strings.Compare(sortKey(a), sortKey(b)) })
	return r.RawTree(t, entries...)
}

// sortKey returns the name that Git sorts by.
func sortKey(f File) string {
	if f.Mode == filemode.Dir {
		return f.Path + "/"
	}
	return f.Path
}

// RawTree stores a single tree with the given entries, without checking their order or names.
func (r *Repository) RawTree(t testing.TB, entries ...File) plumbing.Hash {
	t.Helper()
	var tree bytes.Buffer
	for _, e := range entries {
		if e.Mode == 0 {
			e.Mode = filemode.Regular
		}
		if e.Hash.IsZero() {
			e.Hash = r.Object(t, plumbing.BlobObject, []byte(e.Data))
		}
		fmt.Fprintf(&tree, "%o %s\x00", uint32(e.Mode), e.Path)
		tree.Write(e.Hash[:])
	}
	return r.Object(t, plumbing.TreeObject, tree.Bytes())
}

// Object stores an object without checking its content.
func (r *Repository) Object(t testing.TB, kind plumbing.ObjectType, content []byte) plumbing.Hash {
	t.Helper()
	object := r.Storage.NewEncodedObject()
	object.SetType(kind)
	w, err := object.Writer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	hash, err := r.Storage.SetEncodedObject(object)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}
