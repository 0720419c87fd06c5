// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/metrics"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// target is what Prometheus reads.
type target struct{ namespace, pod, address string }

// pod is a sidecar without an importer: its state is what the drill says.
type pod struct {
	*metrics.Metrics
	store   *state.Store
	silent  atomic.Bool  // answers no scrape
	failing atomic.Int64 // each n-th request fails
	target
}

// newPod returns a pod that is well, and served until the test ends.
func newPod(t *testing.T, namespace, name string) *pod {
	t.Helper()
	p := &pod{store: state.NewStore()}
	p.Metrics = metrics.New(p.store, metrics.Options{Workspaces: true, Build: version.Info{Version: "drill"}})
	p.Reload(true)
	p.WatchMode("inotify")
	p.store.Update(func(s *state.Snapshot) {
		s.Mode = "import"
		s.Release = state.Release{Name: "v1", Repository: "release", RepositoryName: "Release v1", ManifestDigest: "sha256:1", Verification: state.Full}
		s.Groups = []state.Group{{Name: "base1", State: state.GroupConfirmed, Workspaces: []state.Workspace{{Slug: "a", Version: "v1", State: state.WorkspaceImported}}}}
	})
	p.confirm()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.silent.Load() {
			http.Error(w, "silent", http.StatusServiceUnavailable)
			return
		}
		p.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	p.target = target{namespace, name, strings.TrimPrefix(s.URL, "http://")}
	return p
}

func (p *pod) confirm() {
	now := time.Now()
	p.store.Update(func(s *state.Snapshot) {
		s.Confirmed, s.Problem, s.Lock, s.Drift = true, nil, nil, nil
		s.LastAttempt, s.LastProgress, s.LastSuccess = &now, &now, &now
	})
	p.enter(state.Watching)
	p.store.Gate(state.GatePolicy{})
}

func (p *pod) enter(phase state.Phase) {
	p.store.Update(func(s *state.Snapshot) { s.Phase, s.Since = phase, time.Now() })
}

func (p *pod) fail(reason state.Reason) {
	p.store.Update(func(s *state.Snapshot) { s.Problem = state.NewProblem(reason, "drill", "base1") })
}

// unconfirm makes the pod one that has just started.
func (p *pod) unconfirm(gate state.GatePolicy) {
	p.store.Update(func(s *state.Snapshot) { s.Confirmed, s.Gate = false, state.Gate{Why: state.GateWaits} })
	p.store.Gate(gate)
}

func (p *pod) lock(age time.Duration) {
	p.enter(state.Lock)
	p.store.Update(func(s *state.Snapshot) { s.Lock = &state.LockInfo{By: "pod-9", Since: time.Now().Add(-age)} })
}

// condition makes one alert fire in a namespace of its own, named like it.
type condition struct {
	alert string
	// begin brings it about, and end does away with it.
	begin, end func(*pod)
	// also are alerts that are true in it as well.
	also []string
}

func problem(r state.Reason) func(*pod) { return func(p *pod) { p.fail(r) } }

// conditions lists one for each alert of the chart.
func conditions(ctx context.Context) []condition {
	well := (*pod).confirm
	return []condition{
		{"Failing", problem(state.ImportErrors), well, nil},
		{"TokenRejected", problem(state.IdentityRefused), well, nil},
		{"ManifestRejected", problem(state.ManifestMismatch), well, nil},
		{"NotSucceeded", func(p *pod) { p.unconfirm(state.GatePolicy{Off: true}) }, well, nil},
		{"RolloutBlocked", func(p *pod) { p.unconfirm(state.GatePolicy{}) }, well, []string{"NotSucceeded"}},
		{"GateOpenedUnconfirmed", func(p *pod) { p.unconfirm(state.GatePolicy{OpenAfter: time.Nanosecond}) }, well, []string{"NotSucceeded"}},
		{"Stuck", func(p *pod) { p.enter(state.Confirm) }, well, []string{"Slow"}},
		{"Slow", func(p *pod) { p.enter(state.Import); go advance(ctx, p) }, well, nil},
		{"LockWaitLong", func(p *pod) { p.lock(0) }, well, []string{"LockHolderDead"}},
		{"LockHolderDead", func(p *pod) { p.lock(0) }, well, []string{"LockWaitLong"}},
		{"ReleaseSkew", func(p *pod) { p.store.Update(func(s *state.Snapshot) { s.Release.ManifestDigest = "sha256:2" }) },
			func(p *pod) { p.store.Update(func(s *state.Snapshot) { s.Release.ManifestDigest = "sha256:1" }) }, nil},
		{"Drift", func(p *pod) {
			p.store.Update(func(s *state.Snapshot) { s.Drift = &state.Drift{Checked: time.Now(), Workspaces: []string{"a"}} })
		}, well, nil},
		{"PlatformFailing", func(p *pod) { p.ask(ctx, 1) }, func(p *pod) { p.failing.Store(0) }, []string{"PlatformDegraded"}},
		{"PlatformDegraded", func(p *pod) { p.ask(ctx, 10) }, func(p *pod) { p.failing.Store(0) }, nil},
		{"TokenExpiring", func(p *pod) { p.expire(time.Hour) }, func(p *pod) { p.expire(365 * 24 * time.Hour) }, nil},
		{"ConfigReloadFailed", func(p *pod) { p.Reload(false) }, func(p *pod) { p.Reload(true) }, nil},
		{"WatchDegraded", func(p *pod) { p.WatchMode("polling") }, func(p *pod) { p.WatchMode("inotify") }, nil},
		{"MetricsAbsent", func(p *pod) { p.silent.Store(true) }, func(p *pod) { p.silent.Store(false) }, nil},
	}
}

func (p *pod) expire(in time.Duration) {
	at := time.Now().Add(in)
	p.store.Update(func(s *state.Snapshot) { s.TokenExpires = &at })
}

// advance shows progress for as long as the pod imports.
func advance(ctx context.Context, p *pod) {
	every(ctx, interval, func(int) bool {
		now := time.Now()
		p.store.Update(func(s *state.Snapshot) { s.LastProgress = &now })
		return p.store.Get().Phase == state.Import
	})
}

// ask makes requests, of which each n-th fails while n is not 0.
func (p *pod) ask(ctx context.Context, n int64) {
	p.failing.Store(n)
	go every(ctx, interval/50, func(i int) bool {
		code := "200"
		if n := p.failing.Load(); n > 0 && int64(i)%n == 0 {
			code = "500"
		}
		p.Request(platform.OpWorkspace, code, time.Millisecond)
		return true
	})
}

// every calls what until it says no or ctx ends.
func every(ctx context.Context, d time.Duration, what func(n int) bool) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for n := 0; what(n); n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
