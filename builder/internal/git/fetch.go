// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

const (
	// maxErrorText limits the length of an error in bytes, because it may quote a server.
	maxErrorText = 400
	// maxAdvertisement limits a server's list of references in bytes.
	maxAdvertisement = 64 << 20
)

// transport accesses a repository through Git's upload-pack: the server first advertises its
// references, then answers one request with objects.
type transport interface {
	readReferences(ctx context.Context) (io.ReadCloser, error)
	uploadRequest(ctx context.Context, request []byte) (io.ReadCloser, error)
	// uploadRequestV2 sends a request of protocol version 2, which needs no advertisement.
	uploadRequestV2(ctx context.Context, request []byte) (io.ReadCloser, error)
	io.Closer
}

// Errors common to all Git transports.
var (
	errDenied = errors.New("access is denied")
	errNoSuch = errors.New("there is no such repository")
	errNotGit = errors.New("the response does not come from a Git server: use the URL that git clone accepts")
	errEmpty  = errors.New("the repository is empty")
)

// ErrFormat is part of the errors about repositories that go-git cannot read.
var ErrFormat = errors.New("which the builder does not read yet")

var (
	errSHA256   = fmt.Errorf("the repository uses SHA-256 hashes, %w", ErrFormat)
	errReftable = fmt.Errorf("the repository stores its references in a reftable, %w", ErrFormat)
)

// AdviseCheckout adds a remedy to an [ErrFormat].
func AdviseCheckout(err error) error {
	if !errors.Is(err, ErrFormat) {
		return err
	}
	return fmt.Errorf("%w: build from a checkout of it", err)
}

// wanted is the reference to fetch, and whether to fetch its history.
type wanted struct {
	ref     string
	history bool
}

// fetchReference uses protocol version 0, or version 2 for a commit that no reference names.
func fetchReference(
	ctx context.Context, server transport, wants wanted, dir string, limits packLimits,
) (Reference, error) {
	advertised, err := readAdvertisement(ctx, server)
	if err != nil {
		return Reference{}, err
	}
	want, err := advertisedReferences(advertised).Resolve(wants.ref)
	var unnamed *unnamedError
	if errors.As(err, &unnamed) {
		return Reference{Hash: unnamed.hash}, fetchUnnamed(ctx, server, wants, unnamed, dir, limits)
	}
	if err != nil {
		return Reference{}, err
	}
	request, text, err := newRequest(advertised.Capabilities, want.Hash, wants.history)
	if err != nil {
		return Reference{}, err
	}
	answer, err := server.uploadRequest(ctx, text)
	if err != nil {
		return Reference{}, err
	}
	defer answer.Close()
	pack, err := readPackHead(limits.limitReader(answer), request)
	if err != nil {
		return Reference{}, err
	}
	return want, storePack(pack, dir, limits)
}

func readAdvertisement(ctx context.Context, server transport) (*packp.AdvRefs, error) {
	answer, err := server.readReferences(ctx)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	refs := packp.NewAdvRefs()
	tooLong := newLimitError("bytes in its list of references", maxAdvertisement)
	first := &firstBytes{Reader: &limit.Reader{R: answer, Left: maxAdvertisement, Err: tooLong}}
	err = refs.Decode(first)
	if err != nil && bytes.Contains(first.kept, []byte("object-format=sha256")) {
		return nil, AdviseCheckout(errSHA256)
	}
	if errors.Is(err, packp.ErrEmptyAdvRefs) || err == nil && refs.IsEmpty() {
		return nil, errEmpty
	}
	return refs, err
}

// firstBytes keeps the first bytes that are read, which contain the server's capabilities.
type firstBytes struct {
	io.Reader
	kept []byte
}

func (f *firstBytes) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	f.kept = append(f.kept, p[:min(n, maxErrorText*4-len(f.kept))]...)
	return n, err
}

// advertisedReferences returns the references of a server. Without the capability to serve any
// commit, the server serves only commits that a reference names.
func advertisedReferences(refs *packp.AdvRefs) References {
	list := References{
		ByName:    refs.References,
		AnyCommit: refs.Capabilities.Supports(capability.AllowReachableSHA1InWant),
	}
	if refs.Head != nil {
		list.Head = *refs.Head
	}
	for _, value := range refs.Capabilities.Get(capability.SymRef) {
		if name, target, _ := strings.Cut(value, ":"); name == plumbing.HEAD.String() {
			list.HeadName = plumbing.ReferenceName(target).Short()
		}
	}
	return list
}

// newRequest returns a request for one object, at depth 1 or with its history, and its encoding.
func newRequest(offered *capability.List, want plumbing.Hash, history bool) (*packp.UploadPackRequest, []byte, error) {
	request := packp.NewUploadPackRequestFromCapabilities(offered)
	request.Capabilities.Delete(capability.ThinPack) // a thin pack requires objects that we do not have
	request.Wants = []plumbing.Hash{want}
	var errs []error
	if offered.Supports(capability.NoProgress) {
		errs = append(errs, request.Capabilities.Set(capability.NoProgress))
	}
	if !history && offered.Supports(capability.Shallow) {
		errs = append(errs, request.Capabilities.Set(capability.Shallow))
		request.Depth = packp.DepthCommits(1)
	}
	var text bytes.Buffer
	errs = append(errs, request.UploadRequest.Encode(&text), pktline.NewEncoder(&text).EncodeString("done\n"))
	return request, text.Bytes(), errors.Join(errs...)
}

// readPackHead reads the head of a response and returns the pack that follows.
func readPackHead(answer io.Reader, request *packp.UploadPackRequest) (io.Reader, error) {
	response := packp.NewUploadPackResponse(request)
	if err := response.Decode(io.NopCloser(answer)); err != nil {
		return nil, err
	}
	switch {
	case request.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, response), nil
	case request.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, response), nil
	default:
		return response, nil
	}
}

// explainError rewords an error of a transport and adds a remedy. The error may quote the server, so
// explainError truncates it and masks the credential.
func explainError(ctx context.Context, err error, cred credential) error {
	var tooLarge *limit.Error
	var file *FileError
	var said *pktline.ErrorLine
	var request *url.Error
	var redirect *redirectError
	var unnamed *unnamedError
	if errors.As(err, &request) {
		err = request.Err // the URL may be a redirect target with a token in it
	}
	text := err.Error()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &tooLarge):
		return tooLarge
	case errors.As(err, &file):
		return file
	case errors.Is(err, errDenied):
		text = fmt.Sprintf("the server refuses %s: set %s or --git-token-file, or correct what is set",
			cred.describeOrigin(), envToken)
	case errors.Is(err, errNoSuch):
		text = "the server has no such repository, or does not show it to " + cred.describeOrigin()
	case errors.As(err, new(x509.UnknownAuthorityError)):
		text = "the server's certificate is signed by an unknown authority: pass the authority's certificate with --git-ca"
	case errors.As(err, &redirect):
		text = redirect.Error()
	case errors.As(err, &unnamed):
		text = unnamed.Error()
	case errors.As(err, &said) && phrases.Says(said, movedReference):
		text = "the server responded: " + said.Text + "; if a branch moved meanwhile, run again"
	case errors.As(err, &said):
		text = "the server responded: " + said.Text
	case errors.Is(err, pktline.ErrInvalidPktLen), errors.Is(err, packp.ErrEmptyInput):
		text = errNotGit.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the server's answer ends too early"
	}
	return errors.New(terminal.Shorten(terminal.Safe(cred.maskIn(text)), maxErrorText))
}
