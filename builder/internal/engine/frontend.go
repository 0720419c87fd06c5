// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	bkfrontend "github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

const (
	frontendName = "workspaces.v0"
	// storeID names the caller's layers among the stores of the session.
	storeID = "layers"
)

// frontend turns a [Spec] into BuildKit results. It is registered in the
// controller, and not driven through a gateway client, because only an
// in-process frontend may hand over attestations as callbacks.
//
// One solve follows the other: what is to be built is set in between.
type frontend struct {
	spec Spec
	// subjects are the digests of the images that attestations are about, by platform.
	subjects map[string]digest.Digest
}

var _ bkfrontend.Frontend = (*frontend)(nil)

// Solve implements BuildKit's frontend: one merge for each platform.
func (f *frontend) Solve(ctx context.Context, bridge bkfrontend.FrontendLLBBridge, _ executor.Executor, _ map[string]string, _ map[string]*pb.Definition, sid string, _ *session.Manager) (*bkfrontend.Result, error) {
	result := new(bkfrontend.Result)
	result.Metadata = map[string][]byte{}
	var all exptypes.Platforms
	for _, p := range f.spec.Platforms {
		id := platforms.FormatAll(p.Platform)
		def, err := state(f.spec, p).Marshal(ctx, llb.Platform(p.Platform))
		if err != nil {
			return nil, fmt.Errorf("marshal the build of %s: %w", id, err)
		}
		res, err := bridge.Solve(ctx, bkfrontend.SolveRequest{Definition: def.ToPB()}, sid)
		if err != nil {
			return nil, err
		}
		if len(f.spec.Platforms) == 1 {
			result.SetRef(res.Ref)
		} else {
			result.AddRef(id, res.Ref)
		}
		result.AddMeta(exptypes.ExporterImageConfigKey+"/"+id, p.Config)
		// BuildKit leaves alone what it takes for the base's history: all of it.
		result.AddMeta(exptypes.ExporterImageBaseConfigKey+"/"+id, p.Config)
		for _, a := range f.spec.Attestations {
			if a.concerns(p.Platform) {
				result.AddAttestation(id, a.about(p.Name, f.subjects[id]))
			}
		}
		all.Platforms = append(all.Platforms, exptypes.Platform{ID: id, Platform: p.Platform})
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode platforms: %w", err)
	}
	result.AddMeta(exptypes.ExporterPlatformsKey, encoded)
	return result, nil
}

// state is the image of one platform: the layers, merged over the base if there is one.
// The store is named without a session, so that the definition is the same in every build.
func state(spec Spec, p Platform) llb.State {
	layers := llb.OCILayout(layersRef(cmp.Or(p.Layers, spec.Layers.Manifest)),
		llb.OCIStore("", storeID), llb.Platform(p.Platform), llb.WithCustomName("workspaces of the release"))
	if spec.Base == "" {
		return layers
	}
	base := llb.Image(spec.Base, llb.Platform(p.Platform))
	return llb.Merge([]llb.State{base, layers}, llb.WithCustomName("merge workspaces over the base"))
}

// layersRef is a reference as OCI layout sources want it: a name that means nothing, and the digest.
func layersRef(d digest.Digest) string { return "builder.local/layers@" + d.String() }
