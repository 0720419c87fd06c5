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

// verdict is what a report means for a group.
type verdict struct {
	// failure is nil when the group is confirmed.
	failure    *Failure
	workspaces []state.Workspace
	// partial: no manifest said what to expect, or the report had no versions.
	partial bool
	// imported tells that the platform changed something.
	imported bool
	// ignored: the platform skipped what is not right, which only force changes.
	ignored bool
	// pulled is the time of the newest import, where a list tells it.
	pulled time.Time
}

// verify compares a report with what is expected of a group. It confirms only
// what the report says: every expected workspace, without an error, at the
// expected version. Distrust lists workspaces that failed before: that one of
// them is skipped now proves nothing (contract §1.9, step 6).
func verify(g *GroupPlan, r *platform.ImportReport, distrust map[string]bool) verdict {
	v := verdict{partial: len(g.Workspaces) == 0}
	if len(r.Groups) > 0 && !slices.Equal(r.Groups, []string{g.Name}) {
		v.failure = &Failure{Reason: state.BadAnswer, Message: fmt.Sprintf("the report is about the groups %q", r.Groups)}
		return v
	}
	said := indexReport(r)
	if len(g.Workspaces) == 0 {
		v.takeAll(r, distrust)
	}
	for i := range g.Workspaces {
		v.expect(&g.Workspaces[i], said.find(&g.Workspaces[i]), distrust)
	}
	v.judgeWhole(g, r)
	return v
}

// judgeWhole adds the errors that belong to no expected workspace.
func (v *verdict) judgeWhole(g *GroupPlan, r *platform.ImportReport) {
	switch whole := v.unattributed(r.Errors); {
	case len(r.Errors) == 0:
	case !v.blamesWorkspace():
		v.failure = &Failure{Reason: importReason(r.Errors), Message: join(r.Errors)}
	case len(whole) > 0:
		v.failure.Message += "; " + join(whole)
		if r := importReason(whole); severity(r) > severity(v.failure.Reason) {
			v.failure.Reason = r
		}
	}
	switch {
	case v.failure == nil && r.Failed():
		v.failure = &Failure{Reason: state.ImportErrors, Message: "a workspace that is not of this release has errors"}
	case v.failure == nil && len(v.workspaces) == 0:
		v.failure = &Failure{Reason: state.EmptyGroup, Message: fmt.Sprintf("no workspace belongs to the group %s", g.Name)}
	}
}

// blamesWorkspace reports whether the failure is an error that the platform
// reported about one workspace, which its message names.
func (v *verdict) blamesWorkspace() bool {
	return v.failure != nil && (v.failure.Reason == state.ImportErrors || v.failure.Reason == state.SlugTaken || isTolerable(v.failure.Reason))
}

// unattributed returns the errors that no workspace has as its own: the platform
// may repeat those of workspaces for the whole.
func (v *verdict) unattributed(problems []platform.Problem) []platform.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p platform.Problem) bool {
		return slices.ContainsFunc(v.workspaces, func(w state.Workspace) bool { return strings.Contains(w.Error, p.String()) })
	})
}

// takeAll expects what the report lists, for want of a manifest.
func (v *verdict) takeAll(r *platform.ImportReport, distrust map[string]bool) {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		v.expect(&release.Workspace{Slug: w.Slug, Name: w.Name, Version: w.Version}, w, distrust)
	}
}

// expect judges one workspace; w is nil when the report does not have it.
func (v *verdict) expect(want *release.Workspace, w *platform.WorkspaceReport, distrust map[string]bool) {
	got := state.Workspace{Slug: want.Slug, Name: want.Name, Version: want.Version}
	var f *Failure
	switch {
	case w == nil:
		got.State, got.Error = state.WorkspaceMissing, "not reported"
		f = &Failure{Reason: state.WorkspaceSilent, Message: fmt.Sprintf("workspace %s is not in the platform's report", want.Slug)}
	case w.Failed() || !isDone(w.Status):
		got.State, got.Error = state.WorkspaceFailed, describe(w)
		f = &Failure{Reason: importReason(w.Errors), Message: fmt.Sprintf("workspace %s: %s", want.Slug, got.Error)}
	case w.Status == "":
		got.State, got.Error = state.WorkspaceMissing, "reported without a status"
		f = &Failure{Reason: state.WorkspaceSilent, Message: fmt.Sprintf("workspace %s is in the platform's report without a status", want.Slug)}
	case w.Status == platform.StatusSkipped && distrust[want.Slug]:
		got.State, got.Error = state.WorkspaceFailed, "its last import failed, and now it is skipped"
		f = &Failure{Reason: state.ImportErrors, Message: fmt.Sprintf("workspace %s: %s", want.Slug, got.Error)}
		v.ignored = true
	case w.Version != "" && want.Version != "" && w.Version != want.Version:
		got.State, got.Error = state.WorkspaceFailed, fmt.Sprintf("version %s instead of %s", w.Version, want.Version)
		f = &Failure{Reason: state.WrongVersion, Message: fmt.Sprintf("workspace %s has %s", want.Slug, got.Error)}
	case w.Status == platform.StatusSkipped:
		got.State = state.WorkspaceSkipped
	default:
		got.State, v.imported = state.WorkspaceImported, true
	}
	if w != nil && w.Version == "" {
		v.partial = true
	}
	if f != nil {
		got.Reason = f.Reason
	}
	v.workspaces = append(v.workspaces, got)
	if v.failure == nil || f != nil && isTolerable(v.failure.Reason) && !isTolerable(f.Reason) {
		v.failure = f
	}
}

func isTolerable(r state.Reason) bool { return slices.Contains(state.Tolerable(), r) }

// isDone reports whether a status tells an end. The set of states is open in the
// contract, so that only words which contradict it are refused.
func isDone(s platform.Status) bool {
	text := strings.ToLower(string(s))
	for _, word := range []string{"err", "fail", "conflict", "abort", "cancel", "timeout", "reject", "refuse", "denied", "invalid", "lock",
		"partial", "progress", "pending", "candidate", "queue", "running", "waiting"} {
		if strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func describe(w *platform.WorkspaceReport) string {
	if len(w.Errors) > 0 {
		return join(w.Errors)
	}
	return cmp.Or(w.Reason, "status "+string(w.Status))
}

// maxProblems bounds how many errors one message repeats.
const maxProblems = 3

func join(problems []platform.Problem) string {
	var texts []string
	for _, p := range problems[:min(len(problems), maxProblems)] {
		texts = append(texts, p.String())
	}
	if more := len(problems) - maxProblems; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}

// index finds workspaces of a report.
type index struct {
	bySlug, byID map[string]*platform.WorkspaceReport
}

// indexReport knows the workspaces of a report, also those that it names by id
// only: the list of workspaces is optional in the contract. An id completes a
// workspace without a status.
func indexReport(r *platform.ImportReport) index {
	x := index{map[string]*platform.WorkspaceReport{}, map[string]*platform.WorkspaceReport{}}
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
		if told := x.byID[w.ID]; w.Status == "" && told != nil {
			w.Status = told.Status
		}
		x.bySlug[w.Slug] = w
		if w.ID != "" {
			x.byID[w.ID] = w
		}
	}
	return x
}

// find looks for the slug, then for the id: a slug may differ on the platform (contract §1.2).
func (x index) find(w *release.Workspace) *platform.WorkspaceReport {
	if got := x.bySlug[w.Slug]; got != nil || w.ID == "" {
		return got
	}
	return x.byID[w.ID]
}
