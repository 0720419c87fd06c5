// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/prismeai/workspaces-release/builder/internal/git"
)

// revisionForm matches a name and its path to ancestors: main, HEAD~3, v1^2~1.
var revisionForm = regexp.MustCompile(`^([^~^\x00-\x20]+)((?:~\d*|\^\d*)*)$`)

var revisionStep = regexp.MustCompile(`[~^]\d*`)

// resolver resolves revisions to commits.
type resolver struct {
	objects storer.EncodedObjectStorer
	storage *filesystem.Storage
}

// resolveCommit resolves a revision: HEAD, a branch, a tag, a full or abbreviated hash, or an ancestor
// such as HEAD~3 or main^2.
func (r resolver) resolveCommit(revision string) (*object.Commit, error) {
	parts := revisionForm.FindStringSubmatch(revision)
	if parts == nil {
		return nil, fmt.Errorf("%q is not a revision: name a commit, a branch or a tag, or one of its "+
			"ancestors, such as HEAD~3", printableName(revision))
	}
	hash, err := r.resolveName(parts[1])
	if err != nil {
		return nil, err
	}
	commit, err := git.PeelCommit(r.objects, hash)
	for _, step := range revisionStep.FindAllString(parts[2], -1) {
		if err != nil {
			break
		}
		commit, err = r.resolveStep(commit, step)
	}
	if err != nil {
		return nil, fmt.Errorf("revision %s: %w", printableName(revision), err)
	}
	return commit, nil
}

// resolveStep resolves ~N or ^N.
func (r resolver) resolveStep(commit *object.Commit, step string) (_ *object.Commit, err error) {
	n := 1
	if step[1:] != "" {
		if n, err = strconv.Atoi(step[1:]); err != nil {
			return nil, err
		}
	}
	if step[0] == '^' && n > 0 {
		return r.parentCommit(commit, n)
	}
	for range n {
		if step[0] == '^' {
			break // ^0 is the commit itself
		}
		if commit, err = r.parentCommit(commit, 1); err != nil {
			return nil, err
		}
	}
	return commit, nil
}

func (r resolver) parentCommit(commit *object.Commit, n int) (*object.Commit, error) {
	if n > len(commit.ParentHashes) {
		return nil, fmt.Errorf("commit %s has no parent %d", commit.Hash.String()[:shortHash], n)
	}
	parent, err := object.GetCommit(r.objects, commit.ParentHashes[n-1])
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, errShallow
	}
	return parent, err
}

// shortHash is the length of hashes in messages.
const shortHash = 12

// resolveName resolves a name in the order of git rev-parse.
func (r resolver) resolveName(name string) (plumbing.Hash, error) {
	if plumbing.IsHash(name) {
		return plumbing.NewHash(name), nil
	}
	if name == "@" {
		name = plumbing.HEAD.String()
	}
	for _, format := range plumbing.RefRevParseRules {
		ref, err := storer.ResolveReference(r.storage, plumbing.ReferenceName(fmt.Sprintf(format, name)))
		if err == nil {
			return ref.Hash(), nil
		}
	}
	if git.IsAbbreviatedHash(name) {
		return r.resolveShort(name)
	}
	return plumbing.ZeroHash, fmt.Errorf("there is no branch, tag or commit %q", printableName(name))
}

// resolveShort returns the only commit or tag with a hash prefix.
func (r resolver) resolveShort(start string) (plumbing.Hash, error) {
	bytes, err := hex.DecodeString(start[:len(start)&^1])
	if err != nil {
		return plumbing.ZeroHash, err
	}
	candidates, err := r.storage.HashesWithPrefix(bytes)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("look for commit %s: %w", start, err)
	}
	found := map[plumbing.Hash]bool{}
	for _, hash := range candidates {
		if !strings.HasPrefix(hash.String(), start) {
			continue
		}
		if _, err := git.PeelCommit(r.objects, hash); err == nil {
			found[hash] = true
		}
	}
	switch len(found) {
	case 0:
		return plumbing.ZeroHash, fmt.Errorf("there is no branch, tag or commit %q", start)
	case 1:
		for hash := range found {
			return hash, nil
		}
	}
	return plumbing.ZeroHash, fmt.Errorf("%d commits begin with %s: give more of the hash", len(found), start)
}

// listRange returns the commits of a range, parents first: A..B has the commits of B that A lacks; A
// stands for A..HEAD. All zeros, which CI systems use for the commit before the first one, exclude
// nothing.
func (c *Changes) listRange(ctx context.Context, text string) ([]plumbing.Hash, error) {
	if strings.Contains(text, "...") {
		return nil, fmt.Errorf("range %q: write A..B, with two dots", printableName(text))
	}
	from, to, _ := strings.Cut(text, "..")
	names := resolver{c.objects, c.storage}
	var excluded []plumbing.Hash
	if strings.Trim(from, "0") != "" || from == "" || len(from) < len(plumbing.ZeroHash)*2 {
		commit, err := names.resolveCommit(defaultToHead(from))
		if err != nil {
			return nil, err
		}
		excluded = append(excluded, commit.Hash)
	}
	tip, err := names.resolveCommit(defaultToHead(to))
	if err != nil {
		return nil, err
	}
	return c.listBetween(ctx, excluded, []plumbing.Hash{tip.Hash})
}

func defaultToHead(revision string) string {
	if revision == "" {
		return plumbing.HEAD.String()
	}
	return revision
}
