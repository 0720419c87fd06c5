// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// cell is one cell of the matrix: a fault in a phase, in a cluster of some replicas. All cells play
// the same scenario: the service listens after a second, the lock is held for six, three groups of
// two workspaces take a second each, responses to pulls come before their imports end, and
// workspace c1 fails once. The scenario passes through every phase, and a cell adds one fault.
type cell struct {
	*cluster
	fault        *matrixFault
	phase        state.Phase
	hits         atomic.Int32 // requests with the fault
	world, after sync.Once
	base         int      // completed passes of the first replica when the fault occurred
	rival        *replica // a pod of another release, or nil

	mu    sync.Mutex
	early []string // violations before the end
}

const (
	matrixPoll      = 2 * time.Second
	matrixReconcile = 30 * time.Second
	matrixExpiry    = 2 * time.Minute
	// matrixBound is the fake time within which a scenario converges, excluding the duration of the
	// fault.
	matrixBound = 75 * time.Second
	// matrixRequests limits the requests of one replica in a cell.
	matrixRequests = 400
)

func matrixFiles(version string) *platformtest.Release {
	r := &platformtest.Release{ID: "release", Name: "Release " + version}
	for _, group := range []string{"a", "b", "c"} {
		for n := range 2 {
			slug := fmt.Sprint(group, n)
			r.Workspaces = append(r.Workspaces, platformtest.Workspace{Slug: slug, ID: "id" + slug, Name: slug, Version: version,
				Groups: []string{"group-" + group}, Files: 2})
		}
	}
	return r
}

func matrixPolicy(name string) Policy {
	p := DefaultPolicy()
	p.PodName, p.Services = name, []string{"api-gateway", "runtime", "events"}
	p.Poll, p.ReconcileEvery, p.LockExpiry = matrixPoll, matrixReconcile, matrixExpiry
	p.RetryMin, p.RetryMax = time.Second, 8*time.Second
	p.PullWait, p.GroupTimeout = time.Second, time.Minute
	return p
}

// newCell creates the scenario and arms the fault at every replica.
func newCell(c *cluster, f *matrixFault, phase state.Phase, replicas int) *cell {
	x := &cell{cluster: c, fault: f, phase: phase}
	for range replicas {
		x.arm(x.newReplica(ours))
	}
	x.prepare()
	for _, r := range x.replicas {
		r.SetListening(false)
		time.AfterFunc(time.Second, func() { r.SetListening(true) })
	}
	c.FailTimes("c1", "broken", 1)
	c.Lock("somebody", "manual")
	time.AfterFunc(6*time.Second, c.Unlock)
	return x
}

// newReplica adds a replica of a release.
func (x *cell) newReplica(version string) *replica {
	r := x.add(matrixFiles(version))
	r.policy = matrixPolicy(r.Name)
	gateway := x.NewGateway() // a separate one, for its faults
	gateway.Faults = r.Faults
	r.gateway = x.clientOf(gateway)
	r.client = x.client(r.Pod, platform.Join(platform.Headers(platform.LocalHeaders()), x.bearerIdentity()))
	r.counts.onPass = func(reason state.Reason) { x.check(r, reason) }
	return r
}

// arm applies the fault to the first request of a replica in the phase.
func (x *cell) arm(r *replica) {
	hit, came := x.fault.hit, sync.Once{}
	if hit.Kind == 0 {
		hit.Kind = platformtest.Pass
	}
	hit.If = func(req *http.Request) bool {
		if !x.inPhase(r, req) {
			return false
		}
		came.Do(func() { x.note(r) })
		return true
	}
	if x.fault.world != nil {
		hit.Before = func() { x.world.Do(func() { x.fault.world(x, r) }) }
	}
	if x.fault.after != nil {
		hit.After = func() { x.after.Do(func() { x.fault.after(x, r) }) }
	}
	r.Faults.Add(hit)
}

// note records that the fault hit a replica, and the completed passes of the first one.
func (x *cell) note(r *replica) {
	x.hits.Add(1)
	if r == x.replicas[0] {
		x.base = r.counts.of("*")
	}
}

// inPhase reports whether a request belongs to the phase. Import has the pull. Imported has no
// requests: the pull that leads to it is used, which is the retried pull of the last group.
func (x *cell) inPhase(r *replica, req *http.Request) bool {
	s := r.get()
	switch x.phase {
	case state.Import:
		return s.Phase == state.Import && platformtest.OpOf(req) == "pull"
	case state.Imported:
		return s.Phase == state.Import && platformtest.OpOf(req) == "pull" && x.lastFailed()
	}
	return s.Phase == x.phase
}

func (x *cell) lastFailed() bool {
	return slices.ContainsFunc(x.Ledger().Bulks, func(b platformtest.Bulk) bool {
		return b.Groups[0] == "group-c" && b.Outcome == platformtest.Failed
	})
}

// check runs after each pass of a replica, before its result is published.
func (x *cell) check(r *replica, reason state.Reason) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if reason == "" && !r.everReady {
		r.everReady = true
		if missing := x.missing(r); len(missing) > 0 {
			x.early = append(x.early, fmt.Sprintf("I1: %s confirms without %v", r.Name, missing))
		}
	}
}

// missing returns the workspaces of a replica's release that are not installed.
func (x *cell) missing(r *replica) []string {
	installed := map[string]string{}
	for _, w := range x.Installed() {
		installed[w.Slug] = w.Version
	}
	var missing []string
	for _, w := range r.files.Workspaces {
		if installed[w.Slug] != w.Version {
			missing = append(missing, w.Slug)
		}
	}
	return missing
}

// run plays a cell to its end and returns the violations.
func (x *cell) run() []string {
	start := time.Now()
	x.startAll()
	limit := matrixBound + x.fault.slack
	opened := map[*replica]bool{}
	for !x.settled() && time.Since(start) < limit {
		time.Sleep(time.Second)
		for _, r := range x.pods() {
			opened[r] = opened[r] || r.ready()
		}
	}
	for x.busy.Load() > 0 { // wait for pending restarts, to be able to stop them
		time.Sleep(time.Second)
	}
	var wrong []string
	if !x.settled() {
		wrong = append(wrong, fmt.Sprintf("does not converge within %s: %s", limit, x.states()))
	}
	if x.rival != nil {
		x.rival.kill()
	}
	for _, r := range x.pods() {
		if !r.ready() && (x.rival == nil || opened[r]) {
			wrong = append(wrong, "I2: "+r.Name+" is not ready")
		}
	}
	return append(wrong, x.violations()...)
}

// settled reports whether every replica is confirmed, has compared at least once since, and has no
// problem.
func (x *cell) settled() bool {
	if x.busy.Load() > 0 {
		return false
	}
	if x.fault.rivals != nil {
		return x.hits.Load() > 0 && x.fault.rivals.ended(x)
	}
	for _, r := range x.replicas {
		s := r.get()
		drift := s.Problem != nil && s.Problem.Reason == state.Drifted && x.fault.drifts
		if !s.Confirmed || s.Drift == nil || s.Problem != nil && !drift || s.Phase != state.Watching {
			return false
		}
	}
	return x.hits.Load() > 0
}

func (x *cell) states() (all []string) {
	for _, r := range x.pods() {
		s := r.get()
		text := fmt.Sprintf("%s %s confirmed %t", r.Name, s.Phase, s.Confirmed)
		if s.Problem != nil {
			text += fmt.Sprintf(" %s: %s", s.Problem.Reason, s.Problem.Message)
		}
		all = append(all, text)
	}
	return all
}

// violations checks the invariants against the ledger.
func (x *cell) violations() []string {
	l := x.Ledger()
	wrong := slices.Clone(x.early)
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if x.hits.Load() == 0 {
		add("the fault never came")
	}
	for _, r := range x.pods() {
		if missing := x.missing(r); len(missing) > 0 && x.stayed(r) {
			add("I9: %v are not installed at the version of %s", missing, r.Name)
		}
		if r.log.has(token) || r.log.has("panic") {
			add("I11: the log of %s contains the token", r.Name)
		}
	}
	if found := l.Overlaps(); found != nil && !x.fault.breaksLock {
		add("I6: %v ran at the same time", found)
	}
	if n := len(l.Requests); n > matrixRequests*len(x.pods()) {
		add("I8: %d requests of %d replicas", n, len(x.pods()))
	}
	return append(wrong, slices.Concat(x.wrongOrder(l), x.wrongPosts(l), x.duplicates(l))...)
}

// wrongOrder checks that no group starts before the previous one was imported.
func (x *cell) wrongOrder(l *platformtest.Ledger) (wrong []string) {
	for i, b := range l.Bulks {
		if len(b.Groups) != 1 {
			wrong = append(wrong, fmt.Sprintf("I4: a request for %v", b.Groups))
			continue
		}
		before := b.Groups[0][:len("group-")] + string(b.Groups[0][len("group-")]-1)
		done := slices.ContainsFunc(l.Bulks[:i], func(o platformtest.Bulk) bool {
			return o.Groups[0] == before && o.Outcome == platformtest.Imported && !o.End.After(b.Begin) &&
				x.versionOf(o.Pod) == x.versionOf(b.Pod)
		})
		if !done && b.Groups[0] != "group-a" {
			wrong = append(wrong, fmt.Sprintf("I4: %v began before %s was imported", b.Groups, before))
		}
	}
	return wrong
}

// wrongPosts checks that a replica posts a group again only if its import failed, or if the fault
// made its outcome unknown.
func (x *cell) wrongPosts(l *platformtest.Ledger) (wrong []string) {
	type key struct{ pod, group string }
	posts, allowed := map[key]int{}, map[key]int{}
	for _, b := range l.Bulks {
		k := key{b.Pod, b.Groups[0]}
		posts[k]++
		if b.Outcome != platformtest.Imported {
			allowed[k]++
		}
	}
	for k, n := range posts {
		limit := 1 + allowed[k] + int(x.hits.Load())
		if x.rival != nil {
			limit += maxTakeBacks
		}
		if n > limit {
			wrong = append(wrong, fmt.Sprintf("I5: %s posted %s %d times, %d are allowed", k.pod, k.group, n, limit))
		}
	}
	return wrong
}

// duplicates checks that no workspace is imported twice, except by a replica that saw the group
// fail and needed force.
func (x *cell) duplicates(l *platformtest.Ledger) (wrong []string) {
	n := map[string]int{}
	for _, i := range l.Imports {
		b := l.Bulks[i.Bulk]
		sawFailure := slices.ContainsFunc(l.Bulks[:i.Bulk], func(o platformtest.Bulk) bool {
			return o.Pod == b.Pod && o.Groups[0] == b.Groups[0] && o.Outcome == platformtest.Failed
		})
		if i.Outcome != platformtest.Imported || b.Force && sawFailure {
			continue
		}
		if n[i.Slug+i.Version]++; n[i.Slug+i.Version] == 2 && !x.fault.repeats {
			wrong = append(wrong, fmt.Sprintf("%s was imported twice", i.Slug))
		}
	}
	return wrong
}

// reaction returns the next reason that the first replica reported after the fault.
func (x *cell) reaction() state.Reason {
	if passes := x.replicas[0].counts.passes; len(passes) > x.base {
		return passes[x.base]
	}
	return ""
}

// replicasOf returns the numbers of replicas with which to play a fault in a phase. The race detector
// needs no result, only the code to run: in short tests, each fault is played in every fourth phase
// and each phase with every fourth fault, by two replicas.
func replicasOf(fault, phase int) []int {
	switch {
	case !testing.Short():
		return []int{1, 2, 5, 20}
	case (fault+phase)%4 == 0:
		return []int{2}
	}
	return nil
}

// TestMatrix plays every fault in every phase with every number of replicas, and compares the
// result with docs/fault-matrix.md.
func TestMatrix(t *testing.T) {
	faults := matrixFaults()
	if len(faults) < 45 {
		t.Errorf("%d faults, want at least 45", len(faults))
	}
	reactions := make([]map[state.Phase]state.Reason, len(faults))
	t.Run("cells", func(t *testing.T) {
		for n := range faults {
			f, reasons := &faults[n], map[state.Phase]state.Reason{}
			reactions[n] = reasons
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				for i, phase := range state.Phases() {
					for _, replicas := range replicasOf(n, i) {
						inBubble(t, platformtest.Options{ImportTime: each(time.Second), EventReadsPerMinute: -1,
							LockExpiry: matrixExpiry}, 0, func(t *testing.T, c *cluster) {
							x := newCell(c, f, phase, replicas)
							for _, w := range x.run() {
								t.Errorf("%s, %d replicas: %s", phase, replicas, w)
							}
							if replicas == 1 {
								reasons[phase] = x.reaction()
							}
						})
					}
				}
			})
		}
	})
	if !t.Failed() && !testing.Short() {
		golden.Compare(t, "../../../docs/fault-matrix.md", document(faults, reactions))
	}
}

// document renders the sidecar's reaction to each fault.
func document(faults []matrixFault, reactions []map[state.Phase]state.Reason) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, documentHead, len(faults), len(state.Phases()), 4*len(faults)*len(state.Phases()))
	fmt.Fprint(&b, "| fault |")
	for _, p := range state.Phases() {
		fmt.Fprintf(&b, " %s |", p)
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(state.Phases())))
	for n, f := range faults {
		fmt.Fprintf(&b, "| %s |", f.name)
		for _, p := range state.Phases() {
			r := reactions[n][p]
			if f.races {
				r = "…"
			} else if r == reactions[0][p] { // the same as without a fault
				r = "·"
			}
			fmt.Fprintf(&b, " %s |", r)
		}
		fmt.Fprintln(&b)
	}
	return b.Bytes()
}
