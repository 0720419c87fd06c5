// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"context"
	"fmt"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

const (
	// maxSecret limits a token and maxCA a file of certificate authorities, in bytes.
	maxSecret = 64 << 10
	maxCA     = 4 << 20
	// maxResponse limits a response of the platform, in bytes: the report for ten thousand workspaces
	// takes three million.
	maxResponse = 8 << 20
)

// clients holds the clients for one configuration and one CA file.
type clients struct {
	config       *config.Config
	ca           watch.Sum
	pod, gateway *platform.Client
}

// connect returns the clients for c. It reuses them and their connections until the settings or the
// CA file change.
func (s *Source) connect(c *config.Config) (pod, gateway *platform.Client, err error) {
	next := clients{config: c}
	if c.CAFile != "" {
		if next.ca, err = watch.SumOf(c.CAFile, maxCA); err != nil {
			return nil, nil, fmt.Errorf("CA file: %w", err)
		}
	}
	if s.clients.config == c && s.clients.ca == next.ca {
		return s.clients.pod, s.clients.gateway, nil
	}
	if next.pod, err = s.newClient(c, c.PlatformURL, podIdentity(c)); err != nil {
		return nil, nil, err
	}
	if c.GatewayURL != "" {
		if next.gateway, err = s.newClient(c, c.GatewayURL, gatewayIdentity(c)); err != nil {
			return nil, nil, err
		}
	}
	s.clients.closeIdle()
	s.clients = next
	return next.pod, next.gateway, nil
}

func (c *clients) closeIdle() {
	for _, client := range []*platform.Client{c.pod, c.gateway} {
		if client != nil {
			client.CloseIdleConnections()
		}
	}
}

func (s *Source) newClient(c *config.Config, url string, id platform.Identity) (*platform.Client, error) {
	transport, err := platform.NewTransport(platform.TransportOptions{CAFile: c.CAFile})
	if err != nil {
		return nil, err
	}
	return platform.New(platform.Options{
		BaseURL:   url,
		Identity:  id,
		Transport: transport,
		Timeout:   c.RequestTimeout,
		MaxBody:   maxResponse,
		UserAgent: s.userAgent,
		Observer:  s.observer,
		Starting:  true,
	})
}

// podIdentity returns the identity for requests to the service of the pod (platform contract §3.3).
func podIdentity(c *config.Config) platform.Identity {
	var ids []platform.Identity
	if c.Identity != config.IdentityToken {
		ids = append(ids, platform.Headers(c.IdentityHeaders))
	}
	if c.Identity != config.IdentityHeaders && c.TokenFile != "" {
		ids = append(ids, platform.Bearer(fileCredential(c.TokenFile)))
	}
	if c.InternalKeyFile != "" {
		ids = append(ids, platform.APIKey(fileCredential(c.InternalKeyFile)))
	}
	return platform.Join(ids...)
}

// gatewayIdentity returns the identity for the public API. The internal key only grants access to
// the readiness of services; a token grants access to everything (platform contract §3).
func gatewayIdentity(c *config.Config) platform.Identity {
	if c.TokenFile != "" {
		return platform.Bearer(fileCredential(c.TokenFile))
	}
	return platform.APIKey(fileCredential(c.InternalKeyFile))
}

// fileCredential returns a source that reads a credential from path for each request.
func fileCredential(path string) platform.Source {
	return func(ctx context.Context) (secret.Value, error) { return readSecret(ctx, path) }
}

// AdminToken reads the token of the lifecycle endpoints. It returns an empty value if there is
// none.
func (s *Source) AdminToken() secret.Value {
	path := s.live.Get().AdminTokenFile
	if path == "" {
		return secret.Value{}
	}
	v, _ := readSecret(context.Background(), path) // without a token, requests from other hosts are rejected
	return v
}
