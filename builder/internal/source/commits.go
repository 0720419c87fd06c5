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

// Since hands fn every content that the commits of a range add, each once: HEAD~3 stands for
// the commits after that one, A..B for those that B has and A has not. It returns how many
// commits were looked at.
func (c *Changes) Since(ctx context.Context, revisions string, fn func(Version) error) (commits int, err error) {
	list, err := c.commits(ctx, revisions)
	if err != nil {
		return 0, err
	}
	return len(list), c.added(ctx, list, fn)
}

// maxUpdates bounds what Git tells a hook of a push, in references.
const maxUpdates = 100_000

// Pushed hands fn every content that a push adds, each once. Updates has a line OLD NEW REF
// for each reference, as Git gives them to the hook pre-receive: what no reference of the
// repository has yet is new. It returns how many commits were looked at.
func (c *Changes) Pushed(ctx context.Context, updates io.Reader, fn func(Version) error) (commits int, err error) {
	tips, err := c.pushedTips(updates)
	if err != nil {
		return 0, err
	}
	known, err := c.knownTips()
	if err != nil {
		return 0, err
	}
	list, err := c.between(ctx, known, tips)
	if err != nil {
		return 0, err
	}
	return len(list), c.added(ctx, list, fn)
}

// pushedTips returns the commits that references are to have.
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
			return nil, fmt.Errorf("line %d of standard input is not OLD NEW REF, as Git gives it to the hook pre-receive", lines)
		}
		hash := plumbing.NewHash(fields[1])
		if hash.IsZero() {
			continue // the reference is deleted
		}
		commit, err := git.PeelCommit(c.objects, hash)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", printable(fields[2]), err)
		}
		tips = append(tips, commit.Hash)
	}
	if lines == 0 {
		return nil, errors.New("standard input has no updates: run the scan in the hook pre-receive")
	}
	return tips, nil
}

// knownTips returns the commits that the references of the repository have.
func (c *Changes) knownTips() ([]plumbing.Hash, error) {
	refs, err := git.ReadReferences(c.storage)
	if err != nil {
		return nil, fmt.Errorf("read references: %w", err)
	}
	var tips []plumbing.Hash
	for _, hash := range refs.ByName {
		if commit, err := git.PeelCommit(c.objects, hash); err == nil { // a tag may be of a file
			tips = append(tips, commit.Hash)
		}
	}
	return tips, nil
}

// between lists the commits of tips, and before them, that those excluded have not, parents
// first. A history that is cut off before it reaches them is an error.
func (c *Changes) between(ctx context.Context, excluded, tips []plumbing.Hash) ([]plumbing.Hash, error) {
	shallow, err := c.storage.Shallow()
	if err != nil {
		return nil, err
	}
	h := historian{objects: c.objects, shallow: shallow}
	known := map[plumbing.Hash]bool{}
	for _, hash := range excluded {
		if _, err := h.ancestors(ctx, hash, known); err != nil {
			return nil, err
		}
	}
	var list []plumbing.Hash
	for _, hash := range tips {
		more, err := h.ancestors(ctx, hash, known)
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

// added hands fn what commits add to what their parents have.
func (c *Changes) added(ctx context.Context, list []plumbing.Hash, fn func(Version) error) error {
	h := historian{objects: c.objects, subdir: c.opts.Subdir, limit: c.opts.Limits.FileSize, seen: map[plumbing.Hash]bool{}}
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
			if err := h.commit(ctx, parent); err != nil { // without a function, it is only remembered
				return err
			}
		}
	}
	h.fn = c.version(fn)
	for _, hash := range list {
		if err := h.commit(ctx, hash); err != nil {
			return err
		}
	}
	return nil
}

// version finds out which workspace a version belongs to. One that is too large is an error.
func (c *Changes) version(fn func(Version) error) func(Version) error {
	var last string
	var tree *object.Tree
	return func(v Version) error {
		if v.Data == nil && v.Size > 0 {
			return fmt.Errorf("%s in commit %s is larger than %d bytes: raise --max-file-size", printable(v.Path), v.Commit, c.opts.Limits.FileSize)
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
		v.Within = inWorkspace(c.full(v.Path), func(dir string) bool {
			_, err := tree.FindEntry(path.Join(dir, workspaceMark))
			return err == nil
		})
		return fn(v)
	}
}

// look reads the files of a commit, and of its parents, or of HEAD for what is staged.
func (c *Changes) look(commit string) error {
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

func (c *Changes) lookAtStaged() error {
	list, err := c.index()
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

// maxRenames bounds how many files are taken for the earlier name of one.
const maxRenames = 20

// Before returns what a file had in the parents of a commit, or in HEAD if the commit is
// empty, for what is staged. For a file that is new there, it returns files that the change
// removes and that may be its earlier name.
func (c *Changes) Before(name, commit string) (contents [][]byte, err error) {
	if commit == "" {
		err = c.lookAtStaged()
	} else {
		err = c.look(commit)
	}
	if err != nil {
		return nil, err
	}
	full := c.full(name)
	for _, before := range c.snapshots.before {
		hashes := []plumbing.Hash{before[full]}
		if _, there := before[full]; !there {
			hashes = c.snapshots.now.renamed(before, full)
		}
		for _, hash := range hashes {
			data, err := c.readBlob(hash)
			if err != nil {
				return nil, fmt.Errorf("read an earlier %s: %w", printable(name), err)
			}
			contents = append(contents, data)
		}
	}
	return contents, nil
}

// renamed returns the files that are gone and have the extension of a new one: first those
// whose path has the longest end in common with it.
func (s snapshot) renamed(before snapshot, name string) []plumbing.Hash {
	var gone []string
	for old := range before {
		if _, there := s[old]; !there && path.Ext(old) == path.Ext(name) {
			gone = append(gone, old)
		}
	}
	slices.SortFunc(gone, func(a, b string) int {
		if d := commonEnd(b, name) - commonEnd(a, name); d != 0 {
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

// commonEnd counts the bytes that two texts have in common at their ends.
func commonEnd(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
