// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/prismeai/workspaces-release/builder/internal/git"
)

// Since calls fn once for every content that the commits of a range add. HEAD~3 stands for the
// commits after that one, A..B for the commits of B that A lacks. It returns the number of commits.
func (c *Changes) Since(ctx context.Context, revisions string, fn func(Version) error) (commits int, err error) {
	list, err := c.listRange(ctx, revisions)
	if err != nil {
		return 0, err
	}
	return len(list), c.eachAddition(ctx, list, fn)
}

// maxUpdates bounds the references in the input of a push hook.
const maxUpdates = 100_000

// Pushed calls fn once for every content that a push adds. updates has a line OLD NEW REF for each
// reference, as Git passes them to a pre-receive hook; contents that no reference of the repository
// reaches are new. It returns the number of commits.
func (c *Changes) Pushed(ctx context.Context, updates io.Reader, fn func(Version) error) (commits int, err error) {
	tips, err := c.pushedTips(updates)
	if err != nil {
		return 0, err
	}
	known, err := c.knownTips()
	if err != nil {
		return 0, err
	}
	list, err := c.listBetween(ctx, known, tips)
	if err != nil {
		return 0, err
	}
	return len(list), c.eachAddition(ctx, list, fn)
}

// pushedTips returns the new commits of the references.
func (c *Changes) pushedTips(updates io.Reader) ([]plumbing.Hash, error) {
	var tips []plumbing.Hash
	lines := 0
	for scanner := bufio.NewScanner(updates); ; {
		if !scanner.Scan() {
			if err := scanner.Err(); err != nil {
				return nil, fmt.Errorf("read the updates of the push: %w", err)
			}
			break
		}
		if lines++; lines > maxUpdates {
			return nil, fmt.Errorf("the push updates more than %d references", maxUpdates)
		}
		fields := strings.SplitN(scanner.Text(), " ", 3)
		if len(fields) != 3 || !plumbing.IsHash(fields[0]) || !plumbing.IsHash(fields[1]) {
			return nil, fmt.Errorf("line %d of standard input is not OLD NEW REF, as Git gives it to the hook "+
				"pre-receive", lines)
		}
		hash := plumbing.NewHash(fields[1])
		if hash.IsZero() {
			continue // the reference is deleted
		}
		commit, err := git.PeelCommit(c.objects, hash)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", printableName(fields[2]), err)
		}
		tips = append(tips, commit.Hash)
	}
	if lines == 0 {
		return nil, errors.New("standard input has no updates: run the scan in the hook pre-receive")
	}
	return tips, nil
}

// knownTips returns the commits of the repository's references.
func (c *Changes) knownTips() ([]plumbing.Hash, error) {
	refs, err := git.ReadReferences(c.storage)
	if err != nil {
		return nil, fmt.Errorf("read references: %w", err)
	}
	var tips []plumbing.Hash
	for _, hash := range refs.ByName {
		if commit, err := git.PeelCommit(c.objects, hash); err == nil { // a tag may refer to a file
			tips = append(tips, commit.Hash)
		}
	}
	return tips, nil
}

// listBetween lists the commits that tips reach and excluded do not, parents first. It returns an error
// if a shallow history ends before it reaches the excluded commits.
func (c *Changes) listBetween(ctx context.Context, excluded, tips []plumbing.Hash) ([]plumbing.Hash, error) {
	shallow, err := c.storage.Shallow()
	if err != nil {
		return nil, err
	}
	h := historyWalker{objects: c.objects, shallow: shallow}
	known := map[plumbing.Hash]bool{}
	for _, hash := range excluded {
		if _, err := h.listAncestors(ctx, hash, known); err != nil {
			return nil, err
		}
	}
	var list []plumbing.Hash
	for _, hash := range tips {
		more, err := h.listAncestors(ctx, hash, known)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	if slices.ContainsFunc(list, func(hash plumbing.Hash) bool { return slices.Contains(shallow, hash) }) {
		return nil, errShallow
	}
	return list, nil
}

// eachAddition calls fn for what commits add to their parents.
func (c *Changes) eachAddition(ctx context.Context, list []plumbing.Hash, fn func(Version) error) error {
	h := historyWalker{
		objects: c.objects,
		subdir:  c.opts.Subdir,
		limit:   c.opts.Limits.FileSize,
		seen:    map[plumbing.Hash]bool{},
	}
	inside := map[plumbing.Hash]bool{}
	for _, hash := range list {
		inside[hash] = true
	}
	for _, hash := range list {
		commit, err := object.GetCommit(c.objects, hash)
		if err != nil {
			return fmt.Errorf("read commit %s: %w", hash, err)
		}
		for _, parent := range commit.ParentHashes {
			if inside[parent] {
				continue
			}
			inside[parent] = true
			if err := h.visitCommit(ctx, parent); err != nil { // without fn, it is only recorded
				return err
			}
		}
	}
	h.fn = c.newVersionFilter(fn)
	for _, hash := range list {
		if err := h.visitCommit(ctx, hash); err != nil {
			return err
		}
	}
	return nil
}

// newVersionFilter returns a function that determines the workspace of a version and passes the version
// to fn. A version that is too large is an error.
func (c *Changes) newVersionFilter(fn func(Version) error) func(Version) error {
	var last string
	var tree *object.Tree
	return func(v Version) error {
		if v.Data == nil && v.Size > 0 {
			return fmt.Errorf("%s in commit %s is larger than %d bytes: raise --max-file-size", printableName(v.Path),
				v.Commit, c.opts.Limits.FileSize)
		}
		if v.Commit != last {
			commit, err := object.GetCommit(c.objects, plumbing.NewHash(v.Commit))
			if err == nil {
				tree, err = commit.Tree()
			}
			if err != nil {
				return fmt.Errorf("read commit %s: %w", v.Commit, err)
			}
			last = v.Commit
		}
		v.Within = inWorkspace(c.repositoryPath(v.Path), func(dir string) bool {
			_, err := tree.FindEntry(path.Join(dir, workspaceMark))
			return err == nil
		})
		return fn(v)
	}
}

// readSnapshots reads the files of a commit and of its parents, or of HEAD for staged files.
func (c *Changes) readSnapshots(commit string) error {
	s := &c.snapshots
	if s.commit == commit && s.now != nil {
		return nil
	}
	s.commit = commit
	s.before = nil
	read, err := object.GetCommit(c.objects, plumbing.NewHash(commit))
	if err != nil {
		return fmt.Errorf("read commit %s: %w", commit, err)
	}
	if s.now, err = c.commitFiles(read.Hash); err != nil {
		return err
	}
	for _, parent := range read.ParentHashes {
		before, err := c.commitFiles(parent)
		if err != nil {
			return err
		}
		s.before = append(s.before, before)
	}
	return nil
}

func (c *Changes) readStagedSnapshots() error {
	list, err := c.listIndex()
	if err != nil {
		return err
	}
	head, err := c.headFiles()
	if err != nil {
		return err
	}
	c.snapshots.commit = ""
	c.snapshots.now = snapshot{}
	c.snapshots.before = []snapshot{head}
	for _, e := range list {
		c.snapshots.now[e.Name] = e.Hash
	}
	return nil
}

// maxRenames bounds the candidates for the former name of a file.
const maxRenames = 20

// Before returns the content of a file in the parents of a commit, or in HEAD for staged files if
// commit is empty. For a new file, it returns removed files that may be its former name.
func (c *Changes) Before(name, commit string) (contents [][]byte, err error) {
	if commit == "" {
		err = c.readStagedSnapshots()
	} else {
		err = c.readSnapshots(commit)
	}
	if err != nil {
		return nil, err
	}
	full := c.repositoryPath(name)
	for _, before := range c.snapshots.before {
		hashes := []plumbing.Hash{before[full]}
		if _, there := before[full]; !there {
			hashes = c.snapshots.now.findRenamed(before, full)
		}
		for _, hash := range hashes {
			data, err := c.readBlob(hash)
			if err != nil {
				return nil, fmt.Errorf("read an earlier %s: %w", printableName(name), err)
			}
			contents = append(contents, data)
		}
	}
	return contents, nil
}

// findRenamed returns the removed files with the extension of a new one, those with the longest common
// path suffix first.
func (s snapshot) findRenamed(before snapshot, name string) []plumbing.Hash {
	var gone []string
	for old := range before {
		if _, there := s[old]; !there && path.Ext(old) == path.Ext(name) {
			gone = append(gone, old)
		}
	}
	slices.SortFunc(gone, func(a, b string) int {
		if d := commonSuffix(b, name) - commonSuffix(a, name); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var hashes []plumbing.Hash
	for _, old := range gone[:min(len(gone), maxRenames)] {
		hashes = append(hashes, before[old])
	}
	return hashes
}

// commonSuffix returns the length of the common suffix in bytes.
func commonSuffix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
