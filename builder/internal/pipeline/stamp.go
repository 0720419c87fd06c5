// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"

	"github.com/prismeai/workspaces-release/builder/internal/workspace"
)

// rewriteFor returns the changes to make to .import.yml.
func rewriteFor(input Input, checks Checks) workspace.Rewrite {
	refresh := checks.Workspaces != nil && checks.Workspaces.Checksums == workspace.ChecksumsRefresh
	return workspace.Rewrite{Stamp: input.StampVersions, Refresh: refresh}
}

// withStamps returns a walk that stamps versions or refreshes checksums before any consumer reads the
// file, so that checks, scan and layer see the same bytes.
func withStamps(walk walkFunc, rewrite workspace.Rewrite, limits workspace.Limits) walkFunc {
	return func(ctx context.Context, v visitor) (walked, error) {
		stamper := workspace.NewStamper(rewrite, limits, v.file)
		result, err := walk(ctx, visitor{
			listed: v.listed,
			file:   stamper.Add,
		})
		if err == nil {
			err = stamper.Flush()
		}
		stamped := stamper.Finish()
		result.versions = stamped.Versions
		result.Bytes += stamped.Bytes
		result.Diagnostics = append(result.Diagnostics, stamped.Diagnostics...)
		return result, err
	}
}
