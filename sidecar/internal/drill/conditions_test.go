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

const sidecarContainer = "release-sidecar"

// target is a scrape target of Prometheus.
type target struct{ namespace, pod, container, address string }

// pod is a sidecar without an importer. The drill sets its state.
type pod struct {
	*metrics.Metrics
	store   *state.Store
	silent  atomic.Bool  // it does not answer scrapes
	failing atomic.Int64 // every n-th request fails
	target
}

// newPod serves a healthy pod until the test ends.
func newPod(t *testing.T, namespace, name string) *pod {
	t.Helper()
	p := &pod{store: state.NewStore()}
	p.Metrics = metrics.New(p.store, metrics.Options{Workspaces: true, Build: version.Info{Version: "drill"}})
	p.Reload(true)
	p.WatchMode("inotify")
	p.store.Update(func(s *state.Snapshot) {
		s.Mode = "import"
		s.Release = state.Release{Name: "v1", Repository: "release", RepositoryName: "Release v1", ManifestDigest: "sha256:1",
			Verification: state.Full}
		s.Groups = []state.Group{{Name: "base1", State: state.GroupConfirmed,
			Workspaces: []state.Workspace{{Slug: "a", Version: "v1", State: state.WorkspaceImported}}}}
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
	p.target = target{namespace, name, sidecarContainer, strings.TrimPrefix(s.URL, "http://")}
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

// condition makes one alert fire in a separate namespace.
type condition struct {
	alert, namespace string
	// begin creates the condition, and end removes it.
	begin, end func()
	// also lists other alerts that fire in the condition.
	also []string
	// inhibited is true if another alert inhibits this one.
	inhibited bool
}

func problem(r state.Reason) func(*pod) { return func(p *pod) { p.fail(r) } }

// conditions returns a condition for each alert of the chart, and the targets to scrape.
func conditions(t *testing.T) (all []condition, targets []target) {
	t.Helper()
	ctx := t.Context()
	add := func(alert string, begin, end func(*pod), also ...string) {
		p := newPod(t, alert, "pod-0")
		targets = append(targets, p.target)
		all = append(all, condition{alert: alert, namespace: alert, begin: func() { begin(p) }, end: func() { end(p) },
			also: also})
	}
	well := (*pod).confirm
	add("Failing", problem(state.ImportErrors), well)
	add("ReleaseReplaced", problem(state.ForeignRelease), well)
	add("TokenRejected", problem(state.IdentityRefused), well)
	add("ManifestRejected", problem(state.ManifestMismatch), well)
	add("NotSucceeded", func(p *pod) { p.unconfirm(state.GatePolicy{Off: true}) }, well, "ReleaseNotConfirmed")
	add("ReleaseNotConfirmed", func(p *pod) { p.unconfirm(state.GatePolicy{Off: true}); go p.comeAndGo(ctx) }, well)
	add("RolloutBlocked", func(p *pod) { p.unconfirm(state.GatePolicy{}) }, well, "NotSucceeded", "ReleaseNotConfirmed")
	add("GateOpenedUnconfirmed", func(p *pod) { p.unconfirm(state.GatePolicy{OpenAfter: time.Nanosecond}) }, well,
		"NotSucceeded", "ReleaseNotConfirmed")
	add("Stuck", func(p *pod) { p.enter(state.Confirm) }, well, "Slow")
	add("Slow", func(p *pod) { p.enter(state.Import); go p.advance(ctx) }, well)
	add("LockWaitLong", func(p *pod) { p.lock(0) }, well, "LockHolderDead")
	add("LockHolderDead", func(p *pod) { p.lock(0) }, well, "LockWaitLong")
	targets = append(targets, newPod(t, "ReleaseSkew", "old").target)
	add("ReleaseSkew", func(p *pod) { p.carry("sha256:2") }, func(p *pod) { p.carry("sha256:1") })
	add("Drift", (*pod).drift, well)
	add("PlatformFailing", func(p *pod) { p.ask(ctx, 1) }, func(p *pod) { p.failing.Store(0) }, "PlatformDegraded")
	add("PlatformDegraded", func(p *pod) { p.ask(ctx, 10) }, func(p *pod) { p.failing.Store(0) })
	add("TokenExpiring", func(p *pod) { p.expire(time.Hour) }, func(p *pod) { p.expire(365 * 24 * time.Hour) })
	add("ConfigReloadFailed", func(p *pod) { p.Reload(false) }, func(p *pod) { p.Reload(true) })
	add("WatchDegraded", func(p *pod) { p.WatchMode("polling") }, func(p *pod) { p.WatchMode("inotify") })
	add("Warning", func(p *pod) { p.store.Warn(state.WarnTolerated, "drill") },
		func(p *pod) { p.store.Warn(state.WarnTolerated, "") })
	add("MetricsAbsent", func(p *pod) { p.silent.Store(true) }, func(p *pod) { p.silent.Store(false) })
	return all, targets
}

// comeAndGo serves no metrics for six of every fourteen seconds while the pod is not confirmed, as
// if the pod kept being replaced.
func (p *pod) comeAndGo(ctx context.Context) {
	every(ctx, interval, func(n int) bool {
		confirmed := p.store.Get().Confirmed
		p.silent.Store(!confirmed && n%14 >= 8)
		return !confirmed
	})
}

func (p *pod) carry(digest string) {
	p.store.Update(func(s *state.Snapshot) { s.Release.ManifestDigest = digest })
}

func (p *pod) drift() {
	p.store.Update(func(s *state.Snapshot) { s.Drift = &state.Drift{Checked: time.Now(), Workspaces: []string{"a"}} })
}

func (p *pod) expire(in time.Duration) {
	at := time.Now().Add(in)
	p.store.Update(func(s *state.Snapshot) { s.TokenExpires = &at })
}

// advance reports progress while the pod imports.
func (p *pod) advance(ctx context.Context) {
	every(ctx, interval, func(int) bool {
		now := time.Now()
		p.store.Update(func(s *state.Snapshot) { s.LastProgress = &now })
		return p.store.Get().Phase == state.Import
	})
}

// ask makes requests. Each n-th fails unless n is 0.
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

// every calls what at an interval until it returns false or ctx ends.
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
