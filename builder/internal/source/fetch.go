// SPDX-License-Identifier: AGPL-3.0-or-later

package source

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
)

const (
	// maxErrorText bounds an error, of which a server may have worded a part, in bytes.
	maxErrorText = 400
	// maxAdvertisement bounds the list of references of a server, in bytes.
	maxAdvertisement = 64 << 20
)

// remote is a repository on a server, as Git's upload-pack shows it: first it
// advertises its references, then it answers one request with objects.
type remote interface {
	advertise(ctx context.Context) (io.ReadCloser, error)
	upload(ctx context.Context, request []byte) (io.ReadCloser, error)
	// uploadV2 sends a request of version 2 of the protocol, which needs no advertisement.
	uploadV2(ctx context.Context, request []byte) (io.ReadCloser, error)
	io.Closer
}

// Errors common to all Git transports.
var (
	errDenied = errors.New("access is denied")
	errNoSuch = errors.New("there is no such repository")
	errNotGit = errors.New("what answers is no Git server: use the URL that git clone takes")
	errEmpty  = errors.New("the repository is empty")
	errSHA256 = errors.New("the repository uses SHA-256 hashes, which the builder does not read yet: build from a directory that it is checked out to")
)

// fetch gets one commit and everything that it consists of, without its history where
// that is not wanted and the server can do so, and stores it below dir as [openStorage] reads it.
func fetch(ctx context.Context, spec Spec, opts Options, dir string) (named, error) {
	cred, err := credentials(spec, opts)
	if err != nil {
		return named{}, err
	}
	server, err := connect(ctx, spec, opts, cred)
	if err != nil {
		return named{}, explain(ctx, err, cred)
	}
	defer server.Close()
	want, err := exchange(ctx, server, wanted{spec.ref, opts.History}, dir, newPackLimits(opts.Limits))
	if err != nil {
		return named{}, explain(ctx, err, cred)
	}
	return want, nil
}

func connect(ctx context.Context, spec Spec, opts Options, cred credential) (remote, error) {
	if spec.url.Scheme == "ssh" {
		return dialSSH(ctx, spec, opts, cred)
	}
	return newHTTPRemote(spec, opts, cred)
}

// wanted is what to ask a server for.
type wanted struct {
	ref string
	// history: all commits before, too.
	history bool
}

// exchange speaks version 0 of the protocol, and version 2 for a commit that no
// reference names.
func exchange(ctx context.Context, server remote, wants wanted, dir string, limits packLimits) (named, error) {
	advertised, err := advertisement(ctx, server)
	if err != nil {
		return named{}, err
	}
	want, err := choose(advertisedReferences(advertised), wants.ref)
	var unnamed *unnamedError
	if errors.As(err, &unnamed) {
		return named{hash: unnamed.hash}, fetchUnnamed(ctx, server, wants, unnamed, dir, limits)
	}
	if err != nil {
		return named{}, err
	}
	request, text, err := newRequest(advertised.Capabilities, want.hash, wants.history)
	if err != nil {
		return named{}, err
	}
	answer, err := server.upload(ctx, text)
	if err != nil {
		return named{}, err
	}
	defer answer.Close()
	pack, err := packOf(&limitedReader{Reader: answer, left: limits.total, limit: limits.totalError()}, request)
	if err != nil {
		return named{}, err
	}
	return want, storePack(pack, dir, limits)
}

func advertisement(ctx context.Context, server remote) (*packp.AdvRefs, error) {
	answer, err := server.advertise(ctx)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	refs := packp.NewAdvRefs()
	limit := &LimitError{What: "bytes in its list of references", Max: maxAdvertisement, fixed: true}
	first := &firstBytes{Reader: &limitedReader{Reader: answer, left: maxAdvertisement, limit: limit}}
	err = refs.Decode(first)
	if err != nil && bytes.Contains(first.kept, []byte("object-format=sha256")) {
		return nil, errSHA256
	}
	if errors.Is(err, packp.ErrEmptyAdvRefs) || err == nil && refs.IsEmpty() {
		return nil, errEmpty
	}
	return refs, err
}

// firstBytes keeps the first bytes that are read: the capabilities of a server.
type firstBytes struct {
	io.Reader
	kept []byte
}

func (f *firstBytes) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	f.kept = append(f.kept, p[:min(n, maxErrorText*4-len(f.kept))]...)
	return n, err
}

// advertisedReferences drops what a server need not give: without the capability,
// only what a reference names can be asked for.
func advertisedReferences(refs *packp.AdvRefs) references {
	list := references{
		byName: refs.References,
		any:    refs.Capabilities.Supports(capability.AllowReachableSHA1InWant),
	}
	if refs.Head != nil {
		list.head = *refs.Head
	}
	for _, value := range refs.Capabilities.Get(capability.SymRef) {
		if name, target, _ := strings.Cut(value, ":"); name == plumbing.HEAD.String() {
			list.headName = plumbing.ReferenceName(target).Short()
		}
	}
	return list
}

// newRequest asks for one object and what belongs to it: at depth 1, or with its history.
func newRequest(offered *capability.List, want plumbing.Hash, history bool) (*packp.UploadPackRequest, []byte, error) {
	request := packp.NewUploadPackRequestFromCapabilities(offered)
	request.Capabilities.Delete(capability.ThinPack) // it builds on objects that we have not
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

// packOf reads the head of an answer and returns the pack that follows it.
func packOf(answer io.Reader, request *packp.UploadPackRequest) (io.Reader, error) {
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

// limitedReader returns an error, not io.EOF, once the limit is exceeded.
type limitedReader struct {
	io.Reader
	left  int64
	limit *LimitError
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, l.limit
	}
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// explain says what to do about an error of a transport. Servers may have quoted
// anything in it, so that it is cut, and cleared of the credential.
func explain(ctx context.Context, err error, cred credential) error {
	var limit *LimitError
	var said *pktline.ErrorLine
	var request *url.Error
	var redirect *redirectError
	var unnamed *unnamedError
	if errors.As(err, &request) {
		err = request.Err // the URL may be that of a redirect, with a token in it
	}
	text := err.Error()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &limit):
		return limit
	case errors.Is(err, errDenied):
		text = fmt.Sprintf("the server refuses %s: set %s or --git-token-file, or correct what is set", cred.describe(), envToken)
	case errors.Is(err, errNoSuch):
		text = "the server has no such repository, or does not show it to " + cred.describe()
	case errors.As(err, new(x509.UnknownAuthorityError)):
		text = "no known authority has signed the server's certificate: name a file with the right one by --git-ca"
	case errors.As(err, &redirect):
		text = redirect.Error()
	case errors.As(err, &unnamed):
		text = unnamed.Error()
	case errors.As(err, &said) && strings.Contains(said.Text, "not our ref"):
		text = "the server says: " + said.Text + "; if a branch moved meanwhile, run again"
	case errors.As(err, &said):
		text = "the server says: " + said.Text
	case errors.Is(err, pktline.ErrInvalidPktLen), errors.Is(err, packp.ErrEmptyInput):
		text = errNotGit.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the server's answer ends too early"
	}
	text = printable(cred.clear(text))
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return errors.New(text)
}
