// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// references are the names that a repository has for its objects.
type references struct {
	// byName maps full names, such as refs/heads/main.
	byName map[string]plumbing.Hash
	// head is what HEAD stands for, if not zero; headName is the branch, if it is one.
	head     plumbing.Hash
	headName string
	// any says that objects without a name can be had as well.
	any bool
}

// named is an object that was asked for.
type named struct {
	hash plumbing.Hash
	// ref is the name of the branch or tag; empty if there is none.
	ref string
}

// choose finds what a name stands for: a full hash, a branch, a tag, or a whole
// reference, in this order, for all repositories, here or on a server. No name, and HEAD,
// stand for the repository's own default. A branch whose name has the form of a hash can
// be named by its whole reference, refs/heads/….
func choose(refs references, name string) (named, error) {
	isDefault := name == "" || name == plumbing.HEAD.String()
	if isDefault && len(refs.byName) == 0 && refs.head.IsZero() {
		return named{}, errEmpty
	}
	if isDefault && refs.head.IsZero() {
		return named{}, errors.New("it has no default branch: name one with --ref")
	}
	if isDefault {
		return named{hash: refs.head, ref: refs.headName}, nil
	}
	if plumbing.IsHash(name) {
		return chooseHash(refs, plumbing.NewHash(name))
	}
	for _, full := range []string{"refs/heads/" + name, "refs/tags/" + name, name} {
		if hash, ok := refs.byName[full]; ok {
			return named{hash: hash, ref: name}, nil
		}
	}
	if isShortHash(name) {
		return named{}, fmt.Errorf("it has no branch and no tag %q: if that is a commit, give all 40 digits of its hash", name)
	}
	return named{}, fmt.Errorf("it has no branch and no tag %q: name a branch, a tag or a full commit hash", name)
}

// isShortHash reports whether a name may be the beginning of a hash.
func isShortHash(name string) bool {
	return len(name) >= 4 && len(name) < 40 && strings.Trim(name, "0123456789abcdef") == ""
}

func chooseHash(refs references, hash plumbing.Hash) (named, error) {
	if refs.any || hash == refs.head {
		return named{hash: hash}, nil
	}
	for _, tip := range refs.byName {
		if tip == hash {
			return named{hash: hash}, nil
		}
	}
	return named{}, &unnamedError{hash: hash}
}
