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

// standing is what the platform's list of workspaces says about a group.
type standing struct {
	// foreign lists slugs at a version that is not this release's.
	foreign []string
	// missing lists slugs that the list does not have.
	missing []string
	// untold: the list does not tell the version of a workspace, which is optional
	// (contract §1.8), or nothing says which workspaces to expect.
	untold bool
	// pulled is when each workspace at the right version was imported.
	pulled map[string]time.Time
}

// holds reports whether all of the group is installed at this release's versions.
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

// stands reports whether the platform's word for a group still counts. One that an
// earlier pass got is compared with the list, as another release may have been imported
// since. What the list does not tell is left to the last look.
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

// keep renews the word for a group that the list shows to be right.
func (p *pass) keep(g *GroupPlan, s *standing) {
	known := p.mem.of(g)
	known.word, known.pulled = p.mem.pass, s.pulled
}

// lose takes the word from a group over which another release was imported. Where that
// also imported workspaces whose version has the same name in both, the platform would
// skip them, and only force brings them back.
func (p *pass) lose(g *GroupPlan, s *standing) {
	known := p.mem.of(g)
	known.word, known.lost = 0, true
	for slug, at := range s.pulled {
		before, ok := known.pulled[slug]
		known.replaced = known.replaced || ok && at.After(before)
	}
	p.setGroup(g, state.GroupPending)
	p.log.Warn("another release was imported over a group", "group", g.Name, "workspaces", s.foreign)
}

// freshList is the age up to which a list of this pass needs not be asked for again.
const freshList = time.Second

// lastLook asks the platform once more for all groups, before the release counts as
// confirmed: what it said about one group may be over when the last one is done. It
// reports whether a group lost its word and has to be handled again.
//
// Where the list tells no versions, the platform's answers to pulls are the only words.
// Those that are older than the first last look are asked for again, without force, until
// all groups have a newer one. Somebody else's write lock makes that start again, and an
// event of another release's import takes the word. Groups of which the list lacks a
// workspace are asked for again once: the answer counts then.
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
	p.ended = nil // ask for events again
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		known, s := p.mem.of(g), p.standing(list, g)
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
			known.word, known.asked, known.check = 0, p.mem.pass, true
		}
		lost = lost || known.word == 0
	}
	return lost, nil
}

// listIsOptional reports whether the last look does without a list that ended in this class
// of error. Some identities may not list workspaces. In observe mode the gateway sends the
// request to a Ready pod, and there is none before the first one opens its gate (contract §0.10):
// waiting for the list would never end.
func (p *pass) listIsOptional(class platform.Class) bool {
	switch class {
	case platform.ClassNone, platform.ClassNotFound, platform.ClassForbidden, platform.ClassRejected:
		return true
	case platform.ClassServer, platform.ClassNotUp:
		return p.lister != p.Pod
	}
	return false
}

// importedSince returns the workspaces of a group that somebody imported at another version
// after this sidecar sent its own import, as far as events tell.
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
	// takeBackPause is the time between the first two imports of a group over another
	// release that had replaced it; it doubles with each one.
	takeBackPause = 30 * time.Second
	// maxDoublings bounds that pause, to half an hour.
	maxDoublings = 6
	// contended is after how many of them two releases are said to replace each other.
	contended = 3
	// maxTakeBacks is how many a release gets that was confirmed before: nobody who is
	// Ready imports for ever.
	maxTakeBacks = 5
	// calm is how long a group has to be left alone until they are forgotten.
	calm = time.Hour
)

// takeBack fails while a group over which another release was imported must not be
// imported again yet.
func (p *pass) takeBack(g *GroupPlan) error {
	known := p.mem.of(g)
	if !known.lost {
		return nil
	}
	if p.mem.confirmed && known.takeBacks.n >= maxTakeBacks {
		return p.contention(known, "another release was imported over it; it is not imported again before the current release changes or a person asks for it")
	}
	if !known.takeBacks.again(takeBackPause, maxDoublings) {
		return p.contention(known, fmt.Sprintf("another release was imported over it; it is imported again after %s", known.takeBacks.after.UTC().Format(time.TimeOnly)))
	}
	known.lost = false
	return nil
}

func (p *pass) contention(known *groupMemory, message string) *Failure {
	if known.takeBacks.n >= contended {
		return &Failure{Reason: state.ReleaseContended, Message: fmt.Sprintf("%s (%d times so far)", message, known.takeBacks.n)}
	}
	return &Failure{Reason: state.ForeignRelease, Message: message}
}

// lookForForeign looks whether another release was imported over one that is confirmed.
// It is taken back if the deployment says that this one is the current release, and
// told otherwise: a confirmed pod alone cannot know which one is meant to stay.
func (p *pass) lookForForeign(mode Mode) {
	list, slugs, groups, worst := indexInstalled(p.list), []string{}, []*GroupPlan{}, &groupMemory{}
	standings := map[*GroupPlan]standing{}
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		known, s := p.mem.of(g), p.standing(list, g)
		if len(s.foreign) == 0 {
			known.takeBacks.forget(calm)
			continue
		}
		standings[g] = s
		slugs, groups = append(slugs, s.foreign...), append(groups, g)
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

// tellForeign shows which workspaces are of another release.
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

// ofOthers reports whether a reason is about another release over a confirmed one.
func ofOthers(r state.Reason) bool { return r == state.ForeignRelease || r == state.ReleaseContended }

// Look asks the platform once, beside the passes, whether it has the release, and changes
// nothing. Mode is that of the passes, empty if it is not decided. Its error is a [*Failure].
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
	l.Missing, l.Foreign = slices.Compact(l.Missing), slices.Compact(l.Foreign)
	return l, nil
}
