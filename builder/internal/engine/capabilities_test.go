// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"strings"
	"testing"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
)

// A current daemon has all required capabilities. If one is missing, the error names it.
func TestDaemonThatLacksACapability(t *testing.T) {
	if err := checkCapabilities(daemonWithout("")); err != nil {
		t.Errorf("daemon of the same version: %v", err)
	}
	for _, lacking := range []apicaps.CapID{
		pb.CapSourceImage, pb.CapSourceOCILayout, pb.CapMergeOp, pb.CapAnnotations, pb.CapSourceDateEpoch,
		pb.CapMultipleExporters,
	} {
		if err := checkCapabilities(daemonWithout(lacking)); err == nil || !strings.Contains(err.Error(), string(lacking)) {
			t.Errorf("error %v does not name %s", err, lacking)
		}
	}
}

func daemonWithout(lacking apicaps.CapID) gateway.BuildOpts {
	all := pb.Caps.All()
	for i := range all {
		all[i].Enabled = all[i].Enabled && all[i].ID != string(lacking)
	}
	return gateway.BuildOpts{LLBCaps: pb.Caps.CapSet(all)}
}
