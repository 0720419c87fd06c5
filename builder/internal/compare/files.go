// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	// maxShown is the size in bytes of the largest file whose content is compared.
	maxShown = 1 << 20
	// maxKept bounds the content of each release that is kept at a time, in bytes.
	maxKept = 64 << 20
)

// ContentError is a workspace whose files are not those of its manifest.
type ContentError struct {
	// Release and Slug name the workspace.
	Release, Slug string
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("%s: the files of workspace %q are not those that its manifest describes", e.Release, e.Slug)
}

// content is what is kept of a file.
type content struct {
	sum  [sha256.Size]byte
	size int64
	// data is nil if there is too much of it.
	data []byte
}

// tree holds the files of workspaces by slug and path within.
type tree map[string]map[string]content

// readFiles reads the workspaces that are wanted and keeps what keep asks for.
func (r *Release) readFiles(ctx context.Context, wanted map[string]bool, keep func(slug, path string, sum [sha256.Size]byte) bool) (tree, error) {
	found, left := tree{}, int64(maxKept)
	if len(wanted) == 0 {
		return found, nil
	}
	err := r.Walk(ctx, func(slug string) bool { return wanted[slug] }, func(path string, size int64, from io.Reader) error {
		slug, rel, _ := strings.Cut(path, "/")
		c, err := readContent(from, size)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", path, r.Name, err)
		}
		if c.data != nil && (int64(len(c.data)) > left || !keep(slug, rel, c.sum)) {
			c.data = nil
		}
		left -= int64(len(c.data))
		if found[slug] == nil {
			found[slug] = map[string]content{}
		}
		found[slug][rel] = c
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, r.check(found, wanted)
}

// readContent reads all of a file, and returns its data unless it is too large.
func readContent(from io.Reader, size int64) (content, error) {
	h := sha256.New()
	c := content{size: size}
	var err error
	if size > maxShown {
		_, err = io.Copy(h, from)
	} else if c.data, err = io.ReadAll(from); err == nil {
		h.Write(c.data)
	}
	h.Sum(c.sum[:0])
	return c, err
}

// check compares what was read with the manifest. For an image it proves that what is
// shown is what it says to ship; for a source, that it has not changed meanwhile.
func (r *Release) check(found tree, wanted map[string]bool) error {
	for _, slug := range slices.Sorted(maps.Keys(wanted)) {
		var files []release.File
		for path, c := range found[slug] {
			files = append(files, release.File{Path: path, Sum: c.sum})
		}
		if w, ok := r.Manifest.Workspace(slug); !ok || release.ContentDigest(files) != w.Digest {
			return &ContentError{r.Name, slug}
		}
	}
	return nil
}

// filePair is a file before and after; nil where it is not there.
type filePair struct {
	path         string
	older, newer *content
}

// workspaceFiles are the files of a workspace before and after.
type workspaceFiles struct {
	// changed are those that differ, sorted by path; for a workspace that was added, those of
	// its files that are classified, which are not shown.
	changed []filePair
	// before holds all files that there were.
	before map[string]content
}

// readPairs reads the files of all workspaces that differ and returns, for each pair,
// the files that do, sorted by path.
func readPairs(ctx context.Context, older, newer *Release, pairs []workspacePair) (map[workspacePair]workspaceFiles, error) {
	before := map[string]bool{}
	after := map[string]bool{}
	slugBefore := map[string]string{}
	for _, p := range pairs {
		switch {
		case p.older == nil:
			after[p.newer.Slug] = true
		case !p.sameFiles():
			before[p.older.Slug] = true
			after[p.newer.Slug] = true
			slugBefore[p.newer.Slug] = p.older.Slug
		}
	}
	was, err := older.readFiles(ctx, before, func(string, string, [sha256.Size]byte) bool { return true })
	if err != nil {
		return nil, err
	}
	is, err := newer.readFiles(ctx, after, func(slug, path string, sum [sha256.Size]byte) bool {
		if slugBefore[slug] == "" {
			return isAutomation(path) || path == "security.yml" || path == "index.yml"
		}
		known, ok := was[slugBefore[slug]][path]
		return !ok || known.sum != sum
	})
	if err != nil {
		return nil, err
	}
	files := map[workspacePair]workspaceFiles{}
	for _, p := range pairs {
		switch {
		case p.older == nil:
			files[p] = workspaceFiles{changed: pairFiles(nil, is[p.newer.Slug])}
		case !p.sameFiles():
			files[p] = workspaceFiles{pairFiles(was[p.older.Slug], is[p.newer.Slug]), was[p.older.Slug]}
		}
	}
	return files, nil
}

// pairFiles returns the files that differ. A file whose name is the same but for its Unicode
// form is the same file.
func pairFiles(older, newer map[string]content) []filePair {
	var pairs []filePair
	renamed := map[string]filePair{}
	for path, c := range older {
		if _, same := newer[path]; !same {
			renamed[norm.NFC.String(path)] = filePair{path: path, older: &c}
		}
	}
	for path, c := range newer {
		before, same := older[path]
		form := norm.NFC.String(path)
		switch {
		case !same:
			pairs = append(pairs, filePair{path, renamed[form].older, &c})
			delete(renamed, form)
		case before.sum != c.sum:
			pairs = append(pairs, filePair{path, &before, &c})
		}
	}
	pairs = slices.AppendSeq(pairs, maps.Values(renamed))
	slices.SortFunc(pairs, func(a, b filePair) int { return strings.Compare(a.path, b.path) })
	return pairs
}
