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

// Result is how a transfer ended. Its JSON is the report: fields may be added.
type Result struct {
	Outcome   outcome.Outcome `json:"outcome"`
	Target    string          `json:"target"`
	Workspace Workspace       `json:"workspace"`
	// Created is set if the target had no such workspace.
	Created       bool                 `json:"created"`
	DryRun        bool                 `json:"dryRun"`
	Prune         bool                 `json:"prune"`
	Duration      outcome.Milliseconds `json:"durationMilliseconds"`
	CorrelationID string               `json:"correlationId,omitempty"`
	// Imported and Deleted are paths, empty too where FilesUnknown.
	Imported     []string `json:"imported"`
	Deleted      []string `json:"deleted"`
	FilesUnknown bool     `json:"filesUnknown,omitempty"`
	// Domains are the custom domains before the import.
	Domains []string `json:"customDomains,omitempty"`
	// Warnings stop nothing.
	Warnings []outcome.Problem `json:"warnings"`
	Problems []outcome.Problem `json:"problems"`
}

// Workspace is the one on the target. Its ID is empty as long as there is none.
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

func (r *Result) add(p outcome.Problem)  { r.Problems = append(r.Problems, p) }
func (r *Result) warn(p outcome.Problem) { r.Warnings = append(r.Warnings, p) }

// judge makes the result of an import whose end is known.
func (r *run) judge(report *platform.ArchiveReport) error {
	w := &r.result.Workspace
	r.result.Imported = append(r.result.Imported, report.Imported...)
	r.result.Deleted = append(r.result.Deleted, report.Deleted...)
	for _, p := range report.Errors {
		p.File = strings.TrimPrefix(p.File, r.Slug+"/")
		r.result.add(advise(p))
	}
	told := cmp.Or(report.ID, first(report.Created), first(report.Updated))
	switch {
	case w.ID != "" && told != "" && told != w.ID && told != w.Slug:
		return &outcome.Problem{
			Code:    "other-workspace",
			Message: fmt.Sprintf("the platform imported into workspace %q instead of %q", told, w.ID),
			Help:    "look at that workspace, which has the content now",
		}
	case len(report.Imported) == 0 && len(r.result.Problems) == 0 && !r.result.FilesUnknown:
		return &outcome.Problem{
			Code:    "nothing",
			Message: "the platform imported no file",
			Help:    "see the log of prismeai-workspaces: it may take another layout of archives",
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

// checkPruned makes a problem of an answer that does not say what was deleted: platforms
// that do not know the parameter ignore it.
func (r *run) checkPruned(report *platform.ArchiveReport) {
	if !r.Prune || report.TellsDeleted {
		return
	}
	r.result.add(outcome.Problem{
		Code:    "not-pruned",
		Message: "the platform does not say that it deleted what the workspace lacks: this version may not know how to",
		Help:    "the files were imported; delete the others by hand, or compare with --dry-run --changes",
	})
}

// list joins a few names.
func list(names []string) string { return strings.Join(names, ", ") }

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
