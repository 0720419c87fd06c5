// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
)

// engineOptions returns the options of an engine with a separate state directory.
func (b *builder) engineOptions() engine.Options {
	return engine.Options{
		Root:        b.engineDir,
		Hosts:       b.opts.Registry.Hosts(),
		Credentials: b.opts.Registry.Credentials,
		Remote:      b.opts.BuildKit,
	}
}

// checkEngine connects to the daemon, if there is one, while the source is being read, and makes it
// resolve the base.
func (b *builder) checkEngine(ctx context.Context, base *baseImage) error {
	if b.opts.BuildKit == nil {
		return nil
	}
	var platform ocispec.Platform
	if !base.isScratch() {
		platform = platforms.Normalize(base.image.Manifests[0].Platform)
	}
	title := fmt.Sprintf("connect to BuildKit at %s", b.opts.BuildKit)
	_, err := inStage(b.stages, "engine", title, nil, func() (struct{}, error) {
		return struct{}{}, b.blame(engine.Check(ctx, b.engineOptions(), base.ref(), platform))
	})
	return err
}

// checkCredentials requests the credentials of every registry to push to, so that a broken
// credential helper fails the build early.
func (b *builder) checkCredentials(ctx context.Context) error {
	if b.opts.DryRun {
		return nil
	}
	for _, host := range pushHosts(b.opts.Outputs) {
		if _, _, err := b.opts.Registry.Credentials(ctx, host); err != nil {
			return fail(Registry, b.opts.Registry.Explain("", err))
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

// publish builds the image, exports it, and checks with the registries that every name was pushed.
func (b *builder) publish(ctx context.Context, img *releaseImage) (*report.Build, error) {
	result, err := b.solve(ctx, img.spec)
	if err != nil {
		return nil, b.explainAttestations(b.blame(err), len(img.spec.Attestations) > 0)
	}
	for _, name := range pushedNames(img.spec.Outputs) {
		if err := b.opts.Registry.ConfirmPushed(ctx, name, result.Digest); err != nil {
			return nil, fail(Registry, err)
		}
	}
	return b.report(img, result), nil
}

// solve runs the engine, and shows what it waits for.
func (b *builder) solve(ctx context.Context, spec engine.Spec) (result *engine.Result, err error) {
	stage := "assemble"
	if len(spec.Outputs) > 0 {
		stage = "assemble and publish"
	}
	defer b.stages.measure(stage)()
	display := b.stages.display
	narrateWaits(b.opts.Registry, display.Narrate, func() {
		result, err = engine.Build(ctx, b.engineOptions(), spec, display.Engine())
	})
	return result, err
}

// report describes a published image.
func (b *builder) report(img *releaseImage, result *engine.Result) *report.Build {
	sent, received := b.opts.Registry.Traffic()
	reading := img.content.reading
	r := &report.Build{
		Digest:         result.Digest,
		Descriptor:     result.Descriptor,
		Images:         pushedNames(b.opts.Outputs),
		Manifest:       img.config.Manifest,
		ManifestDigest: img.config.ManifestDigest,
		Unscanned:      reading.Scan.Coverage.SkippedBytes,
		Dropped:        reading.Dropped,
		Lowered:        reading.Lowered,
		Traffic:        report.Traffic{Sent: sent, Received: received},
		Stages:         b.stages.measured(),
		DryRun:         b.opts.DryRun,
	}
	for _, out := range b.opts.Outputs {
		if out.Kind != engine.Push {
			r.Files = append(r.Files, out.Dest)
		}
	}
	return r
}

// explainAttestations adds a remedy to the error of a registry that refuses a manifest, because
// some registries do not accept attestation manifests.
func (b *builder) explainAttestations(err error, attested bool) error {
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
func (b *builder) blame(err error) error {
	var refused *engine.RegistryError
	if !errors.As(err, &refused) {
		return fail(Engine, err)
	}
	err = b.opts.Registry.Explain(refused.Ref, refused)
	var known *registry.Error
	if b.opts.BuildKit != nil && errors.As(err, &known) && known.Kind != registry.Unauthorized {
		// Settings of this process have no effect on the daemon.
		remote := *known
		remote.Help = "the daemon sent the request, with its own network and settings for registries (buildkitd.toml: ca, " +
			"http, mirrors): --registry-ca, --insecure-registry and --registry-mirror have no effect on it"
		err = &remote
	}
	return fail(Registry, err)
}
