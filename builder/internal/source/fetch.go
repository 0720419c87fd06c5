// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// maxServerText bounds what of a server's own words gets into an error, in bytes.
const maxServerText = 200

// fetched is a commit, or a tag, that a repository was asked for.
type fetched struct {
	hash plumbing.Hash
	// ref is the short name of the branch or tag, if there is one.
	ref string
}

// fetch gets one commit and everything that it consists of, without its history
// where the server can do that.
func fetch(ctx context.Context, spec Spec, opts Options, objects storer.Storer) (fetched, error) {
	cred, err := credentials(spec, opts)
	if err != nil {
		return fetched{}, err
	}
	session, err := newSession(spec, opts, cred)
	if err != nil {
		return fetched{}, err
	}
	defer session.Close()
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return fetched{}, explain(ctx, err, cred)
	}
	want, err := choose(refs, spec.ref)
	if err != nil {
		return fetched{}, err
	}
	if err := download(ctx, session, refs, want.hash, objects); err != nil {
		return fetched{}, explain(ctx, err, cred)
	}
	return want, nil
}

// download asks for one object at depth 1 and stores the pack.
func download(ctx context.Context, session transport.UploadPackSession, refs *packp.AdvRefs, want plumbing.Hash, objects storer.Storer) (err error) {
	request := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	request.Wants = []plumbing.Hash{want}
	if refs.Capabilities.Supports(capability.Shallow) {
		request.Depth = packp.DepthCommits(1)
		if err := request.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Close()) }()
	return packfile.UpdateObjectStorage(objects, response)
}

// choose finds what a name stands for: a full hash, a branch, a tag, or a whole
// reference; no name is the repository's own default.
func choose(refs *packp.AdvRefs, name string) (fetched, error) {
	if name == "" {
		return chooseHead(refs)
	}
	if plumbing.IsHash(name) {
		return fetched{hash: plumbing.NewHash(name)}, nil
	}
	for _, full := range []string{"refs/heads/" + name, "refs/tags/" + name, name} {
		if hash, ok := refs.References[full]; ok {
			return fetched{hash: hash, ref: name}, nil
		}
	}
	return fetched{}, fmt.Errorf("it has no branch and no tag %q: name a branch, a tag or a full commit hash", name)
}

func chooseHead(refs *packp.AdvRefs) (fetched, error) {
	if refs.Head == nil {
		return fetched{}, errors.New("it has no default branch: name one with --ref")
	}
	for _, value := range refs.Capabilities.Get(capability.SymRef) {
		if head, target, _ := strings.Cut(value, ":"); head == plumbing.HEAD.String() {
			return fetched{hash: *refs.Head, ref: plumbing.ReferenceName(target).Short()}, nil
		}
	}
	return fetched{hash: *refs.Head}, nil
}

// explain says what to do about an error of the transport, in which servers may
// have quoted anything: it is cut, and cleared of the credential.
func explain(ctx context.Context, err error, cred credential) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("the server refuses %s: set BUILDER_GIT_TOKEN or --git-token-file, or correct what is set", cred.describe())
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return errors.New("the server has no such repository, or does not show it to " + cred.describe())
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return errors.New("the repository is empty")
	case errors.Is(err, errRedirect):
		return errRedirect
	}
	text := cred.clear(printable(err.Error()))
	return errors.New("fetch: " + text[:min(len(text), maxServerText)])
}
