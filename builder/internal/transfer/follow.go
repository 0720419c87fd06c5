// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/follow"
)

// findResult finds the result of an import whose response did not contain it. request is the error
// of the request, or nil.
func (r *run) findResult(
	ctx context.Context, sent time.Time, request error, say func(string),
) (*platform.ArchiveReport, error) {
	if request != nil {
		say(request.Error())
	}
	found, err := r.followImport(sent, say).Await(ctx)
	switch {
	case err == nil && found.Event != nil:
		return found.Event.Archive, nil
	case err == nil:
		return r.reportStatus(found.Status), nil
	case ctx.Err() != nil:
		return nil, err
	}
	r.result.Outcome = outcome.Unknown
	return nil, outcome.UnknownProblem("import", err.Error(), request, r.describeLookup()+
		", or in the log of prismeai-workspaces. Then run again: an import of the same files changes nothing")
}

func (r *run) followImport(sent time.Time, say func(string)) *follow.Operation {
	id := r.result.Workspace.ID
	isImport := func(e *platform.Event) bool { return e.Archive != nil }
	return &follow.Operation{
		Since:   r.since,
		IDs:     []string{r.result.CorrelationID},
		Matches: isImport,
		Ends:    isImport,
		Feed:    &follow.Feed{Source: r.client},
		Query:   platform.EventQuery{Workspace: id, Types: []string{platform.EventArchiveImported}},
		Status: func(ctx context.Context) (platform.WorkspaceStatus, error) {
			return r.client.WorkspaceStatus(ctx, id)
		},
		Patient: true,
		Sent:    sent,
		Timeout: r.Timeout,
		Notify:  say,
	}
}

// reportStatus derives a report from the status of the workspace, which does not list files.
func (r *run) reportStatus(status *platform.WorkspaceStatus) *platform.ArchiveReport {
	r.result.FilesUnknown = true
	report := &platform.ArchiveReport{ID: r.result.Workspace.ID}
	for _, p := range status.Errors {
		report.Errors = append(report.Errors, platform.FileProblem{Problem: p})
	}
	return report
}
