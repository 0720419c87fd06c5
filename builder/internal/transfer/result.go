// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// Outcome of a transfer.
type Outcome string

// The outcomes.
const (
	// Done: the workspace is imported, or nothing stands in the way of a dry run.
	Done Outcome = "done"
	// Failed: something is wrong, with the import or with a file.
	Failed Outcome = "failed"
	// Unknown: nobody tells how the import ended.
	Unknown Outcome = "unknown"
)

// Result is what became of a transfer. Its JSON is the report: fields may be added.
type Result struct {
	Outcome   Outcome   `json:"outcome"`
	Target    string    `json:"target"`
	Workspace Workspace `json:"workspace"`
	// Created tells that the target had no such workspace.
	Created       bool         `json:"created"`
	DryRun        bool         `json:"dryRun"`
	Prune         bool         `json:"prune"`
	Duration      milliseconds `json:"durationMilliseconds"`
	CorrelationID string       `json:"correlationId,omitempty"`
	// Imported and Deleted are paths, empty too where FilesUnknown.
	Imported     []string `json:"imported"`
	Deleted      []string `json:"deleted"`
	FilesUnknown bool     `json:"filesUnknown,omitempty"`
	// Warnings stop nothing.
	Warnings []Problem `json:"warnings"`
	Problems []Problem `json:"problems"`
}

// Workspace is the one on the target. Its ID is empty as long as there is none.
type Workspace struct {
	Slug string `json:"slug"`
	ID   string `json:"id,omitempty"`
}

// Problem is something that is wrong, and what to do about it.
type Problem struct {
	// File is empty for a problem of the whole.
	File    string `json:"file,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

func (p *Problem) Error() string { return p.Message }

// milliseconds is a time that is a whole number of them in JSON.
type milliseconds time.Duration

func (m milliseconds) MarshalJSON() ([]byte, error) {
	return fmt.Append(nil, time.Duration(m).Milliseconds()), nil
}

func newResult(client *platform.Client, o *Options) *Result {
	return &Result{Outcome: Failed, Target: client.BaseURL(), Workspace: Workspace{Slug: o.Slug}, DryRun: o.DryRun, Prune: o.Prune,
		Imported: []string{}, Deleted: []string{}, Warnings: []Problem{}, Problems: []Problem{}}
}

func (r *Result) add(p Problem)  { r.Problems = append(r.Problems, p) }
func (r *Result) warn(p Problem) { r.Warnings = append(r.Warnings, p) }

// judge makes the result of an import whose end is known.
func (r *run) judge(report *platform.ArchiveReport) error {
	w := &r.result.Workspace
	r.result.Imported, r.result.Deleted = append(r.result.Imported, report.Imported...), append(r.result.Deleted, report.Deleted...)
	for _, p := range report.Errors {
		r.result.add(advise(p))
	}
	told := cmp.Or(report.ID, first(report.Created), first(report.Updated))
	switch {
	case w.ID != "" && told != "" && told != w.ID && told != w.Slug:
		return &Problem{Code: "other-workspace", Message: fmt.Sprintf("the platform imported into workspace %q instead of %q", told, w.ID),
			Help: "look at that workspace, which has the content now"}
	case r.result.Created && report.Slug != "" && report.Slug != r.Slug:
		w.ID, w.Slug = told, report.Slug
		return &Problem{Code: "other-slug", Message: fmt.Sprintf("the platform calls the new workspace %s", report.Slug),
			Help: fmt.Sprintf("give it the slug %s in its settings: the next transfer looks for that", r.Slug)}
	case len(report.Imported) == 0 && len(r.result.Problems) == 0 && !r.result.FilesUnknown:
		return &Problem{Code: "nothing", Message: "the platform imported no file", Help: "see the log of prismeai-workspaces: it may take another layout of archives"}
	}
	w.ID = cmp.Or(w.ID, told)
	if len(r.result.Problems) == 0 {
		r.result.Outcome = Done
	}
	slices.Sort(r.result.Imported)
	slices.Sort(r.result.Deleted)
	return nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
