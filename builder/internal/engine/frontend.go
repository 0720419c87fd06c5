// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/executor"
	bkfrontend "github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

const frontendName = "workspaces.v0"

// frontend builds BuildKit's result for a [Spec]. It is registered with the controller, rather than
// driven through a gateway client, because only a frontend in the same process can return
// attestations as callbacks.
//
// Solves run one at a time. The caller sets the fields between them.
type frontend struct {
	spec Spec
	// subjects are the digests of the images that attestations refer to, by platform.
	subjects map[string]digest.Digest
}

var _ bkfrontend.Frontend = (*frontend)(nil)

// Solve implements BuildKit's frontend.
func (f *frontend) Solve(
	ctx context.Context,
	bridge bkfrontend.FrontendLLBBridge,
	_ executor.Executor,
	_ map[string]string,
	_ map[string]*pb.Definition,
	sid string,
	_ *session.Manager,
) (*bkfrontend.Result, error) {
	c := composer[solver.ResultProxy]{
		solve: func(ctx context.Context, def *llb.Definition) (solver.ResultProxy, error) {
			res, err := bridge.Solve(ctx, bkfrontend.SolveRequest{Definition: def.ToPB()}, sid)
			if err != nil {
				return nil, err
			}
			return res.Ref, nil
		},
		fill: func(n int, a *bkfrontend.Attestation) {
			a.Path = "attestation.json" // required by BuildKit, but not part of the result
			a.ContentFunc = func(context.Context) ([]byte, error) { return f.spec.Attestations[n].Predicate, nil }
		},
	}
	return c.composeResult(ctx, f.spec, f.subjects)
}
