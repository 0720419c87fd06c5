// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"slices"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxStatusAsked is the maximum number of workspaces per import to compare, because each takes a
// request.
const maxStatusAsked = 50

// checkDeleted fails the verdict of workspaces of which the platform deleted files of the release.
// A pull deletes files that it could not import, or stored under another name, often without an
// error (observed).
//
// The number of deleted files proves nothing, because files that are no longer in the release are
// deleted as well. A file counts as deleted if the response lists it both as imported and as
// deleted, or if the platform reports it missing when it compares the workspace with the release.
// Without such proof the number is only logged.
func (p *pass) checkDeleted(ctx context.Context, g *GroupPlan, r *platform.ImportReport, v *verdict) {
	if both := intersect(r.Imported, r.Deleted); len(both) > 0 && v.failure == nil {
		message := "the platform imported and then deleted " + listFiles(both)
		v.failure = &Failure{Reason: state.FilesDeleted, Message: message}
	}
	reported := indexReport(r)
	asked := 0
	for n := range g.Workspaces {
		slug := g.Workspaces[n].Slug
		w := reported.find(&g.Workspaces[n])
		if w == nil || !w.DeletedFiles() || v.workspaceState(slug) != state.WorkspaceImported {
			continue
		}
		var gone []string
		if asked++; asked <= maxStatusAsked {
			gone = p.shippedAndDeleted(ctx, w)
		}
		if len(gone) == 0 {
			p.log.Info("the platform deleted files of a workspace", "workspace", slug, "files", w.DeletedFilesCount)
			continue
		}
		v.failWorkspace(slug, state.FilesDeleted, "the platform deleted "+listFiles(gone)+", which the release ships")
		p.mem.forGroup(g).addDistrust([]string{slug})
	}
}

// shippedAndDeleted returns the files of the release that the platform deleted, if it reports them.
func (p *pass) shippedAndDeleted(ctx context.Context, w *platform.WorkspaceReport) []string {
	if both := intersect(w.Imported, w.Deleted); len(both) > 0 || w.ID == "" {
		return both
	}
	s, err := p.Pod.WorkspaceStatus(ctx, w.ID)
	if err != nil {
		p.log.Warn("cannot check whether the release ships the deleted files",
			"workspace", w.Slug, "files", w.DeletedFilesCount, "error", err)
		return nil
	}
	var gone []string
	for _, c := range s.Changes {
		if c.Expected != "" && c.Current == "" {
			gone = append(gone, c.Type+"/"+c.Slug)
		}
	}
	return gone
}

func intersect(imported, deleted []string) []string {
	var both []string
	for _, name := range deleted {
		if slices.Contains(imported, name) {
			both = append(both, name)
		}
	}
	return both
}

// maxFilesListed is the maximum number of names in a message.
const maxFilesListed = 5

func listFiles(names []string) string { return terminal.JoinFirst(names, maxFilesListed) }
