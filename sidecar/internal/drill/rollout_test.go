// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// rollout is the scenario in the pictures: two old and two new replicas. The first new one imports
// and fails once, and the second waits for it.
type rollout struct{ pods []*pod }

func newRollout(t *testing.T) *rollout {
	t.Helper()
	r := &rollout{}
	for _, name := range []string{"old-a", "old-b", "new-a", "new-b"} {
		p := newPod(t, "rollout", name)
		p.store.Update(func(s *state.Snapshot) { s.Groups = groups("v1", state.GroupConfirmed, state.WorkspaceImported) })
		r.pods = append(r.pods, p)
	}
	for _, p := range r.pods[2:] {
		p.begin("v2")
	}
	return r
}

// begin makes the pod one that has just started with a release.
func (p *pod) begin(release string) {
	p.unconfirm(state.GatePolicy{})
	p.enter(state.Waiting)
	p.expire(30 * 24 * time.Hour)
	p.store.Update(func(s *state.Snapshot) {
		s.LastSuccess = nil
		s.Release.Name, s.Release.RepositoryName, s.Release.ManifestDigest = release, "Release "+release, "sha256:"+release
		s.Groups = groups(release, state.GroupPending, state.WorkspacePending)
	})
}

// tryInVain fails repeatedly at the second group.
func (p *pod) tryInVain(ctx context.Context) {
	p.ask(ctx, 0)
	p.importing("base1")
	p.confirmed("base1")
	every(ctx, 4*time.Second, func(n int) bool {
		if n%2 == 0 {
			p.failed("base2")
		} else {
			p.enter(state.Import)
		}
		return true
	})
}

// groups returns three groups of workspaces in one state.
func groups(release string, g state.GroupState, w state.WorkspaceState) []state.Group {
	var all []state.Group
	for n, name := range []string{"base1", "base2", "extended"} {
		one := state.Group{Name: name, State: g}
		for i := range 4 * (n + 1) {
			one.Workspaces = append(one.Workspaces, state.Workspace{Slug: name + string(rune('a'+i)), Version: release,
				State: w})
		}
		all = append(all, one)
	}
	return all
}

func (r *rollout) targets() []target {
	var all []target
	for _, p := range r.pods {
		all = append(all, p.target)
	}
	return all
}

// play runs the scenario, which takes about half a minute.
func (r *rollout) play(ctx context.Context) {
	a, b := r.pods[2], r.pods[3]
	a.ask(ctx, 0)
	steps := []func(){
		func() { a.enter(state.Preflight) },
		func() { a.importing("base1"); b.enter(state.Preflight) },
		func() { a.confirmed("base1"); a.importing("base2"); b.lock(2 * time.Second) },
		func() { a.failing.Store(20); a.failed("base2") },
		func() { a.importing("base2") },
		func() { a.failing.Store(0); a.confirmed("base2"); a.importing("extended") },
		func() { a.confirmed("extended"); a.confirm(); b.LockWait(6 * time.Second); b.enter(state.Confirm) },
		func() {
			b.confirmed("base1")
			b.confirmed("base2")
			b.confirmed("extended")
			b.confirm()
			a.Pass("", 12*time.Second)
			b.Pass("", 8*time.Second)
		},
	}
	every(ctx, 4*time.Second, func(n int) bool {
		if n > 0 {
			steps[n-1]()
		}
		return n < len(steps)
	})
}

func (p *pod) importing(group string) {
	p.enter(state.Import)
	p.set(group, state.GroupImporting, state.WorkspacePending)
	p.Request(platform.OpPull, "200", 900*time.Millisecond)
}

func (p *pod) confirmed(group string) {
	p.set(group, state.GroupConfirmed, state.WorkspaceImported)
	p.Group(group, "", 2*time.Second)
}

func (p *pod) failed(group string) {
	p.set(group, state.GroupFailed, state.WorkspaceFailed)
	p.fail(state.ImportErrors)
	p.Group(group, state.ImportErrors, 2*time.Second)
	p.Pass(state.ImportErrors, 6*time.Second)
	p.enter(state.Retrying)
}

func (p *pod) set(group string, g state.GroupState, w state.WorkspaceState) {
	now := time.Now()
	p.store.Update(func(s *state.Snapshot) {
		s.LastProgress = &now
		s.SetGroup(group, func(one *state.Group) {
			all := make([]state.Workspace, len(one.Workspaces))
			for n, was := range one.Workspaces {
				all[n] = was
				if w != state.WorkspaceFailed || n == 0 {
					all[n].State = w
				}
			}
			one.State, one.Workspaces = g, all
		})
	})
}
