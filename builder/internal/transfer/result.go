// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// Result is the outcome of a transfer. It is also the JSON report, to which fields may be added.
type Result struct {
	Outcome   outcome.Outcome `json:"outcome"`
	Target    string          `json:"target"`
	Workspace Workspace       `json:"workspace"`
	// Created is set if the target did not have the workspace.
	Created       bool                 `json:"created"`
	DryRun        bool                 `json:"dryRun"`
	Prune         bool                 `json:"prune"`
	Duration      outcome.Milliseconds `json:"durationMilliseconds"`
	CorrelationID string               `json:"correlationId,omitempty"`
	// Imported and Deleted are paths. They are also empty if FilesUnknown is set.
	Imported     []string `json:"imported"`
	Deleted      []string `json:"deleted"`
	FilesUnknown bool     `json:"filesUnknown,omitempty"`
	// Domains are the custom domains before the import.
	Domains []string `json:"customDomains,omitempty"`
	// Warnings do not stop the transfer.
	Warnings []outcome.Problem `json:"warnings"`
	Problems []outcome.Problem `json:"problems"`
}

// Workspace identifies the workspace on the target. ID is empty if it does not exist.
type Workspace struct {
	Slug string `json:"slug"`
	ID   string `json:"id,omitempty"`
}

func newResult(client *platform.Client, o *Options) *Result {
	return &Result{
		Outcome:   outcome.Failed,
		Target:    client.BaseURL(),
		Workspace: Workspace{Slug: o.Slug},
		DryRun:    o.DryRun,
		Prune:     o.Prune,
		Imported:  []string{},
		Deleted:   []string{},
		Warnings:  append([]outcome.Problem{}, o.Notes...),
		Problems:  []outcome.Problem{},
	}
}

func (r *Result) addProblem(p outcome.Problem) { r.Problems = append(r.Problems, p) }
func (r *Result) addWarning(p outcome.Problem) { r.Warnings = append(r.Warnings, p) }

// recordReport fills the result from the final report of an import.
func (r *run) recordReport(report *platform.ArchiveReport) error {
	w := &r.result.Workspace
	r.result.Imported = append(r.result.Imported, report.Imported...)
	r.result.Deleted = append(r.result.Deleted, report.Deleted...)
	for _, p := range report.Errors {
		p.File = strings.TrimPrefix(p.File, r.Slug+"/")
		r.result.addProblem(withRemedy(p))
	}
	id := cmp.Or(report.ID, firstOrEmpty(report.Created), firstOrEmpty(report.Updated))
	switch {
	case w.ID != "" && id != "" && id != w.ID && id != w.Slug:
		return &outcome.Problem{
			Code:    "other-workspace",
			Message: fmt.Sprintf("the platform imported into workspace %q instead of %q", id, w.ID),
			Help:    "review that workspace, which now has the content",
		}
	case len(report.Imported) == 0 && len(r.result.Problems) == 0 && !r.result.FilesUnknown:
		return &outcome.Problem{
			Code:    "nothing",
			Message: "the platform imported no file",
			Help:    "see the log of prismeai-workspaces: it may expect another layout of archives",
		}
	}
	r.checkPruned(report)
	if len(r.result.Problems) == 0 {
		r.result.Outcome = outcome.Done
	}
	slices.Sort(r.result.Imported)
	slices.Sort(r.result.Deleted)
	return nil
}

// checkPruned adds a problem if the report does not list deleted files: older platforms ignore the
// prune parameter.
func (r *run) checkPruned(report *platform.ArchiveReport) {
	if !r.Prune || report.ListsDeleted {
		return
	}
	r.result.addProblem(outcome.Problem{
		Code:    "not-pruned",
		Message: "the platform did not confirm that it deleted the extra files: this version may not support it",
		Help:    "the files were imported; delete the others by hand, or compare with --dry-run --changes",
	})
}

func firstOrEmpty(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
