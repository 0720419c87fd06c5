// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"syscall"

	"github.com/prismeai/workspaces-release/builder/internal/errtext"
)

// cause is what causes an error of BuildKit. Errors lose their types on the gRPC connection.
type cause string

const (
	// registryCause means that a registry caused the error.
	registryCause cause = "registry"
	// pushCause means that a registry refused a push.
	pushCause cause = "push"
	// diskCause means that the disk is full.
	diskCause cause = "disk"
)

const pushFailed = "failed to push "

// causes are phrases in the errors of BuildKit's exporter and solver, and of containerd's remotes,
// which BuildKit uses.
var causes = errtext.Table[cause]{
	{
		Text:  pushFailed,
		From:  "github.com/moby/buildkit@v0.34.2/exporter/containerimage/export.go",
		Means: pushCause,
	},
	{
		Text:  "failed to load cache key", // the base does not exist
		From:  "github.com/moby/buildkit@v0.34.2/solver/edge.go",
		Means: registryCause,
	},
	{
		Text:  "failed to resolve source metadata",
		From:  "github.com/moby/buildkit@v0.34.2/client/llb/sourceresolver/imageresolver.go",
		Means: registryCause,
	},
	{
		Text:  "failed to do request",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/remotes/docker/resolver.go",
		Means: registryCause,
	},
	{
		Text:  "failed to authorize",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/remotes/docker/resolver.go",
		Means: registryCause,
	},
	{
		Text:  "pull access denied",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/remotes/docker/resolver.go",
		Means: registryCause,
	},
	{
		Text:  "unexpected status",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/remotes/errors/errors.go",
		Means: registryCause,
	},
	{
		Text:  "failed to copy: ",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/content/helpers.go",
		Means: registryCause,
	},
	{Text: syscall.ENOSPC.Error(), From: "Linux 6.12, strerror", Means: diskCause},
}

// remedies are remedies for failed connections to a daemon. The texts are from this process and from
// the programs that carry the connection.
var remedies = errtext.Table[string]{
	{
		Text:  "certificate required",
		From:  "go1.26/crypto/tls/alert.go",
		Means: "the daemon asks for a client certificate: set --buildkit-tlscert and --buildkit-tlskey",
	},
	{
		Text:  "unknown certificate authority",
		From:  "go1.26/crypto/tls/alert.go",
		Means: "the daemon does not know the authority of --buildkit-tlscert",
	},
	{
		Text:  "bad certificate",
		From:  "go1.26/crypto/tls/alert.go",
		Means: "the daemon does not accept the certificate of --buildkit-tlscert",
	},
	{
		Text:  "certificate signed by unknown authority",
		From:  "go1.26/crypto/x509/verify.go",
		Means: "give the authority of the daemon's certificate with --buildkit-tlscacert",
	},
	{
		Text:  "certificate is valid for",
		From:  "go1.26/crypto/x509/verify.go",
		Means: "give the name in the daemon's certificate with --buildkit-tlsservername",
	},
	{
		Text:  "cannot validate certificate for",
		From:  "go1.26/crypto/x509/verify.go",
		Means: "give the name in the daemon's certificate with --buildkit-tlsservername",
	},
	{
		Text:  "first record does not look like a TLS handshake",
		From:  "go1.26/crypto/tls/conn.go",
		Means: "the daemon does not use TLS: leave out --buildkit-tlscacert and the other flags of TLS",
	},
	{
		Text:  "error reading server preface",
		From:  "google.golang.org/grpc@v1.84.0/internal/transport/http2_client.go",
		Means: "check the address; if the daemon wants TLS, give --buildkit-tlscacert",
	},
	{
		Text:  "executable file not found",
		From:  "go1.26/os/exec/lp_unix.go",
		Means: "install the program that the address needs, or reach the daemon by tcp://",
	},
}
