// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
)

// stamping is a walker that stamps versions or refreshes checksums before any consumer reads the
// file, so that checks, scan and layer see the same bytes.
type stamping struct {
	tree    walker
	rewrite workspace.Rewrite
	limits  workspace.Limits
	// names are the version names in the source, by workspace. Walk sets them.
	names map[string]string
}

func newStamping(tree walker, rewrite workspace.Rewrite, checks Checks) *stamping {
	s := &stamping{tree: tree, rewrite: rewrite}
	if checks.Workspaces != nil {
		s.limits = checks.Workspaces.Limits
	}
	return s
}

// Walk implements walker.
func (s *stamping) Walk(ctx context.Context, fn func(source.File) error) (source.Report, error) {
	stamper := workspace.NewStamper(s.rewrite, s.limits, func(name string, data []byte) error {
		return fn(source.File{Path: name, Data: data})
	})
	report, err := s.tree.Walk(ctx, func(f source.File) error { return stamper.Add(f.Path, f.Data) })
	if err == nil {
		err = stamper.Flush()
	}
	names, added, found := stamper.Finish()
	s.names = names
	report.Bytes += added
	report.Diagnostics = append(report.Diagnostics, found...)
	return report, err
}

// tell sets the version names of the source in r, if there was a validation.
func (s *stamping) tell(r *workspace.Repository) {
	if r == nil {
		return
	}
	for i := range r.Workspaces {
		r.Workspaces[i].SourceVersion = s.names[r.Workspaces[i].Slug]
	}
}
