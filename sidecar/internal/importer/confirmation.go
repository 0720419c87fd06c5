// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// installState is the state of a group in the platform's list of workspaces.
type installState struct {
	// foreign lists the slugs at a version of another release.
	foreign []string
	// missing lists the slugs that are not in the list.
	missing []string
	// inconclusive is true if the list lacks a version, which is optional (platform contract §1.8), or if
	// the expected workspaces are unknown.
	inconclusive bool
	// pulled maps each workspace at the expected version to its import time.
	pulled map[string]time.Time
}

// isInstalled reports whether the whole group is installed at this release's versions.
func (s *installState) isInstalled() bool {
	return len(s.foreign)+len(s.missing) == 0 && !s.inconclusive
}

func (x installedIndex) inspectGroup(g *GroupPlan) installState {
	s := installState{inconclusive: len(g.Workspaces) == 0, pulled: map[string]time.Time{}}
	for _, w := range g.Workspaces {
		got := x.find(w.Slug, w.ID)
		switch {
		case got == nil:
			s.missing = append(s.missing, w.Slug)
		case got.LastPull == nil || w.Version == "":
			s.inconclusive = true
		case got.LastPull.Version != w.Version:
			s.foreign = append(s.foreign, w.Slug)
		default:
			s.pulled[w.Slug] = got.LastPull.CreatedAt
		}
	}
	return s
}

// addRecreated counts workspaces as missing whose version was in an earlier list, if this list has
// versions of others only: somebody deleted and recreated them. pulled has a key for each of the earlier
// versions.
func (s *installState) addRecreated(list installedIndex, g *GroupPlan, pulled map[string]time.Time) {
	if !list.versions {
		return
	}
	for _, w := range g.Workspaces {
		got := list.find(w.Slug, w.ID)
		if _, had := pulled[w.Slug]; had && got != nil && got.LastPull == nil {
			s.missing = append(s.missing, w.Slug)
		}
	}
}

// hasConfirmation reports whether the confirmation of a group is still valid. It compares a confirmation of
// an earlier pass with the list, because another release may have been imported since. If the list
// lacks versions, finalCheck decides.
func (p *pass) hasConfirmation(ctx context.Context, g *GroupPlan) bool {
	known := p.mem.forGroup(g)
	if known.confirmedPass == 0 || known.confirmedPass == p.mem.pass || p.store.Get().Confirmed {
		return known.confirmedPass != 0
	}
	if p.loadList(ctx) != nil {
		return true
	}
	s := p.inspectTolerated(indexInstalled(p.list), g)
	switch {
	case len(s.foreign) > 0:
		p.revokeConfirmation(g, &s)
	case s.isInstalled():
		p.renewConfirmation(g, &s)
	}
	return known.confirmedPass != 0
}

// renewConfirmation renews the confirmation of a group that the list shows as correct.
func (p *pass) renewConfirmation(g *GroupPlan, s *installState) {
	known := p.mem.forGroup(g)
	known.confirmedPass = p.mem.pass
	known.pulled = s.pulled
}

// revokeConfirmation revokes the confirmation of a group over which another release was imported. If that import
// also replaced workspaces whose version has the same name in both releases, the platform would
// skip them, so the next import needs force.
func (p *pass) revokeConfirmation(g *GroupPlan, s *installState) {
	known := p.mem.forGroup(g)
	known.confirmedPass = 0
	known.verifyOnly = false
	known.overwritten = true
	for slug, at := range s.pulled {
		before, ok := known.pulled[slug]
		known.replaced = known.replaced || ok && at.After(before)
	}
	p.publishGroupState(g, state.GroupPending)
	p.log.Warn("another release was imported over a group", "group", g.Name, "workspaces", s.foreign)
}

// maxRepeats bounds the repeats within a pass: there may be a wait in each of them.
const maxRepeats = 3

// freshList is the maximum age of a list that finalCheck may reuse.
const freshList = time.Second

// finalCheck checks all groups once more before the release counts as confirmed, because a group may
// have changed while later ones were imported. It reports whether a group lost its confirmation and
// must be handled again.
//
// If the list has no versions, only the responses to pulls confirm a group. finalCheck repeats pulls
// that are older than its first run, without force, until all groups have a newer response. A failed
// pass restarts this, and a wait within the pass repeats it, at most maxRepeats times. An event of
// another release's import revokes the confirmation. A group with a workspace that is missing in the
// list is pulled once more, and that response counts.
func (p *pass) finalCheck(ctx context.Context) (lost bool, err error) {
	if p.listOutdated || time.Since(p.listed) > freshList {
		err = p.reloadList(ctx)
	}
	if !p.listIsOptional(platform.ClassOf(err)) {
		return false, FailureOf(err)
	}
	if p.mem.finalCheckPass == 0 {
		p.mem.finalCheckPass = p.mem.pass
	}
	repeat := p.waited && p.repeats < maxRepeats
	p.waited = false
	if repeat {
		p.repeats++
	}
	list := indexInstalled(p.list)
	p.completed = nil // reload the events
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		known := p.mem.forGroup(g)
		s := p.inspectTolerated(list, g)
		s.inconclusive = s.inconclusive || err != nil
		if s.inconclusive && len(s.foreign) == 0 {
			s.foreign = p.importedSince(ctx, g, known.sent)
		}
		switch {
		case len(s.foreign) > 0:
			p.revokeConfirmation(g, &s)
		case s.isInstalled():
			p.renewConfirmation(g, &s)
		case repeat, known.confirmedPass < p.mem.finalCheckPass,
			err == nil && len(s.missing) > 0 && known.recheckedPass < p.mem.finalCheckPass:
			known.confirmedPass = 0
			known.recheckedPass = p.mem.pass
			known.verifyOnly = true
		}
		lost = lost || known.confirmedPass == 0
	}
	return lost, nil
}

// listIsOptional reports whether finalCheck may proceed without a list after an error of this class.
// Some identities are not allowed to list workspaces. In observe mode the gateway forwards the
// request to a Ready pod, and none is Ready before the first one opens its gate (platform contract
// §0.10): waiting for the list would deadlock.
func (p *pass) listIsOptional(class platform.Class) bool {
	switch class {
	case platform.ClassNone, platform.ClassNotFound, platform.ClassForbidden, platform.ClassRejected:
		return true
	case platform.ClassServer, platform.ClassNotUp:
		return p.lister != p.Pod
	}
	return false
}

// importedSince returns the workspaces of a group whose newest import after sent was at another
// version. sent is when this sidecar sent its own import. It relies on events.
func (p *pass) importedSince(ctx context.Context, g *GroupPlan, sent time.Time) (slugs []string) {
	if sent.IsZero() {
		return nil
	}
	decided := map[string]bool{}
	for _, e := range p.completedImports(ctx) {
		if e.Completed == nil || e.Completed.RepositoryID != p.Desired.Repository || !e.CreatedAt.After(sent) {
			continue
		}
		reported := indexReport(e.Completed)
		for i := range g.Workspaces {
			w := &g.Workspaces[i]
			got := reported.find(w)
			if got == nil || got.Status != platform.StatusImported || decided[w.Slug] {
				continue
			}
			decided[w.Slug] = true
			if got.Version != "" && got.Version != w.Version {
				slugs = append(slugs, w.Slug)
			}
		}
	}
	return slugs
}

const (
	// takeBackPause is the pause between the first two imports of a group over another release that
	// had replaced it. It doubles each time.
	takeBackPause = 30 * time.Second
	// maxDoublings limits that pause to half an hour.
	maxDoublings = 6
	// contentionThreshold is the number of such imports after which the releases count as contending.
	contentionThreshold = 3
	// maxTakeBacks is the maximum number of such imports for a confirmed release, so that a Ready
	// pod does not import forever.
	maxTakeBacks = 5
	// calmPeriod is the time without foreign imports after which they are forgotten.
	calmPeriod = time.Hour
)

// checkTakeBack fails while it is too early to import a group again over another release.
func (p *pass) checkTakeBack(g *GroupPlan) error {
	known := p.mem.forGroup(g)
	if !known.overwritten {
		return nil
	}
	if p.mem.confirmed && known.takeBacks.n >= maxTakeBacks {
		return p.contentionError(known, "another release was imported over it; it is not imported again "+
			"until the current release changes or an import is requested")
	}
	if !known.takeBacks.mayRepeat(takeBackPause, maxDoublings) {
		after := known.takeBacks.after.UTC().Format(time.TimeOnly)
		return p.contentionError(known, "another release was imported over it; it is imported again after "+after)
	}
	known.overwritten = false
	return nil
}

func (p *pass) contentionError(known *groupMemory, message string) *Failure {
	if known.takeBacks.n >= contentionThreshold {
		return &Failure{
			Reason:  state.ReleaseContended,
			Message: fmt.Sprintf("%s (%d times so far)", message, known.takeBacks.n),
		}
	}
	return &Failure{Reason: state.ForeignRelease, Message: message}
}

// checkForeign checks whether another release was imported over the confirmed one. If the
// deployment names this release as the current one, the groups are imported again. Otherwise the
// state only reports it: a confirmed pod alone cannot know which release is meant to stay.
//
// If the list has no versions, events show such an import.
func (p *pass) checkForeign(ctx context.Context, mode Mode) {
	list := indexInstalled(p.list)
	slugs := []string{}
	groups := []*GroupPlan{}
	worst := &groupMemory{}
	states := map[*GroupPlan]installState{}
	p.needsEvents = false
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		known := p.mem.forGroup(g)
		s := p.inspectTolerated(list, g)
		if s.inconclusive && len(s.foreign) == 0 {
			s.foreign = p.importedSince(ctx, g, known.sent)
			p.needsEvents = true
		}
		if len(s.foreign) == 0 {
			known.takeBacks.resetAfter(calmPeriod)
			continue
		}
		states[g] = s
		slugs = append(slugs, s.foreign...)
		groups = append(groups, g)
		if known.takeBacks.n >= worst.takeBacks.n {
			worst = known
		}
	}
	p.publishForeign(slugs, worst)
	if len(groups) == 0 || mode != ModeImport || worst.takeBacks.n >= maxTakeBacks || !p.mayTakeBack(p.foreignSince) {
		return
	}
	p.store.Update(func(s *state.Snapshot) { s.Confirmed = false })
	for _, g := range groups {
		s := states[g]
		p.revokeConfirmation(g, &s)
	}
}

// publishForeign publishes the workspaces that are of another release.
func (p *pass) publishForeign(slugs []string, worst *groupMemory) {
	before := len(p.mem.foreign)
	p.mem.foreign = slugs
	switch {
	case len(slugs) == 0:
		p.foreignSince = time.Time{}
	case before == 0:
		p.foreignSince = time.Now()
	}
	f := p.contentionError(worst, "at the version of another release: "+state.JoinSlugs(slugs))
	previous := p.store.Get().Problem
	p.store.Update(func(s *state.Snapshot) {
		s.Foreign = slugs
		switch {
		case len(slugs) > 0:
			s.Problem = state.NewProblem(f.Reason, f.Message, "")
			if previous != nil && previous.Reason == f.Reason {
				s.Problem.Since = previous.Since
			}
		case s.Problem != nil && isForeign(s.Problem.Reason):
			s.Problem = nil
		}
	})
	if len(slugs) > 0 && before != len(slugs) {
		p.log.Error("another release was imported over the confirmed one", "reason", f.Reason, "workspaces", slugs)
	}
}

// isForeign reports whether a reason concerns another release over a confirmed one.
func isForeign(r state.Reason) bool { return r == state.ForeignRelease || r == state.ReleaseContended }

// CheckPlatform checks once, outside the passes, whether the platform has the release. It changes nothing.
// mode is the mode of the passes, or empty if undecided. The error is a [*Failure].
func CheckPlatform(ctx context.Context, in *Inputs, mode Mode) (*state.PlatformCheck, error) {
	if in.Current.isSuperseded() {
		return nil, in.Current.supersededError()
	}
	from := in.Pod
	if mode == ModeObserve && in.Gateway != nil {
		from = in.Gateway
	}
	list, _, err := from.Workspaces(ctx)
	if err != nil {
		return nil, FailureOf(err)
	}
	installed := indexInstalled(list)
	l := &state.PlatformCheck{
		Time:             time.Now(),
		VersionsReported: installed.versions,
		Missing:          []string{},
		Foreign:          []string{},
	}
	for n := range in.Desired.Groups {
		s := installed.inspectGroup(&in.Desired.Groups[n])
		l.Missing = append(l.Missing, s.missing...)
		l.Foreign = append(l.Foreign, s.foreign...)
	}
	slices.Sort(l.Missing)
	slices.Sort(l.Foreign)
	l.Missing = slices.Compact(l.Missing)
	l.Foreign = slices.Compact(l.Foreign)
	return l, nil
}
