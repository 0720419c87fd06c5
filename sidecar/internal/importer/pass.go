// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// pass is one pass with its inputs.
type pass struct {
	*Importer
	*Inputs
	// first look at the pod, until it was used to tell about the lock.
	first *platform.PlatformWorkspace
	// list of installed workspaces, as they were at some time of the pass. What it
	// shows is there; what it does not may be there by now.
	list []platform.Installed
	// lister answers lists of workspaces.
	lister *platform.Client
	// listed is when the list was asked for; dated tells that an import began since.
	listed time.Time
	dated  bool
	// ended holds the events of imports that ended; nil until they were asked for.
	ended    []platform.Event
	noEvents bool // nobody answers event queries
}

// pass brings the platform to the desired release, or says why it is not there.
func (i *Importer) pass(ctx context.Context, in *Inputs) error {
	p := &pass{Importer: i, Inputs: in}
	if i.mem.about(&in.Desired) {
		p.announce()
	}
	i.mem.pass++
	i.noteCurrent(in.Current)
	if i.again.Swap(false) {
		i.mem.forgetWords()
		i.mem.forgiveTakeBacks()
	}
	if in.Current.superseded() {
		return p.yield()
	}
	mode, err := p.preflight(ctx)
	if err != nil {
		return err
	}
	i.decided(mode)
	handle := p.importGroup
	p.lister = p.Pod
	if mode == ModeObserve {
		handle, p.lister = p.observeGroup, p.events()
	}
	p.reconcile(ctx, mode)
	return p.confirm(ctx, handle)
}

// handler confirms one group, or says why it is not.
type handler func(context.Context, *GroupPlan) (imported bool, err error)

// confirm handles the groups until all of them are right at once.
func (p *pass) confirm(ctx context.Context, handle handler) error {
	for {
		if err := p.each(ctx, handle); err != nil || p.store.Get().Confirmed {
			return err
		}
		if lost, err := p.lastLook(ctx); err != nil || !lost {
			if err == nil {
				p.enter(state.Imported, "")
			}
			return err
		}
	}
}

// decided shows the mode.
func (i *Importer) decided(mode Mode) {
	if i.store.Get().Mode != string(mode) {
		i.store.Update(func(s *state.Snapshot) { s.Mode = string(mode) })
		i.log.Info("mode is decided", "mode", mode)
	}
}

// announce makes the state show the desired release.
func (p *pass) announce() {
	d := &p.Desired
	p.store.Update(func(s *state.Snapshot) {
		s.Confirmed, s.Drift, s.Foreign = false, nil, nil
		s.Release = state.Release{Name: d.Name, Repository: d.Repository, RepositoryName: d.RepositoryName,
			ManifestDigest: d.Digest, Verification: state.Unverified}
		s.Groups = make([]state.Group, len(d.Groups))
		for n := range d.Groups {
			s.Groups[n] = pending(&d.Groups[n])
		}
	})
}

func pending(g *GroupPlan) state.Group {
	out := state.Group{Name: g.Name, State: state.GroupPending, Workspaces: make([]state.Workspace, len(g.Workspaces))}
	for n, w := range g.Workspaces {
		out.Workspaces[n] = state.Workspace{Slug: w.Slug, Name: w.Name, Version: w.Version, State: state.WorkspacePending}
	}
	return out
}

// preflight finds out whether the pod answers, accepts us and carries the
// release, and who imports.
func (p *pass) preflight(ctx context.Context) (Mode, error) {
	if p.Policy.Mode == ModeObserve {
		return ModeObserve, nil
	}
	w, err := p.Pod.Platform(ctx)
	class := platform.ClassOf(err)
	if class != platform.ClassNotSent && class != platform.ClassNotUp && p.store.Get().Phase == state.Waiting {
		p.enter(state.Preflight, "")
	}
	if err != nil {
		return p.refused(err)
	}
	p.first = &w
	if err := p.checkRelease(&w); err != nil {
		return "", err
	}
	return ModeImport, p.awaitServices(ctx)
}

// refused chooses to observe where that is allowed and possible: a platform that
// took the identity before does not refuse it as such.
func (p *pass) refused(err error) (Mode, error) {
	class := platform.ClassOf(err)
	if (class == platform.ClassUnauthorized || class == platform.ClassForbidden) &&
		p.Policy.Mode == ModeAuto && p.Gateway != nil && p.store.Get().Mode != string(ModeImport) {
		return ModeObserve, nil
	}
	f := FailureOf(err)
	if class == platform.ClassNotFound {
		f.Reason = notFoundReason(err)
	}
	return "", f
}

// notFoundReason says what a 404 of the workspace platform means: the platform
// itself has no such workspace, or no such route; or nothing of the platform
// answers (observed: routes that it does not know have other codes).
func notFoundReason(err error) state.Reason {
	e, _ := errors.AsType[*platform.Error](err)
	switch {
	case e == nil || e.Code == "":
		return state.BadAnswer
	case strings.HasPrefix(e.Code, "ObjectNotFound"):
		return state.PlatformMissing
	}
	return state.Rejected
}

func (p *pass) checkRelease(w *platform.PlatformWorkspace) error {
	r, ok := w.Repositories[p.Desired.Repository]
	switch {
	case !ok:
		return &Failure{Reason: state.RepositoryUnknown, Message: fmt.Sprintf("the pod does not know the repository %q", p.Desired.Repository)}
	case p.Desired.RepositoryName != "" && r.Name != p.Desired.RepositoryName:
		return &Failure{Reason: state.WrongRelease, Message: fmt.Sprintf("the pod carries %q, the manifest is of %q", r.Name, p.Desired.RepositoryName)}
	}
	return nil
}

// each handles the groups in order, and stops at the first that fails.
func (p *pass) each(ctx context.Context, handle handler) error {
	pause := false
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		if p.stands(ctx, g) {
			continue
		}
		if n > 0 && p.kicked() {
			return errStale
		}
		if pause && !sleep(ctx, p.Policy.GroupPause) {
			return context.Cause(ctx)
		}
		start := time.Now()
		imported, err := handle(ctx, g)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		took := time.Since(start)
		if f := asFailure(err); f != nil {
			f.Group = g.Name
			p.record.Group(g.Name, f.Reason, took)
			return f
		}
		p.record.Group(g.Name, "", took)
		p.log.Info("group is confirmed", "group", g.Name, "imported", imported, "took", took)
		pause = imported && p.Policy.GroupPause > 0
	}
	return nil
}

// setGroup tells the state of a group.
func (p *pass) setGroup(g *GroupPlan, s state.GroupState) {
	p.store.Update(func(all *state.Snapshot) { all.SetGroup(g.Name, func(one *state.Group) { one.State = s }) })
}

// accept stores what a verdict says, and returns its failure.
func (p *pass) accept(g *GroupPlan, v verdict) error {
	p.store.Update(func(s *state.Snapshot) {
		s.SetGroup(g.Name, func(one *state.Group) {
			one.Workspaces, one.State = v.workspaces, state.GroupConfirmed
			if v.failure != nil {
				one.State = state.GroupFailed
			}
		})
		if v.partial {
			s.Release.Verification = state.Partial
		} else if s.Release.Verification == state.Unverified {
			s.Release.Verification = state.Full
		}
	})
	p.showTolerated()
	known := p.mem.of(g)
	if known.better(v.workspaces) || v.failure == nil {
		p.progress()
	}
	if v.failure != nil {
		return v.failure
	}
	p.recheck = p.recheck || known.repair
	p.mem.confirm(g)
	return nil
}
