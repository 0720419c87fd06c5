// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// worstReason returns the most severe reason of several errors.
func worstReason(problems []platform.Problem) state.Reason {
	worst := state.ImportErrors
	for n, p := range problems {
		if r := classifyProblem(p); n == 0 || severity(r) > severity(worst) {
			worst = r
		}
	}
	return worst
}

// severity orders the reasons of failed workspaces: specific reasons rank above general ones, and
// tolerable ones rank lowest.
func severity(r state.Reason) int {
	switch r {
	case state.MissingPhoto:
		return 0
	case state.OrphanedApp:
		return 1
	case state.SlugTaken:
		return 3
	}
	return 2
}

// withoutTolerated returns a copy of the report without tolerated errors, and the tolerated reasons by slug.
// It does not modify the report.
func (p *Policy) withoutTolerated(r *platform.ImportReport) (*platform.ImportReport, map[string][]state.Reason) {
	if len(p.Tolerate) == 0 || r == nil || !r.Failed() {
		return r, nil
	}
	forgiven := map[string][]state.Reason{}
	out := *r
	out.Errors, _ = p.splitTolerated(r.Errors)
	out.Workspaces = slices.Clone(r.Workspaces)
	for n := range out.Workspaces {
		p.tolerateWorkspace(&out.Workspaces[n], forgiven)
	}
	return &out, forgiven
}

// tolerateWorkspace removes the tolerated errors of a workspace. If no other error is left, the
// workspace counts as imported: its error status only reflects the removed errors.
func (p *Policy) tolerateWorkspace(w *platform.WorkspaceReport, forgiven map[string][]state.Reason) {
	left, tolerated := p.splitTolerated(w.Errors)
	if len(tolerated) == 0 {
		return
	}
	w.Errors = left
	forgiven[w.Slug] = tolerated
	if len(left) == 0 && w.Status == platform.StatusError {
		w.Status = platform.StatusImported
	}
}

// splitTolerated returns the errors that are not tolerated, and the reasons of the others.
func (p *Policy) splitTolerated(all []platform.Problem) (left []platform.Problem, tolerated []state.Reason) {
	for _, one := range all {
		if r := classifyProblem(one); slices.Contains(p.Tolerate, r) {
			tolerated = append(tolerated, r)
		} else {
			left = append(left, one)
		}
	}
	slices.Sort(tolerated)
	return left, slices.Compact(tolerated)
}

// markTolerated marks the workspaces with tolerated errors.
func (v *verdict) markTolerated(forgiven map[string][]state.Reason) {
	for n := range v.workspaces {
		v.workspaces[n].Tolerated = forgiven[v.workspaces[n].Slug]
	}
}

// inspectTolerated returns the state of a group in the list. The platform may not set the version of a
// workspace with a tolerated error, so the list is inconclusive for such a workspace.
func (p *pass) inspectTolerated(list installedIndex, g *GroupPlan) installState {
	s := list.inspectGroup(g)
	s.addRecreated(list, g, p.mem.forGroup(g).pulled)
	if len(p.Policy.Tolerate) == 0 {
		return s
	}
	now := p.store.Get()
	tolerated := now.ToleratedSlugs()
	excused := func(slug string) bool { return tolerated[slug] }
	s.inconclusive = s.inconclusive || slices.ContainsFunc(s.foreign, excused) || slices.ContainsFunc(s.missing, excused)
	s.foreign = slices.DeleteFunc(s.foreign, excused)
	s.missing = slices.DeleteFunc(s.missing, excused)
	return s
}

// publishTolerated updates the warning about tolerated errors.
func (p *pass) publishTolerated() {
	s := p.store.Get()
	before := slices.IndexFunc(s.Warnings, func(w state.Warning) bool { return w.Name == state.WarnTolerated })
	text := describeTolerated(s.Groups)
	p.store.Warn(state.WarnTolerated, text)
	if text != "" && (before < 0 || s.Warnings[before].Text != text) {
		p.log.Warn("tolerating errors of the import", "tolerated", text)
	}
}

// describeTolerated lists slugs by reason, for example "missing-photo: a, b; orphaned-app: c".
func describeTolerated(groups []state.Group) string {
	slugs := map[state.Reason][]string{}
	for _, g := range groups {
		for _, w := range g.Workspaces {
			for _, r := range w.Tolerated {
				slugs[r] = append(slugs[r], w.Slug)
			}
		}
	}
	var parts []string
	for _, r := range state.TolerableReasons() {
		if len(slugs[r]) > 0 {
			parts = append(parts, string(r)+": "+state.JoinSlugs(slugs[r]))
		}
	}
	return strings.Join(parts, "; ")
}
