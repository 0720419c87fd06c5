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

// Result is what became of a push. Its JSON is the report: fields may be added.
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

// Workspace is what became of one workspace. Status is that of the platform.
type Workspace struct {
	Slug     string               `json:"slug,omitempty"`
	ID       string               `json:"id,omitempty"`
	Name     string               `json:"name,omitempty"`
	Status   platform.Status      `json:"status"`
	Duration outcome.Milliseconds `json:"durationMilliseconds,omitempty"`
	Problems []outcome.Problem    `json:"problems,omitempty"`
}

// Title is how people know the workspace.
func (w *Workspace) Title() string { return cmp.Or(w.Slug, w.ID, w.Name) }

func (r *Result) add(p outcome.Problem) { r.Problems = append(r.Problems, p) }

// judge makes the result of a push whose end is known.
func (r *run) judge(end ending) error {
	report := end.report
	if report.RepositoryID != r.Repository {
		return &outcome.Problem{Code: "other-repository", Message: fmt.Sprintf("the platform pushed to %q instead of %q", report.RepositoryID, r.Repository),
			Help: "look at that repository; then correct --repository"}
	}
	for i := range report.Workspaces {
		r.result.Workspaces = append(r.result.Workspaces, r.workspace(&report.Workspaces[i]))
	}
	r.leftOut(end.started)
	r.byID(platform.StatusPushed, report.Pushed)
	r.byID(platform.StatusAlreadyPushed, report.AlreadyPushed)
	r.byID(platform.StatusMergeConflict, report.MergeConflict)
	for _, p := range report.Errors {
		if !r.known(p) {
			r.result.add(advise(p))
		}
	}
	if len(r.result.Workspaces) == 0 && len(r.result.Problems) == 0 {
		return &outcome.Problem{Code: "nothing", Message: "no workspace belongs to " + strings.Join(r.Groups, ", "),
			Help: "give the workspaces a label of WORKSPACES_GROUP_<name>_LABELS of prismeai-workspaces"}
	}
	if failed := slices.ContainsFunc(r.result.Workspaces, func(w Workspace) bool { return len(w.Problems) > 0 }); !failed && len(r.result.Problems) == 0 {
		r.result.Outcome = outcome.Done
	}
	return nil
}

// workspace is what became of a workspace, with the errors that were told on the way.
func (r *run) workspace(in *platform.WorkspaceReport) Workspace {
	w := Workspace{Slug: in.Slug, ID: in.ID, Name: in.Name, Status: in.Status, Duration: outcome.Milliseconds(in.Duration)}
	told := r.told[in.Slug]
	delete(r.told, in.Slug)
	w.Duration = cmp.Or(w.Duration, outcome.Milliseconds(told.Duration))
	for _, p := range append(slices.Clone(in.Errors), told.Errors...) {
		if a := advise(p); !slices.Contains(w.Problems, a) {
			w.Problems = append(w.Problems, a)
		}
	}
	if len(w.Problems) > 0 {
		return w
	}
	switch {
	case w.Status == platform.StatusMergeConflict:
		w.Problems = []outcome.Problem{{Code: string(w.Status), Message: cmp.Or(in.Reason, "it has a merge conflict and was left out"), Help: conflictHelp}}
	case w.Status == platform.StatusInProgress:
		w.Problems = []outcome.Problem{{Code: string(w.Status), Message: cmp.Or(in.Reason, "another push of it was under way, and it was left out"), Help: inProgressHelp}}
	case w.Status == platform.StatusError || told.Status == platform.StatusError:
		w.Problems = []outcome.Problem{{Code: string(platform.StatusError), Message: cmp.Or(in.Reason, "the platform does not say what is wrong"), Help: againHelp}}
	}
	return w
}

// leftOut adds the workspaces that were told of and are not in the summary: those whose
// push somebody else had begun, and those that progress told.
func (r *run) leftOut(started *platform.PushStarted) {
	if started != nil {
		for _, w := range started.Workspaces {
			if told, ok := r.told[w.Slug]; ok {
				w.Status = told.Status
			}
			if !r.has(func(known *Workspace) bool { return known.Slug == w.Slug }) {
				r.result.Workspaces = append(r.result.Workspaces, r.workspace(&w))
			}
		}
	}
	for _, slug := range slices.Sorted(maps.Keys(r.told)) {
		w := r.told[slug]
		r.result.Workspaces = append(r.result.Workspaces, r.workspace(&w))
	}
}

// byID adds the workspaces of a list of the summary of which it tells nothing else.
func (r *run) byID(status platform.Status, ids []string) {
	for _, id := range ids {
		if !r.has(func(known *Workspace) bool { return known.ID == id }) {
			r.result.Workspaces = append(r.result.Workspaces, r.workspace(&platform.WorkspaceReport{ID: id, Status: status}))
		}
	}
}

func (r *run) has(is func(*Workspace) bool) bool {
	return slices.ContainsFunc(r.result.Workspaces, func(w Workspace) bool { return is(&w) })
}

// known reports whether an error of the summary is one of a workspace.
func (r *run) known(p platform.Problem) bool {
	return r.has(func(w *Workspace) bool { return slices.Contains(w.Problems, advise(p)) })
}
