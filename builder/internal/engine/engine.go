// SPDX-License-Identifier: AGPL-3.0-or-later

// Package engine assembles and exports release images with BuildKit.
//
// BuildKit runs inside the process, unless a [Remote] is given: its controller and
// solver are reached over an in-memory connection, its worker keeps everything below
// one directory. No daemon, no root and no user namespace are needed, because nothing
// is ever executed, unpacked or mounted: an image is the merge of a lazy base, whose
// layers stay in the registry, and of layers that the caller wrote. A daemon gets the
// same definition, and makes the same image of it.
//
// This is the only package that imports BuildKit's solver.
package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Spec says what to build.
type Spec struct {
	// Base is the image below, pinned by digest (name@sha256:…); empty for an image from scratch.
	Base string
	// Platforms lists the images to make, one a platform.
	Platforms []Platform
	// Layers holds the caller's layers as an OCI image, for the platforms without their own.
	Layers Layers
	// Annotations go on every image manifest.
	Annotations map[string]string
	// Attestations are made of the images that they concern, except in a [Docker] archive.
	Attestations []Attestation
	// Epoch is the time of everything that carries a time.
	Epoch time.Time
	// Outputs says where the result goes; with none, it is computed only.
	Outputs []Output
}

// Platform is the image of one platform.
type Platform struct {
	Platform ocispec.Platform
	// Config is the image's configuration. BuildKit completes rootfs; history, which is
	// kept as it is, must have one entry a layer, those of the base first.
	Config []byte
	// Layers is the manifest of another image of the layer store, for layers that this
	// platform alone has.
	Layers digest.Digest
	// Name is what attestations call the image. Names of registries are no good for
	// that: the same image would have other attestations in each of them.
	Name string
}

// Layers is an OCI image that consists of the caller's layers alone.
type Layers struct {
	Store    content.Store
	Manifest digest.Digest
}

// Progress receives BuildKit's status. It is closed when the build has ended.
type Progress chan *client.SolveStatus

// Result is what was built.
type Result struct {
	// Digest is that of the image's index, or of its manifest if it has but one platform
	// and no attestations.
	Digest     digest.Digest
	Descriptor ocispec.Descriptor
}

// Options say where and how the engine runs.
type Options struct {
	// Root is an empty directory for the engine's state. The caller removes it.
	Root string
	// Hosts tells how registries are reached. A daemon has its own settings for its part.
	Hosts docker.RegistryHosts
	// Credentials returns what to present to a registry; nil means none.
	Credentials Credentials
	// Remote is the daemon that builds; nil for the embedded engine.
	Remote *Remote
}

// buildkit is what builds: the embedded engine, or a connection to a daemon.
type buildkit interface {
	// solve builds spec, exports it as opt says, and closes status. Attestations are
	// about the subjects, by platform.
	solve(ctx context.Context, spec Spec, subjects map[string]digest.Digest, opt client.SolveOpt, status Progress) (*client.SolveResponse, error)
	close() error
}

// open starts the embedded engine or connects to the daemon.
func open(ctx context.Context, opts Options) (buildkit, error) {
	if opts.Remote != nil {
		return connect(ctx, opts)
	}
	e, err := start(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("start the embedded BuildKit: %w", err)
	}
	return e, nil
}

// Build starts or reaches an engine, builds spec and lets go of the engine.
//
// Nothing is pushed before everything else, files included, has succeeded, and no name
// is pushed before every repository holds all of the image. The names then follow one
// after another: if a registry refuses one of them, those before it are there, and each
// stands for the whole image. Files get their names last. Whatever fails, no file is
// left in part, and none under a temporary name.
func Build(ctx context.Context, opts Options, spec Spec, progress Progress) (*Result, error) {
	defer close(progress)
	if opts.Remote != nil && len(spec.Attestations) > 0 {
		return buildAttested(ctx, opts, spec, progress)
	}
	return run(ctx, opts, spec, progress)
}

// run builds spec with one engine, and leaves progress open.
func run(ctx context.Context, opts Options, spec Spec, progress Progress) (_ *Result, err error) {
	bk, err := open(ctx, opts)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	defer func() { err = errors.Join(err, bk.close()) }()

	b := &build{buildkit: bk, opts: opts, progress: progress}
	defer func() { err = errors.Join(err, b.written.abort()) }()
	if len(spec.Attestations) > 0 {
		if err := b.identify(ctx, spec); err != nil {
			return nil, err
		}
	}
	var result *Result
	for _, round := range rounds(spec) {
		if result, err = b.solve(ctx, round); err != nil {
			return nil, err
		}
	}
	return result, b.written.publish()
}

// interrupted prefers the reason of an interruption over what was made of it.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// build is one run of an engine.
type build struct {
	buildkit
	opts     Options
	progress Progress
	written  files
	// subjects are the digests of the images that attestations are about, by platform.
	subjects map[string]digest.Digest
}

// identify computes the image of every platform without its attestations, because
// they name it by its digest.
func (b *build) identify(ctx context.Context, spec Spec) error {
	subjects := map[string]digest.Digest{}
	for _, p := range spec.Platforms {
		alone := spec
		alone.Platforms, alone.Attestations, alone.Outputs = []Platform{p}, nil, nil
		image, err := b.solve(ctx, alone)
		if err != nil {
			return err
		}
		subjects[platforms.FormatAll(p.Platform)] = image.Digest
	}
	b.subjects = subjects
	return nil
}

// solve builds the spec and exports it, and leaves progress open.
func (b *build) solve(ctx context.Context, spec Spec) (*Result, error) {
	status := make(Progress)
	var shown sync.WaitGroup
	shown.Go(func() {
		for s := range status {
			b.progress <- s
		}
	})
	defer shown.Wait()
	res, err := b.buildkit.solve(ctx, spec, b.subjects, client.SolveOpt{
		Internal:      true, // no history: nobody could ask for it
		FrontendAttrs: map[string]string{"platform": platformList(spec)},
		Exports:       exports(spec, &b.written),
		OCIStores:     map[string]content.Store{storeID: spec.Layers.Store},
		Session:       []session.Attachable{authServer{credentials: b.opts.Credentials}},
	}, status)
	if err != nil {
		return nil, interrupted(ctx, explain(b.opts, spec.Base, err))
	}
	return decodeResult(res.ExporterResponse)
}

// platformList names the platforms as the solver compares them with the result.
func platformList(spec Spec) string {
	var names []string
	for _, p := range spec.Platforms {
		names = append(names, platforms.FormatAll(p.Platform))
	}
	return strings.Join(names, ",")
}

// RegistryError is an error that a registry caused, and not the engine.
type RegistryError struct {
	// Ref is the image or the repository that was read or written.
	Ref string
	Err error
}

func (e *RegistryError) Error() string { return e.Err.Error() }
func (e *RegistryError) Unwrap() error { return e.Err }

const pushFailed = "failed to push "

// registryErrors are the phrases of containerd's remotes, of BuildKit's exporter,
// and of its solver when the base is not there. Errors cross a gRPC boundary on the way, which keeps no types.
var registryErrors = []string{
	"failed to load cache key", pushFailed, "failed to do request", "failed to resolve source metadata",
	"unexpected status", "failed to authorize", "failed to copy: ", "pull access denied",
}

// explain marks what a registry caused. What is not pushed is read, and that is the base.
func explain(opts Options, base string, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, opts.Root): // no registry knows of our files: the disk is full
		return err
	case !slices.ContainsFunc(registryErrors, func(phrase string) bool { return strings.Contains(text, phrase) }):
		return err
	}
	if _, rest, ok := strings.Cut(text, pushFailed); ok {
		ref, _, _ := strings.Cut(rest, ": ")
		return &RegistryError{Ref: ref, Err: err}
	}
	return &RegistryError{Ref: base, Err: err}
}

func decodeResult(resp map[string]string) (*Result, error) {
	raw, err := base64.StdEncoding.DecodeString(resp[exptypes.ExporterImageDescriptorKey])
	if err != nil {
		return nil, fmt.Errorf("decode the engine's descriptor: %w", err)
	}
	res := new(Result)
	if err := json.Unmarshal(raw, &res.Descriptor); err != nil {
		return nil, fmt.Errorf("decode the engine's descriptor: %w", err)
	}
	res.Digest = res.Descriptor.Digest
	return res, res.Digest.Validate()
}
