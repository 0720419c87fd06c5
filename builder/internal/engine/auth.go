// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Credentials returns user and password for a registry host, or the empty user
// and an identity token as password; both are empty for an anonymous caller.
type Credentials func(ctx context.Context, host string) (username string, password secret.Value, err error)

// authServer answers BuildKit's requests for credentials. BuildKit's own provider
// would also fetch tokens, and for that write a seed file to the user's home.
// Without it the engine, which runs in this process, fetches tokens itself.
type authServer struct {
	auth.UnimplementedAuthServer
	credentials Credentials
}

var _ session.Attachable = authServer{}

// Register implements BuildKit's session interface.
func (a authServer) Register(server *grpc.Server) { auth.RegisterAuthServer(server, a) }

// Credentials implements BuildKit's auth service.
func (a authServer) Credentials(ctx context.Context, req *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	if a.credentials == nil {
		return &auth.CredentialsResponse{}, nil
	}
	username, password, err := a.credentials(ctx, req.Host)
	if err != nil {
		return nil, err
	}
	return &auth.CredentialsResponse{Username: username, Secret: password.Reveal()}, nil
}
