// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
)

// engineOptions returns the options of an engine with a separate state directory.
func (b *build) engineOptions() engine.Options {
	return engine.Options{
		Root: filepath.Join(b.dir, "engine"), Hosts: b.Registry.Hosts(), Credentials: b.Registry.Credentials,
		Remote: b.BuildKit,
	}
}

// checkEngine connects to the daemon, if there is one, while the source is being read, and makes it
// resolve the base.
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

// checkCredentials requests the credentials of every registry to push to, so that a broken
// credential helper fails the build early.
func (b *build) checkCredentials(ctx context.Context) error {
	if b.DryRun {
		return nil
	}
	for _, host := range pushHosts(b.Outputs) {
		if _, _, err := b.Registry.Credentials(ctx, host); err != nil {
			return fail(Registry, b.Registry.Explain("", err))
		}
	}
	return nil
}

// pushHosts returns the registries that outputs push to, sorted.
func pushHosts(outputs []engine.Output) []string {
	var hosts []string
	for _, name := range pushedNames(outputs) {
		if named, err := registry.ParseReference(name); err == nil {
			hosts = append(hosts, reference.Domain(named))
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// pushedNames returns the references that outputs push.
func pushedNames(outputs []engine.Output) []string {
	var names []string
	for _, out := range outputs {
		if out.Kind == engine.Push {
			names = append(names, out.Names...)
		}
	}
	return names
}

// solve runs the engine, then checks with the registries that every name was pushed.
func (b *build) solve(ctx context.Context, spec engine.Spec) (result *engine.Result, err error) {
	stage := "assemble"
	if len(spec.Outputs) > 0 {
		stage = "assemble and publish"
	}
	b.measure(stage, func() {
		narrateWaits(b.Registry, b.display.Narrate, func() {
			result, err = engine.Build(ctx, b.engineOptions(), spec, b.display.Engine())
		})
	})
	if err != nil {
		return nil, b.explainAttestations(b.blame(err), len(spec.Attestations) > 0)
	}
	for _, name := range pushedNames(spec.Outputs) {
		if err := b.Registry.ConfirmPushed(ctx, name, result.Digest); err != nil {
			return nil, fail(Registry, err)
		}
	}
	return result, nil
}

// explainAttestations adds a remedy to the error of a registry that refuses a manifest, because
// some registries do not accept attestation manifests.
func (b *build) explainAttestations(err error, attested bool) error {
	var known *registry.Error
	if !attested || !errors.As(err, &known) || known.Kind != registry.Refused || known.Help != "" {
		return err
	}
	advised := *known
	advised.Help = "if the registry does not take attestations, build without them: " +
		"--provenance=false --sbom=false --attest type=scan,disabled=true"
	return fail(Registry, &advised)
}

// blame gives an error of the engine the kind [Registry] or [Engine].
func (b *build) blame(err error) error {
	var refused *engine.RegistryError
	if !errors.As(err, &refused) {
		return fail(Engine, err)
	}
	err = b.Registry.Explain(refused.Ref, refused)
	var known *registry.Error
	if b.BuildKit != nil && errors.As(err, &known) && known.Kind != registry.Unauthorized {
		// Settings of this process have no effect on the daemon.
		remote := *known
		remote.Help = "it was the daemon that asked: it has its own network and settings for registries (buildkitd.toml: ca, http, mirrors), " +
			"to which --registry-ca, --insecure-registry and --registry-mirror mean nothing"
		err = &remote
	}
	return fail(Registry, err)
}
