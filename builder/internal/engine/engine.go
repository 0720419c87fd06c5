// SPDX-License-Identifier: AGPL-3.0-or-later

// Package engine assembles and exports release images with BuildKit.
//
// BuildKit runs in this process unless a [Remote] is given: its controller and solver are reached
// over an in-memory connection, and its worker stores everything in one directory. It needs no
// daemon, no root and no user namespace, because it never executes, unpacks or mounts anything: an
// image is the merge of a lazy base, whose layers stay in the registry, and the caller's layers. A
// daemon receives the same definition and builds the same image.
//
// This is the only package that imports BuildKit's solver.
package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
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

// Spec describes what to build.
type Spec struct {
	// Base is the base image, pinned by digest (name@sha256:…); empty for an image from scratch.
	Base string
	// Platforms lists the images to build, one per platform.
	Platforms []Platform
	// Layers holds the caller's layers as an OCI image, for platforms without their own layers.
	Layers Layers
	// Annotations are added to every image manifest.
	Annotations map[string]string
	// Attestations are added to the images that they concern, except in a [Docker] archive.
	Attestations []Attestation
	// Epoch is the time of everything in the image that has a time.
	Epoch time.Time
	// Outputs are the destinations of the result. Without any, the result is only computed.
	Outputs []Output
}

// Platform is the image of one platform.
type Platform struct {
	Platform ocispec.Platform
	// Config is the image's configuration. BuildKit completes rootfs. It keeps history, which must
	// have one entry per layer, starting with the base's.
	Config []byte
	// Layers is the manifest of another image in the layer store, with layers for this platform
	// only.
	Layers digest.Digest
	// Name is the name of the image in attestations. It is not a registry reference, because the
	// attestations of an image would then differ between registries.
	Name string
}

// Layers is an OCI image that contains only the caller's layers.
type Layers struct {
	Store    content.Store
	Manifest digest.Digest
}

// Progress receives BuildKit's status. It is closed when the build ends.
type Progress chan *client.SolveStatus

// Result describes the built image.
type Result struct {
	// Digest is the digest of the image's index, or of its manifest if it has a single platform and
	// no attestations.
	Digest     digest.Digest
	Descriptor ocispec.Descriptor
}

// Options configure the engine.
type Options struct {
	// Root is an empty directory for the engine's state. The caller removes it.
	Root string
	// Hosts configures the access to registries. A daemon uses its own settings.
	Hosts docker.RegistryHosts
	// Credentials returns registry credentials; nil means anonymous access.
	Credentials Credentials
	// Remote is the daemon that builds; nil for the embedded engine.
	Remote *Remote
}

// buildkit is the embedded engine or a connection to a daemon.
type buildkit interface {
	// solve builds spec, exports it according to opt, and closes status. Attestations refer to the
	// digests in subjects, by platform.
	solve(
		ctx context.Context,
		spec Spec,
		subjects map[string]digest.Digest,
		opt client.SolveOpt,
		status Progress,
	) (*client.SolveResponse, error)
	close() error
}

// open starts the embedded engine or connects to the daemon.
func open(ctx context.Context, opts Options) (buildkit, error) {
	if opts.Remote != nil {
		return connectRemote(ctx, opts)
	}
	e, err := startEmbedded(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("start the embedded BuildKit: %w", err)
	}
	return e, nil
}

// Build starts or connects to an engine, builds spec, and releases the engine.
//
// Build pushes nothing until everything else, including files, has succeeded, and pushes no tag
// until every repository holds the complete image. It then pushes the tags one by one: if a
// registry refuses one, the tags before it remain, and each refers to the complete image. Files are
// renamed to their final names last. After an error, no partial and no temporary file remains.
func Build(ctx context.Context, opts Options, spec Spec, progress Progress) (*Result, error) {
	defer close(progress)
	if opts.Remote != nil && len(spec.Attestations) > 0 {
		return buildWithAttestations(ctx, opts, spec, progress)
	}
	return run(ctx, opts, spec, progress)
}

// run builds spec with one engine. It does not close progress.
func run(ctx context.Context, opts Options, spec Spec, progress Progress) (_ *Result, err error) {
	bk, err := open(ctx, opts)
	if err != nil {
		return nil, preferCause(ctx, err)
	}
	defer func() { err = errors.Join(err, bk.close()) }()

	b := &build{buildkit: bk, opts: opts, progress: progress}
	defer func() { err = errors.Join(err, b.written.discardFiles()) }()
	if len(spec.Attestations) > 0 {
		if err := b.resolveSubjects(ctx, spec); err != nil {
			return nil, err
		}
	}
	var result *Result
	for _, round := range splitRounds(spec) {
		if result, err = b.solve(ctx, round); err != nil {
			return nil, err
		}
	}
	return result, b.written.publishFiles()
}

// preferCause returns context.Cause(ctx) when the context is done, instead of BuildKit's wrapping
// of it.
func preferCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// build is one session with an engine.
type build struct {
	buildkit
	opts     Options
	progress Progress
	written  pendingFiles
	// subjects are the digests of the images that attestations refer to, by platform.
	subjects map[string]digest.Digest
}

// resolveSubjects builds the image of every platform without attestations to get its digest, which the
// attestations contain.
func (b *build) resolveSubjects(ctx context.Context, spec Spec) error {
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

// solve builds and exports spec. It does not close progress.
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
		Internal:      true, // do not record a history, which is never read
		FrontendAttrs: map[string]string{"platform": platformList(spec)},
		Exports:       newExportEntries(spec, &b.written),
		OCIStores:     map[string]content.Store{storeID: spec.Layers.Store},
		Session:       []session.Attachable{authServer{credentials: b.opts.Credentials}},
	}, status)
	if err != nil {
		return nil, preferCause(ctx, explainError(b.opts, spec.Base, err))
	}
	return decodeResult(res.ExporterResponse)
}

// platformList formats the platforms as the solver compares them with the result.
func platformList(spec Spec) string {
	var names []string
	for _, p := range spec.Platforms {
		names = append(names, platforms.FormatAll(p.Platform))
	}
	return strings.Join(names, ",")
}

// RegistryError is an error caused by a registry rather than by the engine.
type RegistryError struct {
	// Ref is the image or repository that was read or written.
	Ref string
	Err error
}

func (e *RegistryError) Error() string { return e.Err.Error() }
func (e *RegistryError) Unwrap() error { return e.Err }

// explainError wraps an error caused by a registry in a [RegistryError], and makes an error caused by a
// full disk of this machine an ENOSPC. An error that does not come from a push concerns the base,
// which is the only image that is read.
func explainError(opts Options, base string, err error) error {
	text := err.Error()
	found, known := causes.Find(err)
	isLocal := !known || found == diskCause || strings.Contains(text, opts.Root)
	switch {
	case isLocal && opts.Remote == nil && causes.Says(err, diskCause):
		return &diskError{err}
	case isLocal:
		return err
	case found == pushCause:
		_, rest, _ := strings.Cut(text, pushFailed)
		ref, _, _ := strings.Cut(rest, ": ")
		return &RegistryError{Ref: ref, Err: err}
	}
	return &RegistryError{Ref: base, Err: err}
}

// diskError is an ENOSPC that has lost its type.
type diskError struct{ err error }

func (e *diskError) Error() string   { return e.err.Error() }
func (e *diskError) Unwrap() []error { return []error{e.err, syscall.ENOSPC} }

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
