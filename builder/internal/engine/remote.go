// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// answerTimeout limits how long a daemon may take to answer at all. Pods and containers are
	// reached through programs that have to log in first.
	answerTimeout = 30 * time.Second
	// product identifies this client to a daemon.
	product = "workspaces-release"
)

// remote is a connection to a BuildKit daemon.
type remote struct {
	opts   Options
	client *client.Client
}

// connectRemote connects to the daemon and waits for its first answer.
func connectRemote(ctx context.Context, opts Options) (*remote, error) {
	silenceLogrus()
	c, err := opts.Remote.newClient(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to BuildKit at %s: %w", opts.Remote, err)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("no answer within %s", answerTimeout))
	defer cancel()
	switch _, err = c.Info(waiting); {
	case err == nil:
		return &remote{opts: opts, client: c}, nil
	case status.Code(err) == codes.Unimplemented:
		err = opts.Remote.explainTooOld(err)
	default:
		err = opts.Remote.explainConnection(waiting, preferCause(waiting, err))
	}
	return nil, errors.Join(err, c.Close())
}

func (r *remote) close() error { return r.client.Close() }

// Check connects to the daemon and makes it resolve base, so that a build fails at its start rather
// than at its end: the daemon reads the base itself, with its own network, CA certificates and
// mirrors. Check does not resolve an empty base, and does nothing for the embedded engine.
func Check(ctx context.Context, opts Options, base string, platform ocispec.Platform) (err error) {
	if opts.Remote == nil {
		return nil
	}
	r, err := connectRemote(ctx, opts)
	if err != nil {
		return preferCause(ctx, err)
	}
	defer func() { err = errors.Join(err, r.close()) }()
	opt := client.SolveOpt{Internal: true, Session: []session.Attachable{authServer{credentials: opts.Credentials}}}
	var unread error
	_, err = r.build(ctx, opt, nil, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if base != "" {
			_, _, _, unread = c.ResolveImageConfig(ctx, base,
				sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &platform}})
		}
		return gateway.NewResult(), unread
	})
	if unread != nil {
		err = &RegistryError{Ref: base, Err: err}
	}
	return preferCause(ctx, err)
}

// build runs fn as the frontend of a build, if the daemon supports everything that it needs.
func (r *remote) build(
	ctx context.Context,
	opt client.SolveOpt,
	status Progress,
	fn gateway.BuildFunc,
) (*client.SolveResponse, error) {
	res, err := r.client.Build(ctx, opt, product, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if err := checkCapabilities(c.BuildOpts()); err != nil {
			return nil, r.opts.Remote.explainTooOld(err)
		}
		return fn(ctx, c)
	}, status)
	if err != nil {
		return nil, fmt.Errorf("BuildKit at %s: %w", r.opts.Remote, err)
	}
	return res, nil
}

// checkCapabilities returns an error that lists the missing capabilities of a daemon. A daemon without
// support for several exporters would use only the first and report no error.
func checkCapabilities(daemon gateway.BuildOpts) error {
	var errs []error
	for _, c := range []apicaps.CapID{
		pb.CapSourceImage, pb.CapSourceOCILayout, pb.CapMergeOp,
		pb.CapAnnotations, pb.CapSourceDateEpoch, pb.CapMultipleExporters,
	} {
		errs = append(errs, daemon.LLBCaps.Supports(c))
	}
	return errors.Join(errs...)
}

func (r *remote) solve(
	ctx context.Context,
	spec Spec,
	_ map[string]digest.Digest,
	opt client.SolveOpt,
	status Progress,
) (*client.SolveResponse, error) {
	return r.build(ctx, opt, status, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		solve := func(ctx context.Context, def *llb.Definition) (gateway.Reference, error) {
			res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
			if err != nil {
				return nil, err
			}
			return res.SingleRef()
		}
		return composer[gateway.Reference]{solve: solve}.composeResult(ctx, spec, nil)
	})
}

// buildWithAttestations makes the daemon build and push the images without tags, and the embedded engine
// add the attestations and tags, because a daemon does not accept provenance from clients. All
// layers are in the registries by then, so none passes through this process. Only this process
// writes files.
func buildWithAttestations(ctx context.Context, opts Options, spec Spec, progress Progress) (*Result, error) {
	var repositories []string
	for _, out := range spec.Outputs {
		if out.Kind == Push {
			repositories = append(repositories, listRepositories(out.Names)...)
		}
	}
	if len(repositories) > 0 {
		slices.Sort(repositories)
		bare := spec
		bare.Attestations = nil
		bare.Outputs = []Output{{Kind: byDigest, Names: slices.Compact(repositories)}}
		if _, err := run(ctx, opts, bare, progress); err != nil {
			return nil, err
		}
	}
	opts.Remote = nil
	return run(ctx, opts, spec, progress)
}
