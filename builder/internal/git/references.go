// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// References are the names that a repository has for its objects.
type References struct {
	// ByName maps full names, such as refs/heads/main.
	ByName map[string]plumbing.Hash
	// Head is what HEAD stands for, if not zero; HeadName is the branch, if it is one.
	Head     plumbing.Hash
	HeadName string
	// AnyCommit says that commits without a name can be had as well.
	AnyCommit bool
}

// Resolve finds what a name stands for: a full hash, a branch, a tag or a whole reference,
// in this order. It is the same for a repository on a server and on this machine. An empty
// name and HEAD stand for the default of the repository. A branch whose name has the form of a hash can
// be named by its whole reference, refs/heads/….
func (refs References) Resolve(name string) (Reference, error) {
	isDefault := name == "" || name == plumbing.HEAD.String()
	if isDefault && len(refs.ByName) == 0 && refs.Head.IsZero() {
		return Reference{}, errEmpty
	}
	if isDefault && refs.Head.IsZero() {
		return Reference{}, errors.New("it has no default branch: name one with --ref")
	}
	if isDefault {
		return Reference{Hash: refs.Head, Name: refs.HeadName}, nil
	}
	if plumbing.IsHash(name) {
		return refs.resolveHash(plumbing.NewHash(name))
	}
	for _, full := range []string{"refs/heads/" + name, "refs/tags/" + name, name} {
		if hash, ok := refs.ByName[full]; ok {
			return Reference{Hash: hash, Name: name}, nil
		}
	}
	if IsAbbreviatedHash(name) {
		return Reference{}, fmt.Errorf("it has no branch and no tag %q: "+
			"if that is a commit, give all 40 digits of its hash", name)
	}
	return Reference{}, fmt.Errorf("it has no branch and no tag %q: name a branch, a tag or a full commit hash", name)
}

// IsAbbreviatedHash reports whether a name may be the beginning of a SHA-1 hash.
func IsAbbreviatedHash(name string) bool {
	return len(name) >= 4 && len(name) < 40 && strings.Trim(name, "0123456789abcdef") == ""
}

func (refs References) resolveHash(hash plumbing.Hash) (Reference, error) {
	if refs.AnyCommit || hash == refs.Head {
		return Reference{Hash: hash}, nil
	}
	for _, tip := range refs.ByName {
		if tip == hash {
			return Reference{Hash: hash}, nil
		}
	}
	return Reference{}, &unnamedError{hash: hash}
}
