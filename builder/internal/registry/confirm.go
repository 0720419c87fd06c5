// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"
)

// ConfirmPushed resolves ref (REGISTRY/NAME:TAG) and returns an [*Error] unless it is the image
// with the digest want. A proxy that answers every request with a page would otherwise look like a
// successful push.
func (c *Client) ConfirmPushed(ctx context.Context, ref string, want digest.Digest) error {
	named, err := ParseReference(ref)
	if err != nil {
		return err
	}
	ctx = withoutLogging(ctx)
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: c.pushHosts(ctx)})
	// The resolver uses the digest in the response header, or hashes the manifest.
	_, desc, err := resolver.Resolve(ctx, named.String())
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		explained := c.Explain(ref, err)
		return fmt.Errorf("the push seemed to succeed, but the image cannot be read back: %w", explained)
	}
	if desc.Digest != want {
		return &Error{
			Kind: Invalid, Ref: ref,
			Err: fmt.Errorf("the push seemed to succeed, but the registry has %s under this name, not %s", desc.Digest, want),
			Help: "check for a login page or another proxy in front of the registry, " +
				"and for another pipeline that pushes the same tag",
		}
	}
	return nil
}

// pushHosts is [Client.authorizedHosts] without mirrors, which may not have the new image yet.
func (c *Client) pushHosts(ctx context.Context) docker.RegistryHosts {
	hosts := c.authorizedHosts(ctx)
	return func(host string) ([]docker.RegistryHost, error) {
		list, err := hosts(host)
		if err != nil {
			return nil, err
		}
		return list[len(list)-1:], nil
	}
}
