// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// Result is the outcome of a push. It is also the JSON report, to which fields may be added.
type Result struct {
	Outcome       outcome.Outcome      `json:"outcome"`
	Repository    string               `json:"repository"`
	Groups        []string             `json:"groups"`
	Name          string               `json:"name,omitempty"`
	DryRun        bool                 `json:"dryRun"`
	Force         bool                 `json:"force"`
	Duration      outcome.Milliseconds `json:"durationMilliseconds"`
	CorrelationID string               `json:"correlationId,omitempty"`
	Workspaces    []Workspace          `json:"workspaces"`
	// Problems of the push as a whole.
	Problems []outcome.Problem `json:"problems"`
}

// Workspace is the result for one workspace. Status is the platform's.
type Workspace struct {
	Slug     string               `json:"slug,omitempty"`
	ID       string               `json:"id,omitempty"`
	Name     string               `json:"name,omitempty"`
	Status   platform.Status      `json:"status"`
	Duration outcome.Milliseconds `json:"durationMilliseconds,omitempty"`
	Problems []outcome.Problem    `json:"problems,omitempty"`
}

// Title returns the slug, else the ID, else the name.
func (w *Workspace) Title() string { return cmp.Or(w.Slug, w.ID, w.Name) }

func (r *Result) addProblem(p outcome.Problem) { r.Problems = append(r.Problems, p) }

// recordReport fills the result from the final report of a push.
func (r *run) recordReport(end pushEnd) error {
	report := end.report
	if report.RepositoryID != r.Repository {
		return &outcome.Problem{
			Code:    "other-repository",
			Message: fmt.Sprintf("the platform pushed to %q instead of %q", report.RepositoryID, r.Repository),
			Help:    "review that repository; then correct --repository",
		}
	}
	for i := range report.Workspaces {
		r.result.Workspaces = append(r.result.Workspaces, r.takeWorkspace(&report.Workspaces[i]))
	}
	r.addUnsummarized(end.started)
	r.addByID(platform.StatusPushed, report.Pushed)
	r.addByID(platform.StatusAlreadyPushed, report.AlreadyPushed)
	r.addByID(platform.StatusMergeConflict, report.MergeConflict)
	for _, p := range report.Errors {
		if !r.isWorkspaceProblem(p) {
			r.result.addProblem(withRemedy(p))
		}
	}
	if len(r.result.Workspaces) == 0 && len(r.result.Problems) == 0 {
		return &outcome.Problem{Code: "nothing", Message: "no workspace belongs to " + strings.Join(r.Groups, ", "),
			Help: "give the workspaces a label of WORKSPACES_GROUP_<name>_LABELS of prismeai-workspaces"}
	}
	failed := slices.ContainsFunc(r.result.Workspaces, func(w Workspace) bool { return len(w.Problems) > 0 })
	if !failed && len(r.result.Problems) == 0 {
		r.result.Outcome = outcome.Done
	}
	return nil
}

// takeWorkspace returns the result for a workspace, including errors reported as progress, and
// removes it from the reported ones.
func (r *run) takeWorkspace(in *platform.WorkspaceReport) Workspace {
	w := Workspace{
		Slug:     in.Slug,
		ID:       in.ID,
		Name:     in.Name,
		Status:   in.Status,
		Duration: outcome.Milliseconds(in.Duration),
	}
	progress := r.reported[in.Slug]
	delete(r.reported, in.Slug)
	w.Duration = cmp.Or(w.Duration, outcome.Milliseconds(progress.Duration))
	for _, p := range append(slices.Clone(in.Errors), progress.Errors...) {
		if a := withRemedy(p); !slices.Contains(w.Problems, a) {
			w.Problems = append(w.Problems, a)
		}
	}
	if len(w.Problems) > 0 {
		return w
	}
	add := func(status platform.Status, message, help string) {
		w.Problems = []outcome.Problem{{Code: string(status), Message: cmp.Or(in.Reason, message), Help: help}}
	}
	switch {
	case w.Status == platform.StatusMergeConflict:
		add(w.Status, "skipped because of a merge conflict", conflictHelp)
	case w.Status == platform.StatusInProgress:
		add(w.Status, "skipped because another push of it was in progress", inProgressHelp)
	case w.Status == platform.StatusError || progress.Status == platform.StatusError:
		add(platform.StatusError, "the platform gives no reason", againHelp)
	}
	return w
}

// addUnsummarized adds workspaces that events reported but the summary omits: those that another
// push had claimed, and those known only from progress.
func (r *run) addUnsummarized(started *platform.PushStarted) {
	if started != nil {
		for _, w := range started.Workspaces {
			if progress, ok := r.reported[w.Slug]; ok {
				w.Status = progress.Status
			}
			if !r.hasWorkspace(func(known *Workspace) bool { return known.Slug == w.Slug }) {
				r.result.Workspaces = append(r.result.Workspaces, r.takeWorkspace(&w))
			}
		}
	}
	for _, slug := range slices.Sorted(maps.Keys(r.reported)) {
		w := r.reported[slug]
		r.result.Workspaces = append(r.result.Workspaces, r.takeWorkspace(&w))
	}
}

// addByID adds workspaces that the summary lists by ID only.
func (r *run) addByID(status platform.Status, ids []string) {
	for _, id := range ids {
		if !r.hasWorkspace(func(known *Workspace) bool { return known.ID == id }) {
			report := platform.WorkspaceReport{ID: id, Status: status}
			r.result.Workspaces = append(r.result.Workspaces, r.takeWorkspace(&report))
		}
	}
}

func (r *run) hasWorkspace(is func(*Workspace) bool) bool {
	return slices.ContainsFunc(r.result.Workspaces, func(w Workspace) bool { return is(&w) })
}

// isWorkspaceProblem reports whether a problem of the summary already belongs to a workspace.
func (r *run) isWorkspaceProblem(p platform.Problem) bool {
	return r.hasWorkspace(func(w *Workspace) bool { return slices.Contains(w.Problems, withRemedy(p)) })
}
