// SPDX-License-Identifier: AGPL-3.0-or-later

// Package git is a Git client that fetches one commit from a server, and opens
// repositories of this machine, without a git program.
//
// [Fetch] asks for a branch, a tag or a commit over HTTPS, HTTP or SSH, at depth 1 or with
// its history, and stores the pack in a directory, from which [OpenStorage] reads it. The
// wire formats, the packs and the storage are those of go-git; the transports are not, for
// the reasons in ADR 20:
//
//   - a credential goes to the server that it is for and to no other one, and no error,
//     redirect or text of a server shows it;
//   - everything that a server sends is bounded: the list of references, the number of
//     objects, their size once they are unpacked;
//   - every connection has a timeout to be made and one for silence, and ends with the context;
//   - a commit that no reference names is asked for by version 2 of the protocol.
//
// Repositories with SHA-256 hashes are refused: go-git (v5.17) does not read them.
package git

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Auth is how to present oneself to a server, and whom to trust.
type Auth struct {
	// Getenv reads the environment. Beside the variables of [EnvNames], those of the CI
	// system (CI_JOB_TOKEN, CI_SERVER_HOST, CI_SERVER_PORT, GITHUB_TOKEN, GITHUB_SERVER_URL),
	// of proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), and NETRC, SSH_AUTH_SOCK,
	// SSH_KNOWN_HOSTS and HOME are read. It is required.
	Getenv func(string) string
	// Username and Token are credentials for HTTP.
	Username string
	Token    secret.Value
	// SSHKeyFile is a private key for SSH; CAFile holds certificates to trust for HTTPS,
	// beside the system's.
	SSHKeyFile, CAFile string
	// ClientCertFile and ClientKeyFile are for servers that ask for a client certificate.
	// The key may be in the file of the certificate.
	ClientCertFile, ClientKeyFile string
}

// FetchOptions say what to fetch.
type FetchOptions struct {
	Auth
	// ReferenceName is a branch, a tag, a full commit hash or a whole reference such as
	// refs/merge-requests/7/head; empty for the default branch of the repository.
	ReferenceName string
	// History fetches all commits before the one that is named, too.
	History bool
	// MaxFileSize and MaxTotalSize are what the caller reads of the commit, in bytes. The
	// limits of [Fetch] leave room for what a repository holds beside that: they are at
	// least 256 MiB for an object and 16 GiB in all.
	MaxFileSize, MaxTotalSize int64
}

// Reference is a commit or an annotated tag, and the name by which it was found.
type Reference struct {
	Hash plumbing.Hash
	// Name is the branch or the tag as it was named; empty for a commit.
	Name string
}

// ErrRepositoryNotExists reports a directory in which Git keeps nothing.
var ErrRepositoryNotExists = errors.New("there is no Git repository in it")

// Fetch gets one commit and everything that it consists of, without its history where
// that is not wanted and the server can do so, and stores it below dir as [OpenStorage]
// reads it. Errors say what to do, without credentials; too much is a
// [github.com/prismeai/workspaces-release/internal/limit.Error].
func Fetch(ctx context.Context, remote Endpoint, opts FetchOptions, dir string) (Reference, error) {
	cred, err := findCredential(remote, opts.Auth)
	if err != nil {
		return Reference{}, err
	}
	server, err := connect(ctx, remote, opts.Auth, cred)
	if err != nil {
		return Reference{}, explain(ctx, err, cred)
	}
	defer server.Close()
	limits := newPackLimits(opts.MaxFileSize, opts.MaxTotalSize)
	found, err := exchange(ctx, server, wanted{opts.ReferenceName, opts.History}, dir, limits)
	if err != nil {
		return Reference{}, explain(ctx, err, cred)
	}
	return found, nil
}

func connect(ctx context.Context, remote Endpoint, auth Auth, cred credential) (transport, error) {
	if remote.URL.Scheme == "ssh" {
		return dialSSH(ctx, remote, auth, cred)
	}
	return newHTTPTransport(remote, auth, cred)
}
