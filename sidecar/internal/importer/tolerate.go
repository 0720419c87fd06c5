// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// The texts of the platform, as observed: "MissingFieldError: Missing photo or
// description", "AlreadyUsedError: App slug 'x' already used".
var (
	missingPhoto = regexp.MustCompile(`(?i)^(\w*Error: )*missing photo\b`)
	orphanedApp  = regexp.MustCompile(`(?i)^(\w*Error: )*app( slug)? ['"]?.* already (used|in use|exists)`)
	slugTaken    = regexp.MustCompile(`SlugAlreadyInUse|already used`)
)

// reasonOfProblem says what one error of an import is about.
func reasonOfProblem(p platform.Problem) state.Reason {
	text := p.String()
	switch {
	case missingPhoto.MatchString(text):
		return state.MissingPhoto
	case orphanedApp.MatchString(text):
		return state.OrphanedApp
	case slugTaken.MatchString(text):
		return state.SlugTaken
	}
	return state.ImportErrors
}

// importReason is the reason of several errors: that of the worst.
func importReason(problems []platform.Problem) state.Reason {
	worst := state.ImportErrors
	for n, p := range problems {
		if r := reasonOfProblem(p); n == 0 || severity(r) > severity(worst) {
			worst = r
		}
	}
	return worst
}

// severity orders the reasons of failed workspaces: a reason that says more than
// others what to do comes before them, and one that may be tolerated after all.
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

// forgive returns the report without the errors that the policy tolerates, and
// the reasons of those by the slug of their workspace. The report is not changed.
func (p *Policy) forgive(r *platform.ImportReport) (*platform.ImportReport, map[string][]state.Reason) {
	if len(p.Tolerate) == 0 || r == nil || !r.Failed() {
		return r, nil
	}
	forgiven := map[string][]state.Reason{}
	out := *r
	out.Errors, _ = p.intolerable(r.Errors)
	out.Workspaces = slices.Clone(r.Workspaces)
	for n := range out.Workspaces {
		p.forgiveWorkspace(&out.Workspaces[n], forgiven)
	}
	return &out, forgiven
}

// forgiveWorkspace takes away the errors of a workspace that are tolerated. If no
// other is left, its import counts: that its status is an error says the same again.
func (p *Policy) forgiveWorkspace(w *platform.WorkspaceReport, forgiven map[string][]state.Reason) {
	left, tolerated := p.intolerable(w.Errors)
	if len(tolerated) == 0 {
		return
	}
	w.Errors = left
	forgiven[w.Slug] = tolerated
	if len(left) == 0 && w.Status == platform.StatusError {
		w.Status = platform.StatusImported
	}
}

// intolerable splits errors into those that count and the reasons of the others.
func (p *Policy) intolerable(all []platform.Problem) (left []platform.Problem, tolerated []state.Reason) {
	for _, one := range all {
		if r := reasonOfProblem(one); slices.Contains(p.Tolerate, r) {
			tolerated = append(tolerated, r)
		} else {
			left = append(left, one)
		}
	}
	slices.Sort(tolerated)
	return left, slices.Compact(tolerated)
}

// forgive marks the workspaces whose errors were tolerated.
func (v *verdict) forgive(forgiven map[string][]state.Reason) {
	for n := range v.workspaces {
		v.workspaces[n].Tolerated = forgiven[v.workspaces[n].Slug]
	}
}

// standing is what the list says about a group. Whether the platform sets the
// version of a workspace whose import had an error is not known, so that the list
// says nothing about one whose error was tolerated.
func (p *pass) standing(list installedIndex, g *GroupPlan) standing {
	s := list.standing(g)
	if len(p.Policy.Tolerate) == 0 {
		return s
	}
	now := p.store.Get()
	tolerated := now.ToleratedSlugs()
	excused := func(slug string) bool { return tolerated[slug] }
	s.untold = s.untold || slices.ContainsFunc(s.foreign, excused) || slices.ContainsFunc(s.missing, excused)
	s.foreign = slices.DeleteFunc(s.foreign, excused)
	s.missing = slices.DeleteFunc(s.missing, excused)
	return s
}

// showTolerated keeps the warning in step with the groups.
func (p *pass) showTolerated() {
	s := p.store.Get()
	before := slices.IndexFunc(s.Warnings, func(w state.Warning) bool { return w.Name == state.WarnTolerated })
	text := describeTolerated(s.Groups)
	p.store.Warn(state.WarnTolerated, text)
	if text != "" && (before < 0 || s.Warnings[before].Text != text) {
		p.log.Warn("errors of the import are tolerated", "tolerated", text)
	}
}

// describeTolerated is such as "missing-photo: a, b; orphaned-app: c", "" for none.
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
	for _, r := range state.Tolerable() {
		if n := len(slugs[r]); n > 0 {
			text := strings.Join(slugs[r][:min(n, maxTolerated)], ", ")
			if n > maxTolerated {
				text += fmt.Sprintf(" and %d more", n-maxTolerated)
			}
			parts = append(parts, string(r)+": "+text)
		}
	}
	return strings.Join(parts, "; ")
}

// maxTolerated bounds the slugs that a warning lists.
const maxTolerated = 20
