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
	// maxShown is the maximum size in bytes of a file whose content is compared.
	maxShown = 1 << 20
	// maxKept bounds the content kept in memory per release, in bytes.
	maxKept = 64 << 20
)

// ContentError reports a workspace whose files do not match its manifest.
type ContentError struct {
	// Release and Slug identify the workspace.
	Release, Slug string
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("%s: the files of workspace %q do not match its manifest", e.Release, e.Slug)
}

// content is what is kept of a file.
type content struct {
	sum  [sha256.Size]byte
	size int64
	// data is nil if it exceeds the limits.
	data []byte
}

// tree holds the files of workspaces by slug and by path in the workspace.
type tree map[string]map[string]content

// readFiles reads the wanted workspaces. It keeps the content of the files for which keep returns
// true.
func (r *Release) readFiles(
	ctx context.Context, wanted map[string]bool, keep func(slug, path string, sum [sha256.Size]byte) bool,
) (tree, error) {
	found := tree{}
	left := int64(maxKept)
	if len(wanted) == 0 {
		return found, nil
	}
	isWanted := func(slug string) bool { return wanted[slug] }
	err := r.Walk(ctx, isWanted, func(path string, size int64, from io.Reader) error {
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
	return found, r.verifyContent(found, wanted)
}

// readContent reads a file to its end. It returns the data unless the file is too large.
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

// verifyContent compares the files with the manifest. This proves that the report shows what an image
// ships, and that a source has not changed meanwhile.
func (r *Release) verifyContent(found tree, wanted map[string]bool) error {
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

// filePair is a file before and after; nil where it is missing.
type filePair struct {
	path         string
	older, newer *content
}

// workspaceFiles are the files of a workspace before and after.
type workspaceFiles struct {
	// changed are the files that differ, sorted by path. For an added workspace, they are the files
	// that are classified but not shown.
	changed []filePair
	// before holds all files of the old workspace.
	before map[string]content
}

// readPairs reads the files of all workspaces that differ, and returns the changed files of each
// pair.
func readPairs(
	ctx context.Context, older, newer *Release, pairs []workspacePair,
) (map[workspacePair]workspaceFiles, error) {
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

// pairFiles returns the files that differ. Names that differ only in their Unicode form are the
// same file.
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
