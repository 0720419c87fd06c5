// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// verdict is the evaluation of a report for a group.
type verdict struct {
	// failure is nil if the group is confirmed.
	failure    *Failure
	workspaces []state.Workspace
	// partial is true if there was no manifest to compare with, or no version in the report.
	partial bool
	// imported is true if the platform changed something.
	imported bool
	// needsForce is true if the platform skipped workspaces that only a forced import can fix.
	needsForce bool
	// pulled is the time of the newest import, if a list has it.
	pulled time.Time
}

// verifyReport compares a report with the expected workspaces of a group. It confirms the group only if
// the report has every workspace, without an error and at the expected version. distrust lists
// workspaces that failed before: if one of them is skipped now, its import is not proven (platform
// contract §1.9, step 6).
func verifyReport(g *GroupPlan, r *platform.ImportReport, distrust map[string]bool) verdict {
	v := verdict{partial: len(g.Workspaces) == 0}
	if len(r.Groups) > 0 && !slices.Equal(r.Groups, []string{g.Name}) {
		v.failure = &Failure{Reason: state.BadAnswer, Message: fmt.Sprintf("the report is about the groups %q", r.Groups)}
		return v
	}
	said := indexReport(r)
	if len(g.Workspaces) == 0 {
		v.expectReported(r, distrust)
	}
	for i := range g.Workspaces {
		want := &g.Workspaces[i]
		v.addWorkspace(want, said.find(want), distrust[want.Slug])
	}
	v.addGeneralErrors(g, r)
	return v
}

// addGeneralErrors evaluates the errors that belong to no expected workspace.
func (v *verdict) addGeneralErrors(g *GroupPlan, r *platform.ImportReport) {
	switch whole := v.unattributedErrors(r.Errors); {
	case len(r.Errors) == 0:
	case !v.blamesWorkspace():
		v.failure = &Failure{Reason: worstReason(r.Errors), Message: joinProblems(r.Errors)}
	case len(whole) > 0:
		v.failure.Message += "; " + joinProblems(whole)
		if r := worstReason(whole); severity(r) > severity(v.failure.Reason) {
			v.failure.Reason = r
		}
	}
	switch {
	case v.failure == nil && r.Failed():
		v.failure = &Failure{Reason: state.ImportErrors, Message: "a workspace outside this release has errors"}
	case v.failure == nil && len(v.workspaces) == 0:
		v.failure = &Failure{Reason: state.EmptyGroup, Message: fmt.Sprintf("no workspace belongs to group %s", g.Name)}
	}
}

// blamesWorkspace reports whether the failure is an error of one workspace, which its message
// names.
func (v *verdict) blamesWorkspace() bool {
	return v.failure != nil && (v.failure.Reason == state.ImportErrors ||
		v.failure.Reason == state.SlugTaken || isTolerable(v.failure.Reason))
}

// unattributedErrors returns the errors that no workspace has. The platform may repeat errors of
// workspaces for the whole import.
func (v *verdict) unattributedErrors(problems []platform.Problem) []platform.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p platform.Problem) bool {
		return slices.ContainsFunc(
			v.workspaces,
			func(w state.Workspace) bool { return strings.Contains(w.Error, p.String()) },
		)
	})
}

// expectReported expects the workspaces in the report, because there is no manifest.
func (v *verdict) expectReported(r *platform.ImportReport, distrust map[string]bool) {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		v.addWorkspace(&release.Workspace{Slug: w.Slug, Name: w.Name, Version: w.Version}, w, distrust[w.Slug])
	}
}

// addWorkspace judges one workspace and adds the result. w is nil if the report lacks it.
func (v *verdict) addWorkspace(want *release.Workspace, w *platform.WorkspaceReport, distrusted bool) {
	got := judgeWorkspace(want, w, distrusted)
	v.workspaces = append(v.workspaces, got)
	v.imported = v.imported || got.State == state.WorkspaceImported
	if w != nil {
		v.partial = v.partial || w.Version == ""
		v.needsForce = v.needsForce || w.Status == platform.StatusSkipped && !w.Failed() && distrusted
	}
	if got.Reason == "" {
		return
	}
	if v.failure == nil || isTolerable(v.failure.Reason) && !isTolerable(got.Reason) {
		v.failure = &Failure{Reason: got.Reason, Message: fmt.Sprintf("workspace %s: %s", got.Slug, got.Error)}
	}
}

// judgeWorkspace returns the state of a workspace, with a reason and an error unless it was imported
// or skipped as expected.
func judgeWorkspace(want *release.Workspace, w *platform.WorkspaceReport, distrusted bool) state.Workspace {
	got := state.Workspace{Slug: want.Slug, Name: want.Name, Version: want.Version}
	switch {
	case w == nil:
		got.State = state.WorkspaceMissing
		got.Reason = state.WorkspaceSilent
		got.Error = "not reported"
	case w.Failed() || !isFinalStatus(w.Status):
		got.State = state.WorkspaceFailed
		got.Reason = worstReason(w.Errors)
		got.Error = describeReport(w)
	case w.Status == "":
		got.State = state.WorkspaceMissing
		got.Reason = state.WorkspaceSilent
		got.Error = "reported without a status"
	case w.Status == platform.StatusSkipped && distrusted:
		got.State = state.WorkspaceFailed
		got.Reason = state.ImportErrors
		got.Error = "skipped after a failed import"
	case w.Version != "" && want.Version != "" && w.Version != want.Version:
		got.State = state.WorkspaceFailed
		got.Reason = state.WrongVersion
		got.Error = fmt.Sprintf("version %s instead of %s", w.Version, want.Version)
	case w.Status == platform.StatusSkipped:
		got.State = state.WorkspaceSkipped
	default:
		got.State = state.WorkspaceImported
	}
	return got
}

func isTolerable(r state.Reason) bool { return slices.Contains(state.TolerableReasons(), r) }

func describeReport(w *platform.WorkspaceReport) string {
	if len(w.Errors) > 0 {
		return joinProblems(w.Errors)
	}
	return cmp.Or(w.Reason, "status "+string(w.Status))
}

// maxProblems is the maximum number of errors in a message.
const maxProblems = 3

func joinProblems(problems []platform.Problem) string {
	var texts []string
	for _, p := range problems[:min(len(problems), maxProblems)] {
		texts = append(texts, p.String())
	}
	if more := len(problems) - maxProblems; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}

// reportIndex finds workspaces of a report by slug or ID.
type reportIndex struct {
	bySlug, byID map[string]*platform.WorkspaceReport
}

// indexReport indexes the workspaces of a report, including those that it only lists by ID: the
// list of workspaces is optional in the contract. The ID lists supply missing statuses.
func indexReport(r *platform.ImportReport) reportIndex {
	x := reportIndex{
		bySlug: map[string]*platform.WorkspaceReport{},
		byID:   map[string]*platform.WorkspaceReport{},
	}
	for _, ids := range []struct {
		list   []string
		status platform.Status
	}{{r.Created, platform.StatusImported}, {r.Updated, platform.StatusImported}, {r.Skipped, platform.StatusSkipped}} {
		for _, id := range ids.list {
			x.byID[id] = &platform.WorkspaceReport{ID: id, Status: ids.status}
		}
	}
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		if got := x.byID[w.ID]; w.Status == "" && got != nil {
			w.Status = got.Status
		}
		x.bySlug[w.Slug] = w
		if w.ID != "" {
			x.byID[w.ID] = w
		}
	}
	return x
}

// find looks up the slug, then the ID, because the platform may use another slug (platform contract
// §1.2).
func (x reportIndex) find(w *release.Workspace) *platform.WorkspaceReport {
	if got := x.bySlug[w.Slug]; got != nil || w.ID == "" {
		return got
	}
	return x.byID[w.ID]
}
