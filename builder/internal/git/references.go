// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// References are the references of a repository.
type References struct {
	// ByName maps full names, such as refs/heads/main, to hashes.
	ByName map[string]plumbing.Hash
	// Head is the hash of HEAD, or zero. HeadName is the branch that HEAD refers to, or empty.
	Head     plumbing.Hash
	HeadName string
	// AnyCommit means that commits without a reference can be read as well.
	AnyCommit bool
}

// Resolve resolves a full hash, a branch, a tag or a reference, in this order, for remote and local
// repositories alike. A reference may lack refs/, as in heads/main. An empty name, HEAD or @ resolves
// to the default branch of the repository. A branch whose name looks like a hash can be named by its
// full reference, refs/heads/….
func (refs References) Resolve(name string) (Reference, error) {
	isDefault := name == "" || name == plumbing.HEAD.String() || name == "@"
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
	for _, full := range []string{"refs/heads/" + name, "refs/tags/" + name, name, "refs/" + name} {
		if hash, ok := refs.ByName[full]; ok {
			return Reference{Hash: hash, Name: name}, nil
		}
	}
	if IsAbbreviatedHash(name) {
		return Reference{}, fmt.Errorf("it has no branch and no tag %q: "+
			"if that is a commit, give all 40 digits of its hash", name)
	}
	// Jenkins and others name branches as a clone does.
	if branch, ok := strings.CutPrefix(name, "origin/"); ok && refs.hasBranch(branch) {
		return Reference{}, fmt.Errorf("it has no branch and no tag %q, but it has the branch %q", name, branch)
	}
	return Reference{}, fmt.Errorf("it has no branch and no tag %q: name a branch, a tag or a full commit hash", name)
}

func (refs References) hasBranch(name string) bool {
	_, ok := refs.ByName[plumbing.NewBranchReferenceName(name).String()]
	return ok
}

// IsAbbreviatedHash reports whether name may be an abbreviated SHA-1 hash.
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
