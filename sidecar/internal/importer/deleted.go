// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxStatusAsked bounds how many workspaces of one import the platform is asked
// to compare, as each is a request.
const maxStatusAsked = 50

// checkDeleted fails a verdict for workspaces of which the platform deleted files
// that the release ships: a pull deletes what it could not import, or stored under
// another name (observed), often without an error.
//
// A number alone proves nothing, because files that the release no longer has are
// deleted as well. Proof is a file that the answer lists as imported and as
// deleted, or one that the platform itself misses when it compares the workspace
// with what was shipped. Where it offers neither, the number is logged.
func (p *pass) checkDeleted(ctx context.Context, g *GroupPlan, r *platform.ImportReport, v *verdict) {
	if both := inBoth(r.Imported, r.Deleted); len(both) > 0 && v.failure == nil {
		message := "the platform imported and then deleted " + listFiles(both)
		v.failure = &Failure{Reason: state.FilesDeleted, Message: message}
	}
	reported, asked := indexReport(r), 0
	for n := range g.Workspaces {
		slug := g.Workspaces[n].Slug
		w := reported.find(&g.Workspaces[n])
		if w == nil || !w.DeletedFiles() || v.stateOf(slug) != state.WorkspaceImported {
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
		v.fail(slug, state.FilesDeleted, "the platform deleted "+listFiles(gone)+", which the release ships")
		p.mem.of(g).doubt([]string{slug})
	}
}

// shippedAndDeleted returns files of the release that the platform deleted, as far
// as it tells.
func (p *pass) shippedAndDeleted(ctx context.Context, w *platform.WorkspaceReport) []string {
	if both := inBoth(w.Imported, w.Deleted); len(both) > 0 || w.ID == "" {
		return both
	}
	s, err := p.Pod.WorkspaceStatus(ctx, w.ID)
	if err != nil {
		p.log.Warn("whether the release ships the files that were deleted is not known",
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

func inBoth(imported, deleted []string) []string {
	var both []string
	for _, name := range deleted {
		if slices.Contains(imported, name) {
			both = append(both, name)
		}
	}
	return both
}

// maxFilesListed bounds the names in one message.
const maxFilesListed = 5

func listFiles(names []string) string {
	text := strings.Join(names[:min(len(names), maxFilesListed)], ", ")
	if more := len(names) - maxFilesListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
