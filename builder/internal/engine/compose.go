// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/solver/result"
	"github.com/opencontainers/go-digest"
)

// storeID identifies the caller's layers among the OCI stores of the session.
const storeID = "layers"

// composer builds BuildKit's result for a [Spec]. T is the type of its references: those of the
// solver in this process or of a remote gateway.
type composer[T comparable] struct {
	// solve returns a lazy reference to the result of a definition.
	solve func(ctx context.Context, def *llb.Definition) (T, error)
	// fill adds the content of the n-th attestation of the spec. It may be nil if there are none.
	fill func(n int, a *result.Attestation[T])
}

// composeResult returns one merged layer stack and its attestations for each platform.
func (c composer[T]) composeResult(
	ctx context.Context,
	spec Spec,
	subjects map[string]digest.Digest,
) (*result.Result[T], error) {
	composed := &result.Result[T]{Metadata: map[string][]byte{}}
	var all exptypes.Platforms
	for _, p := range spec.Platforms {
		id := platforms.FormatAll(p.Platform)
		def, err := platformState(spec, p).Marshal(ctx, llb.Platform(p.Platform))
		if err != nil {
			return nil, fmt.Errorf("marshal the build of %s: %w", id, err)
		}
		ref, err := c.solve(ctx, def)
		if err != nil {
			return nil, err
		}
		if len(spec.Platforms) == 1 {
			composed.SetRef(ref)
		} else {
			composed.AddRef(id, ref)
		}
		composed.AddMeta(exptypes.ExporterImageConfigKey+"/"+id, p.Config)
		// BuildKit does not change the history of a base, so declare all of it as the base's.
		composed.AddMeta(exptypes.ExporterImageBaseConfigKey+"/"+id, p.Config)
		for n, a := range spec.Attestations {
			if a.isFor(p.Platform) {
				statement := newAttestation[T](a, Subject{Name: p.Name, Digest: subjects[id]})
				c.fill(n, &statement)
				composed.AddAttestation(id, statement)
			}
		}
		all.Platforms = append(all.Platforms, exptypes.Platform{ID: id, Platform: p.Platform})
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode platforms: %w", err)
	}
	composed.AddMeta(exptypes.ExporterPlatformsKey, encoded)
	return composed, nil
}

// platformState returns the image of one platform: the layers, merged over the base if there is one. The
// store has no session ID, so that the definition is the same in every build.
func platformState(spec Spec, p Platform) llb.State {
	layers := llb.OCILayout(layoutReference(cmp.Or(p.Layers, spec.Layers.Manifest)),
		llb.OCIStore("", storeID), llb.Platform(p.Platform), llb.WithCustomName("workspaces of the release"))
	if spec.Base == "" {
		return layers
	}
	base := llb.Image(spec.Base, llb.Platform(p.Platform))
	return llb.Merge([]llb.State{base, layers}, llb.WithCustomName("merge workspaces over the base"))
}

// layoutReference returns a reference for an OCI layout source: an arbitrary name and the digest.
func layoutReference(d digest.Digest) string { return "builder.local/layers@" + d.String() }
