// SPDX-License-Identifier: AGPL-3.0-or-later

// Package git is a Git client that fetches one commit from a server, and opens local repositories,
// without a git program.
//
// [Fetch] requests a branch, a tag or a commit over HTTPS, HTTP or SSH, at depth 1 or with its
// history, and stores the pack in a directory that [OpenStorage] reads. The wire formats, the packs
// and the storage come from go-git. The transports do not, for the reasons in ADR 20:
//
//   - a credential is sent to its own server only, and never appears in errors, redirects or
//     server messages;
//   - everything that a server sends is limited: the list of references, the number of
//     objects, their unpacked size;
//   - every connection has a dial timeout and an idle timeout, and ends with the context;
//   - a commit that no reference names is requested with version 2 of the protocol.
//
// Repositories with SHA-256 hashes or a reftable are refused, because go-git (v5.17) cannot read
// them.
package git

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Auth configures authentication and the certificates to trust.
type Auth struct {
	// Getenv reads the environment. It is required. Besides the variables in [EnvNames], this
	// package reads those of the CI system (CI_JOB_TOKEN, CI_SERVER_HOST, CI_SERVER_PORT,
	// GITHUB_TOKEN, GITHUB_SERVER_URL), those of proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), and
	// NETRC, SSH_AUTH_SOCK, SSH_KNOWN_HOSTS and HOME.
	Getenv func(string) string
	// Username and Token are credentials for HTTP.
	Username string
	Token    secret.Value
	// SSHKeyFile is a private key for SSH. CAFile holds CA certificates to trust for HTTPS, in
	// addition to the system's.
	SSHKeyFile, CAFile string
	// ClientCertFile and ClientKeyFile are for servers that request a client certificate. The file
	// of the certificate may also contain the key.
	ClientCertFile, ClientKeyFile string
}

// FileError reports a file of [Auth] that is not usable.
type FileError struct {
	// Setting names the file: a flag of the builder or an environment variable.
	Setting string
	Err     error
}

// Error implements error.
func (e *FileError) Error() string { return e.Setting + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// FetchOptions configure [Fetch].
type FetchOptions struct {
	Auth
	// ReferenceName is a branch, a tag, a full commit hash or a full reference such as
	// refs/merge-requests/7/head; empty for the default branch of the repository.
	ReferenceName string
	// History also fetches all ancestors of the commit.
	History bool
	// MaxFileSize and MaxTotalSize limit what the caller reads of the commit, in bytes. [Fetch]
	// uses higher limits, because a repository also holds other content: at least 256 MiB per
	// object and 16 GiB in total.
	MaxFileSize, MaxTotalSize int64
}

// Reference is a commit or an annotated tag, and the name that led to it.
type Reference struct {
	Hash plumbing.Hash
	// Name is the branch or the tag; empty for a commit.
	Name string
}

// ErrRepositoryNotExists reports a directory without a Git repository.
var ErrRepositoryNotExists = errors.New("it contains no Git repository")

// Fetch fetches one commit with all its content and stores it below dir, in the form that
// [OpenStorage] reads. It leaves out the history unless that is requested, if the server supports
// it. Errors contain a remedy and no credentials. If a limit is exceeded, the error is a
// [github.com/prismeai/workspaces-release/internal/limit.Error]; if a file of opts.Auth is not
// usable, it is a [*FileError].
func Fetch(ctx context.Context, remote Endpoint, opts FetchOptions, dir string) (Reference, error) {
	cred, err := findCredential(remote, opts.Auth)
	if err != nil {
		return Reference{}, err
	}
	server, err := connect(ctx, remote, opts.Auth, cred)
	if err != nil {
		return Reference{}, explainError(ctx, err, cred)
	}
	defer server.Close()
	limits := newPackLimits(opts.MaxFileSize, opts.MaxTotalSize)
	found, err := fetchReference(ctx, server, wanted{opts.ReferenceName, opts.History}, dir, limits)
	if err != nil {
		return Reference{}, explainError(ctx, err, cred)
	}
	return found, nil
}

func connect(ctx context.Context, remote Endpoint, auth Auth, cred credential) (transport, error) {
	if remote.URL.Scheme == "ssh" {
		return dialSSH(ctx, remote, auth, cred)
	}
	return newHTTPTransport(remote, auth, cred)
}
