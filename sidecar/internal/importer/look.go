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

// standing is the state of a group in the platform's list of workspaces.
type standing struct {
	// foreign lists the slugs at a version of another release.
	foreign []string
	// missing lists the slugs that are not in the list.
	missing []string
	// untold is true if the list lacks a version, which is optional (platform contract §1.8), or if
	// the expected workspaces are unknown.
	untold bool
	// pulled maps each workspace at the expected version to its import time.
	pulled map[string]time.Time
}

// holds reports whether the whole group is installed at this release's versions.
func (s *standing) holds() bool { return len(s.foreign)+len(s.missing) == 0 && !s.untold }

func (x installedIndex) standing(g *GroupPlan) standing {
	s := standing{untold: len(g.Workspaces) == 0, pulled: map[string]time.Time{}}
	for _, w := range g.Workspaces {
		got := x.find(w.Slug, w.ID)
		switch {
		case got == nil:
			s.missing = append(s.missing, w.Slug)
		case got.LastPull == nil || w.Version == "":
			s.untold = true
		case got.LastPull.Version != w.Version:
			s.foreign = append(s.foreign, w.Slug)
		default:
			s.pulled[w.Slug] = got.LastPull.CreatedAt
		}
	}
	return s
}

// stands reports whether the confirmation of a group is still valid. It compares a confirmation of
// an earlier pass with the list, because another release may have been imported since. If the list
// lacks versions, lastLook decides.
func (p *pass) stands(ctx context.Context, g *GroupPlan) bool {
	known := p.mem.of(g)
	if known.word == 0 || known.word == p.mem.pass || p.store.Get().Confirmed {
		return known.word != 0
	}
	if p.workspaces(ctx) != nil {
		return true
	}
	s := p.standing(indexInstalled(p.list), g)
	switch {
	case len(s.foreign) > 0:
		p.lose(g, &s)
	case s.holds():
		p.keep(g, &s)
	}
	return known.word != 0
}

// keep renews the confirmation of a group that the list shows as correct.
func (p *pass) keep(g *GroupPlan, s *standing) {
	known := p.mem.of(g)
	known.word = p.mem.pass
	known.pulled = s.pulled
}

// lose revokes the confirmation of a group over which another release was imported. If that import
// also replaced workspaces whose version has the same name in both releases, the platform would
// skip them, so the next import needs force.
func (p *pass) lose(g *GroupPlan, s *standing) {
	known := p.mem.of(g)
	known.word = 0
	known.lost = true
	for slug, at := range s.pulled {
		before, ok := known.pulled[slug]
		known.replaced = known.replaced || ok && at.After(before)
	}
	p.setGroup(g, state.GroupPending)
	p.log.Warn("another release was imported over a group", "group", g.Name, "workspaces", s.foreign)
}

// freshList is the maximum age of a list that lastLook may reuse.
const freshList = time.Second

// lastLook checks all groups once more before the release counts as confirmed, because a group may
// have changed while later ones were imported. It reports whether a group lost its confirmation and
// must be handled again.
//
// If the list has no versions, only the responses to pulls confirm a group. lastLook repeats pulls
// that are older than its first run, without force, until all groups have a newer response. A write
// lock of another import restarts this, and an event of another release's import revokes the
// confirmation. A group with a workspace that is missing in the list is pulled once more, and that
// response counts.
func (p *pass) lastLook(ctx context.Context) (lost bool, err error) {
	if p.dated || time.Since(p.listed) > freshList {
		err = p.listAnew(ctx)
	}
	if !p.listIsOptional(platform.ClassOf(err)) {
		return false, FailureOf(err)
	}
	if p.mem.round == 0 {
		p.mem.round = p.mem.pass
	}
	list := indexInstalled(p.list)
	p.ended = nil // reload the events
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		known := p.mem.of(g)
		s := p.standing(list, g)
		s.untold = s.untold || err != nil
		if s.untold && len(s.foreign) == 0 {
			s.foreign = p.importedSince(ctx, g, known.sent)
		}
		switch {
		case len(s.foreign) > 0:
			p.lose(g, &s)
		case s.holds():
			p.keep(g, &s)
		case known.word < p.mem.round, err == nil && len(s.missing) > 0 && known.asked < p.mem.round:
			known.word = 0
			known.asked = p.mem.pass
			known.check = true
		}
		lost = lost || known.word == 0
	}
	return lost, nil
}

// listIsOptional reports whether lastLook may proceed without a list after an error of this class.
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

// importedSince returns the workspaces of a group that were imported at another version after sent,
// which is when this sidecar sent its own import. It relies on events.
func (p *pass) importedSince(ctx context.Context, g *GroupPlan, sent time.Time) (slugs []string) {
	if sent.IsZero() {
		return nil
	}
	for _, e := range p.imports(ctx) {
		if e.Completed == nil || e.Completed.RepositoryID != p.Desired.Repository || !e.CreatedAt.After(sent) {
			continue
		}
		reported := indexReport(e.Completed)
		for i := range g.Workspaces {
			w := &g.Workspaces[i]
			told := reported.find(w)
			if told != nil && told.Status == platform.StatusImported && told.Version != "" && told.Version != w.Version {
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
	// contended is the number of such imports after which the releases count as contending.
	contended = 3
	// maxTakeBacks is the maximum number of such imports for a confirmed release, so that a Ready
	// pod does not import forever.
	maxTakeBacks = 5
	// calm is the time without foreign imports after which they are forgotten.
	calm = time.Hour
)

// takeBack fails while it is too early to import a group again over another release.
func (p *pass) takeBack(g *GroupPlan) error {
	known := p.mem.of(g)
	if !known.lost {
		return nil
	}
	if p.mem.confirmed && known.takeBacks.n >= maxTakeBacks {
		return p.contention(known, "another release was imported over it; it is not imported again "+
			"until the current release changes or an import is requested")
	}
	if !known.takeBacks.again(takeBackPause, maxDoublings) {
		after := known.takeBacks.after.UTC().Format(time.TimeOnly)
		return p.contention(known, "another release was imported over it; it is imported again after "+after)
	}
	known.lost = false
	return nil
}

func (p *pass) contention(known *groupMemory, message string) *Failure {
	if known.takeBacks.n >= contended {
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
func (p *pass) lookForForeign(mode Mode) {
	list := indexInstalled(p.list)
	slugs := []string{}
	groups := []*GroupPlan{}
	worst := &groupMemory{}
	standings := map[*GroupPlan]standing{}
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		known := p.mem.of(g)
		s := p.standing(list, g)
		if len(s.foreign) == 0 {
			known.takeBacks.forget(calm)
			continue
		}
		standings[g] = s
		slugs = append(slugs, s.foreign...)
		groups = append(groups, g)
		if known.takeBacks.n >= worst.takeBacks.n {
			worst = known
		}
	}
	p.tellForeign(slugs, worst)
	if len(groups) == 0 || mode != ModeImport || worst.takeBacks.n >= maxTakeBacks || !p.mayTakeBack(p.foreignSince) {
		return
	}
	p.store.Update(func(s *state.Snapshot) { s.Confirmed = false })
	for _, g := range groups {
		s := standings[g]
		p.lose(g, &s)
	}
}

// publishForeign publishes the workspaces that are of another release.
func (p *pass) tellForeign(slugs []string, worst *groupMemory) {
	before := len(p.mem.foreign)
	p.mem.foreign = slugs
	switch {
	case len(slugs) == 0:
		p.foreignSince = time.Time{}
	case before == 0:
		p.foreignSince = time.Now()
	}
	f := p.contention(worst, "at the version of another release: "+state.Some(slugs))
	told := p.store.Get().Problem
	p.store.Update(func(s *state.Snapshot) {
		s.Foreign = slugs
		switch {
		case len(slugs) > 0:
			s.Problem = state.NewProblem(f.Reason, f.Message, "")
			if told != nil && told.Reason == f.Reason {
				s.Problem.Since = told.Since
			}
		case s.Problem != nil && ofOthers(s.Problem.Reason):
			s.Problem = nil
		}
	})
	if len(slugs) > 0 && before != len(slugs) {
		p.log.Error("another release was imported over the confirmed one", "reason", f.Reason, "workspaces", slugs)
	}
}

// isForeign reports whether a reason concerns another release over a confirmed one.
func ofOthers(r state.Reason) bool { return r == state.ForeignRelease || r == state.ReleaseContended }

// Look checks once, outside the passes, whether the platform has the release. It changes nothing.
// mode is the mode of the passes, or empty if undecided. The error is a [*Failure].
func Look(ctx context.Context, in *Inputs, mode Mode) (*state.Look, error) {
	if in.Current.superseded() {
		return nil, in.Current.failure()
	}
	from := in.Pod
	if mode == ModeObserve && in.Gateway != nil {
		from = in.Gateway
	}
	list, _, err := from.Workspaces(ctx)
	if err != nil {
		return nil, FailureOf(err)
	}
	known := indexInstalled(list)
	l := &state.Look{Time: time.Now(), VersionsTold: known.versions, Missing: []string{}, Foreign: []string{}}
	for n := range in.Desired.Groups {
		s := known.standing(&in.Desired.Groups[n])
		l.Missing = append(l.Missing, s.missing...)
		l.Foreign = append(l.Foreign, s.foreign...)
	}
	slices.Sort(l.Missing)
	slices.Sort(l.Foreign)
	l.Missing = slices.Compact(l.Missing)
	l.Foreign = slices.Compact(l.Foreign)
	return l, nil
}
