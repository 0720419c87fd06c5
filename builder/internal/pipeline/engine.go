// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
)

// engineOptions are those of an engine in a directory of its own.
func (b *build) engineOptions() engine.Options {
	return engine.Options{
		Root: filepath.Join(b.dir, "engine"), Hosts: b.Registry.Hosts(), Credentials: b.Registry.Credentials,
		Remote: b.BuildKit,
	}
}

// checkEngine reaches the daemon, if there is one, while the source is still being
// read, and has it look for the base.
func (b *build) checkEngine(ctx context.Context) error {
	if b.BuildKit == nil {
		return nil
	}
	return b.stages.run("engine", fmt.Sprintf("connect to BuildKit at %s", b.BuildKit), nil, func() error {
		if b.base == nil {
			return b.blame(engine.Check(ctx, b.engineOptions(), "", ocispec.Platform{}))
		}
		platform := platforms.Normalize(b.base.Manifests[0].Platform)
		return b.blame(engine.Check(ctx, b.engineOptions(), pinned(b.base), platform))
	})
}

// solve runs the engine.
func (b *build) solve(ctx context.Context, spec engine.Spec) (result *engine.Result, err error) {
	stage := "assemble"
	if len(spec.Outputs) > 0 {
		stage = "assemble and publish"
	}
	b.measure(stage, func() {
		result, err = engine.Build(ctx, b.engineOptions(), spec, b.display.Engine())
	})
	return result, b.blame(err)
}

// blame finds out whose fault an error of the engine is.
func (b *build) blame(err error) error {
	var refused *engine.RegistryError
	if !errors.As(err, &refused) {
		return fail(Engine, err)
	}
	err = b.Registry.Explain(refused.Ref, refused)
	var known *registry.Error
	if b.BuildKit != nil && errors.As(err, &known) && known.Kind != registry.Unauthorized {
		// What helps this process does not help the daemon.
		remote := *known
		remote.Help = "it was the daemon that asked: it has its own network and settings for registries (buildkitd.toml: ca, http, mirrors), " +
			"to which --registry-ca, --insecure-registry and --registry-mirror mean nothing"
		err = &remote
	}
	return fail(Registry, err)
}
