// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/follow"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// pass is one pass and its inputs.
type pass struct {
	*Importer
	*Inputs
	// first is the preflight's response of the pod, until the first check of the lock uses it.
	first *platform.RootWorkspace
	// list holds the installed workspaces at some time of the pass. More may have been installed
	// since.
	list []platform.Installed
	// lister is the client for lists of workspaces.
	lister *platform.Client
	// listed is when the list was requested. listOutdated is true if an import began since.
	listed       time.Time
	listOutdated bool
	// waited is true if the pass has waited while no import of its own was running, so that another
	// release may have been imported. repeats counts how often finalCheck has repeated the pulls because
	// of that.
	waited  bool
	repeats int
	// completed holds the events of completed imports, or nil before they are loaded.
	completed []platform.Event
}

// runPass brings the platform to the desired release, or returns why it cannot.
func (i *Importer) runPass(ctx context.Context, in *Inputs) error {
	p := &pass{Importer: i, Inputs: in}
	i.feed = follow.Feed{Source: p.eventsClient(), Resume: i.feed.Resume}
	if i.mem.resetForRelease(&in.Desired) {
		p.publishRelease()
	}
	i.mem.pass++
	i.recordCurrent(in.Current)
	if i.verifyAll.Swap(false) {
		i.mem.forgetConfirmations()
		i.mem.resetTakeBacks()
	}
	if in.Current.isSuperseded() {
		return p.yieldToCurrent()
	}
	mode, err := p.preflight(ctx)
	if err != nil {
		return err
	}
	i.setMode(mode)
	handle := p.importGroup
	p.lister = p.Pod
	if mode == ModeObserve {
		handle = p.observeGroup
		p.lister = p.eventsClient()
	}
	p.reconcile(ctx, mode)
	return p.confirmGroups(ctx, handle)
}

// handler confirms one group, or returns why it cannot.
type handler func(context.Context, *GroupPlan) (imported bool, err error)

// confirmGroups handles the groups until all of them are confirmed at the same time.
func (p *pass) confirmGroups(ctx context.Context, handle handler) error {
	for {
		if err := p.handleGroups(ctx, handle); err != nil || p.store.Get().Confirmed {
			return err
		}
		if lost, err := p.finalCheck(ctx); err != nil || !lost {
			if err == nil {
				p.enterPhase(state.Imported, "")
			}
			return err
		}
	}
}

// setMode publishes the mode.
func (i *Importer) setMode(mode Mode) {
	if i.store.Get().Mode != string(mode) {
		i.store.Update(func(s *state.Snapshot) { s.Mode = string(mode) })
		i.log.Info("mode selected", "mode", mode)
	}
}

// publishRelease publishes the desired release.
func (p *pass) publishRelease() {
	d := &p.Desired
	p.store.Update(func(s *state.Snapshot) {
		s.Confirmed = false
		s.Drift = nil
		s.Foreign = nil
		s.Release = state.Release{
			Name:           d.Name,
			Repository:     d.Repository,
			RepositoryName: d.RepositoryName,
			ManifestDigest: d.Digest,
			Verification:   state.Unverified,
		}
		s.Groups = make([]state.Group, len(d.Groups))
		for n := range d.Groups {
			s.Groups[n] = pendingGroup(&d.Groups[n])
		}
	})
}

func pendingGroup(g *GroupPlan) state.Group {
	out := state.Group{
		Name:       g.Name,
		State:      state.GroupPending,
		Workspaces: make([]state.Workspace, len(g.Workspaces)),
	}
	for n, w := range g.Workspaces {
		out.Workspaces[n] = state.Workspace{
			Slug:    w.Slug,
			Name:    w.Name,
			Version: w.Version,
			State:   state.WorkspacePending,
		}
	}
	return out
}

// preflight checks that the pod responds, accepts the identity and carries the release. It returns
// the mode.
func (p *pass) preflight(ctx context.Context) (Mode, error) {
	if p.Policy.Mode == ModeObserve {
		return ModeObserve, nil
	}
	w, err := p.Pod.Platform(ctx)
	class := platform.ClassOf(err)
	if class != platform.ClassNotSent && class != platform.ClassNotUp && p.store.Get().Phase == state.Waiting {
		p.enterPhase(state.Preflight, "")
	}
	if err != nil {
		return p.handleRefusal(err)
	}
	p.first = &w
	if err := p.checkRelease(&w); err != nil {
		return "", err
	}
	return ModeImport, p.awaitServices(ctx)
}

// handleRefusal selects observe mode if the policy allows it and there is a gateway. A platform
// that accepted the identity before does not reject it for its kind.
func (p *pass) handleRefusal(err error) (Mode, error) {
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

// notFoundReason explains a 404 for the workspace platform: the platform lacks the workspace or the
// route, or the response does not come from the platform at all (observed: unknown routes have
// other codes).
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

func (p *pass) checkRelease(w *platform.RootWorkspace) error {
	r, ok := w.Repositories[p.Desired.Repository]
	switch {
	case !ok:
		return &Failure{
			Reason:  state.RepositoryUnknown,
			Message: fmt.Sprintf("the pod does not know the repository %q", p.Desired.Repository),
		}
	case p.Desired.RepositoryName != "" && r.Name != p.Desired.RepositoryName:
		return &Failure{
			Reason:  state.WrongRelease,
			Message: fmt.Sprintf("the pod carries %q, the manifest belongs to %q", r.Name, p.Desired.RepositoryName),
		}
	}
	return nil
}

// handleGroups handles the groups in order and stops at the first failure.
func (p *pass) handleGroups(ctx context.Context, handle handler) error {
	pause := false
	for n := range p.Desired.Groups {
		g := &p.Desired.Groups[n]
		if p.hasConfirmation(ctx, g) {
			continue
		}
		if n > 0 && p.consumeTrigger() {
			return errStale
		}
		if pause && !sleep(ctx, p.Policy.GroupPause) {
			return context.Cause(ctx)
		}
		p.waited = p.waited || pause
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
		p.log.Info("group confirmed", "group", g.Name, "imported", imported, "took", took)
		pause = imported && p.Policy.GroupPause > 0
	}
	return nil
}

// publishGroupState publishes the state of a group.
func (p *pass) publishGroupState(g *GroupPlan, s state.GroupState) {
	p.store.Update(func(all *state.Snapshot) {
		all.SetGroup(g.Name, func(one *state.Group) { one.State = s })
	})
}

// publishVerdict publishes a verdict and returns its failure.
func (p *pass) publishVerdict(g *GroupPlan, v verdict) error {
	p.store.Update(func(s *state.Snapshot) {
		s.SetGroup(g.Name, func(one *state.Group) {
			one.Workspaces = v.workspaces
			one.State = state.GroupConfirmed
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
	p.publishTolerated()
	known := p.mem.forGroup(g)
	if known.recordProgress(v.workspaces) || v.failure == nil {
		p.resetRetries()
	}
	if v.failure != nil {
		return v.failure
	}
	p.checkRepair = p.checkRepair || known.repair
	p.mem.recordConfirmation(g)
	return nil
}
