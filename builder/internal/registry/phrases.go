// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import "github.com/prismeai/workspaces-release/builder/internal/errtext"

// meaning is the meaning of a phrase in an error.
type meaning string

// The meanings of phrases.
const (
	proxyRefusal    meaning = "a proxy refuses the connection"
	untrusted       meaning = "the connection cannot be trusted"
	tlsAlert        meaning = "the server ended the TLS handshake"
	plainUpload     meaning = "a proxy hides that clients use HTTPS"
	helperFailure   meaning = "a credential helper failed"
	immutableTag    meaning = "the tag may not be overwritten"
	noAccess        meaning = "the credentials are not accepted"
	notThere        meaning = "the image does not exist"
	notAllowed      meaning = "the registry does not allow the request"
	readOnly        meaning = "the registry does not support the request"
	closedBeforeUse meaning = "the server closed the connection before the request"
)

// phrases are parts of errors that have lost their type on BuildKit's connection or have none, and of
// the answers of registries. The codes of the distribution specification are as containerd writes
// them.
var phrases = errtext.Table[meaning]{
	{Text: " refuses to connect to ", From: "./builder/internal/egress/egress.go", Means: proxyRefusal},
	{Text: "x509: ", From: "go1.26/crypto/x509/verify.go", Means: untrusted},
	{Text: "tls: ", From: "go1.26/crypto/tls/conn.go", Means: untrusted},
	{Text: " by plain HTTP", From: "./builder/internal/registry/transport.go", Means: untrusted},
	{Text: "remote error: tls: ", From: "go1.26, crypto/tls composes it", Means: tlsAlert},
	{Text: "X-Forwarded-Proto", From: "./builder/internal/registry/transport.go", Means: plainUpload},
	{Text: "docker-credential-", From: "./builder/internal/registry/authfile.go", Means: helperFailure},
	{Text: "immutable", From: "Harbor 2.11; Amazon ECR 2025-10", Means: immutableTag},
	{
		Text:  "authorization failed",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/remotes/docker/resolver.go",
		Means: noAccess,
	},
	{
		Text:  "no basic auth credentials",
		From:  "github.com/containerd/containerd/v2@v2.4.2/core/remotes/docker/authorizer.go",
		Means: noAccess,
	},
	{Text: "insufficient_scope", From: "RFC 6750, section 3.1", Means: noAccess},
	{Text: ": unauthorized: ", From: "github.com/containerd/containerd/v2@v2.4.2", Means: noAccess},
	{Text: ": denied: ", From: "github.com/containerd/containerd/v2@v2.4.2", Means: noAccess},
	{Text: ": name unknown: ", From: "github.com/containerd/containerd/v2@v2.4.2", Means: notThere},
	{Text: ": manifest unknown: ", From: "github.com/containerd/containerd/v2@v2.4.2", Means: notThere},
	{
		Text:  ": a login page or another proxy",
		From:  "./builder/internal/registry/redirects.go",
		Means: notAllowed,
	},
	{Text: ": manifest invalid", From: "github.com/containerd/containerd/v2@v2.4.2", Means: notAllowed},
	{Text: ": unsupported: ", From: "github.com/containerd/containerd/v2@v2.4.2", Means: notAllowed},
	{Text: "unsupported", From: "github.com/containerd/containerd/v2@v2.4.2", Means: readOnly},
	{Text: "server closed idle connection", From: "go1.26/net/http/transport.go", Means: closedBeforeUse},
}
