// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Credentials returns the user name and password for a registry host. For an identity token, the
// user name is empty and the token is the password. Both are empty for anonymous access.
type Credentials func(ctx context.Context, host string) (username string, password secret.Value, err error)

// authServer answers BuildKit's requests for credentials. BuildKit's own provider would also fetch
// tokens, and would write a seed file to the user's home directory for that. Without it, the engine
// in this process fetches tokens itself.
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
