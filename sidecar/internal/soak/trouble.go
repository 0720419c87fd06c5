// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// injectFaults alternates faults, rollouts and pauses until the time is over.
func (w *world) injectFaults(ctx context.Context) error {
	end := w.record.Begin.Add(w.opts.Duration)
	w.awaitRecovery(ctx)
	for ctx.Err() == nil && time.Now().Before(end) {
		next := map[string]string{"v1": "v2", "v2": "v1"}[w.currentRelease()]
		w.injectFaultsFor(ctx, troubleTime/2)
		if err := w.rollOutRelease(ctx, next); err != nil {
			return err
		}
		w.injectFaultsFor(ctx, troubleTime/2)
		w.removeFaults()
		w.awaitRecovery(ctx)
	}
	return ctx.Err()
}

// injectFaultsFor injects faults for a duration.
func (w *world) injectFaultsFor(ctx context.Context, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		w.injectFault(ctx)
		sleepFor(ctx, time.Duration(200+w.random.IntN(1500))*time.Millisecond)
	}
}

// injectFault injects one fault at one slot.
func (w *world) injectFault(ctx context.Context) {
	s := w.slots[w.random.IntN(slots)]
	all := []func(context.Context, *slot){w.rotateToken, w.rotateSettings, w.rewriteFiles, w.killSidecar, w.killService,
		w.failRequests, w.failRequests, w.failRequests, w.failWorkspace, w.takeLock}
	all[w.random.IntN(len(all))](ctx, s)
}

// rotateToken revokes the token. The files follow a little later, as with an operator.
func (w *world) rotateToken(ctx context.Context, _ *slot) {
	w.countFault("token rotated")
	w.tokens.Add(1)
	w.platform.SetToken(w.currentToken())
	sleepFor(ctx, time.Duration(w.random.IntN(800))*time.Millisecond)
	for _, s := range w.slots {
		s.refreshFiles()
	}
}

// rotateSettings changes the configuration of a slot, sometimes through an invalid one.
func (w *world) rotateSettings(ctx context.Context, s *slot) {
	w.countFault("configuration rotated")
	steps := []string{goodSettings(w.random.IntN(100))}
	if w.random.IntN(3) == 0 {
		steps = []string{"retry-max: [not, a, time]\n", steps[0]}
	}
	for _, settings := range steps {
		s.mu.Lock()
		s.settings = settings
		s.mu.Unlock()
		s.refreshFiles()
		sleepFor(ctx, 300*time.Millisecond)
	}
}

// rewriteFiles replaces the files, including the manifest, by files of the same content.
func (w *world) rewriteFiles(_ context.Context, s *slot) {
	w.countFault("manifest rewritten")
	s.refreshFiles()
}

// killSidecar kills or stops the sidecar of a slot and starts another one. It spares the first
// slot.
func (w *world) killSidecar(_ context.Context, s *slot) {
	p := s.runningProcess()
	switch {
	case s.number == 0:
		return
	case w.random.IntN(3) == 0:
		w.countFault("sidecar restarted")
		p.stop()
	default:
		w.countFault("sidecar killed")
		p.kill()
	}
	w.recordError("start failed", s.startSidecar())
}

// killService kills the service of a slot, possibly during an import, and restarts it.
func (w *world) killService(ctx context.Context, s *slot) {
	w.countFault("service killed")
	pod := s.pod.Load()
	pod.Kill()
	sleepFor(ctx, time.Duration(w.random.IntN(1500))*time.Millisecond)
	pod.Restart()
}

// failRequests makes the next requests of a slot fail.
func (w *world) failRequests(_ context.Context, s *slot) {
	kinds := []platformtest.Fault{
		{Kind: platformtest.ResetBefore}, {Kind: platformtest.ResetAfter}, {Kind: platformtest.Truncate, Bytes: 20},
		{Kind: platformtest.Stall, Bytes: 20}, {Kind: platformtest.Hang}, {Kind: platformtest.Duplicate},
		{Kind: platformtest.Answer, Status: 500}, {Kind: platformtest.Answer, Status: 502, Body: platformtest.HTML},
		{Kind: platformtest.Answer, Status: 503}, {Kind: platformtest.Answer, Status: 429},
		{Kind: platformtest.Answer, Body: platformtest.Garbage},
		{Kind: platformtest.AnswerAfter, Status: 504}, {Kind: platformtest.Pass, Delay: 2 * time.Second},
	}
	n := w.random.IntN(len(kinds))
	f := kinds[n]
	f.Times = 1 + w.random.IntN(4)
	f.Op = []string{"", "pull", "workspace", "workspaces", "events"}[w.random.IntN(5)]
	w.countFault("requests that fail")
	s.faults.Add(f)
}

// failWorkspace makes the next imports of a workspace fail.
func (w *world) failWorkspace(_ context.Context, _ *slot) {
	w.countFault("workspace that fails")
	all := w.record.Releases["v1"].Workspaces
	w.platform.FailTimes(all[w.random.IntN(len(all))].Slug, "soak: it fails for a while", 1+w.random.IntN(3))
}

// takeLock holds the write lock for a while, as a user does.
func (w *world) takeLock(ctx context.Context, _ *slot) {
	if w.platform.Lock("somebody", "manual") {
		w.countFault("lock taken by a person")
		sleepFor(ctx, time.Duration(w.random.IntN(1000))*time.Millisecond)
		w.platform.Unlock()
	}
}

// removeFaults removes the faults that do not end on their own.
func (w *world) removeFaults() {
	for _, ws := range w.record.Releases["v1"].Workspaces {
		w.platform.Heal(ws.Slug)
	}
	for _, s := range w.slots {
		s.faults.Clear()
	}
}

// rollOutRelease replaces the pods one by one with pods of another release, with faults in between. After
// the first replacement a pod of the old release is evicted and recreated. One in three rollouts is
// rolled back halfway.
func (w *world) rollOutRelease(ctx context.Context, next string) error {
	old := w.currentRelease()
	w.countFault("rollout")
	w.printf("rollout of %s", next)
	w.setCurrentRelease(next)
	order := w.random.Perm(slots)
	for n, number := range order {
		if err := w.slots[number].deployPod(next); err != nil {
			return fmt.Errorf("roll out %s: %w", next, err)
		}
		if w.random.IntN(2) == 0 {
			sleepFor(ctx, time.Duration(w.random.IntN(1000))*time.Millisecond)
			w.killService(ctx, w.slots[number])
		}
		w.injectFaultsFor(ctx, 2*time.Second)
		if n != 0 {
			continue
		}
		if err := w.evictPod(order[slots-1], old); err != nil {
			return err
		}
		if w.random.IntN(3) == 0 {
			return w.rollBack(ctx, order[:1], old)
		}
	}
	return nil
}

// evictPod replaces a pod by one of the same release, as a node drain does.
func (w *world) evictPod(number int, version string) error {
	w.countFault("pod of the old release evicted")
	if err := w.slots[number].deployPod(version); err != nil {
		return fmt.Errorf("evict a pod of %s: %w", version, err)
	}
	return nil
}

// rollBack makes the old release the current one again, while its pods remain.
func (w *world) rollBack(ctx context.Context, replaced []int, old string) error {
	w.injectFaultsFor(ctx, 3*time.Second)
	w.countFault("rollback")
	w.printf("rollback to %s", old)
	w.setCurrentRelease(old)
	for _, number := range slices.Backward(replaced) {
		if err := w.slots[number].deployPod(old); err != nil {
			return fmt.Errorf("roll back to %s: %w", old, err)
		}
	}
	return nil
}

// awaitRecovery waits until everything has recovered.
func (w *world) awaitRecovery(ctx context.Context) {
	start := time.Now()
	s := Settling{At: start, Took: -1}
	for time.Since(start) < settleBound && ctx.Err() == nil {
		if s.State = w.describeTrouble(ctx); s.State == "" {
			s.Took = time.Since(start)
			break
		}
		sleepFor(ctx, 100*time.Millisecond)
	}
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	w.record.Settled = append(w.record.Settled, s)
	w.mu.Unlock()
	w.printf("settled after %s %s", s.Took.Round(time.Millisecond), s.State)
}

// describeTrouble describes what has not recovered yet, or returns "" if everything has.
func (w *world) describeTrouble(ctx context.Context) string {
	installed := map[string]string{}
	for _, i := range w.platform.Installed() {
		installed[i.Slug] = i.Version
	}
	for _, ws := range w.record.Releases[w.currentRelease()].Workspaces {
		if installed[ws.Slug] != ws.Version {
			return fmt.Sprintf("%s is at version %q", ws.Slug, installed[ws.Slug])
		}
	}
	for _, s := range w.slots {
		if text := s.describeTrouble(ctx); text != "" {
			return text
		}
	}
	return ""
}

// sleepFor sleeps for d or until ctx ends.
func sleepFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
