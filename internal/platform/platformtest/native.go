// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"context"
	"time"
)

const (
	nativeWait  = 5 * time.Minute
	nativePause = 30 * time.Second
)

// StartNative starts the service's own startup import of the groups, one after another (platform
// contract §5). It waits for readiness, gives up permanently if another replica has the lock, and
// stops at the first group with errors.
func (pod *Pod) StartNative(groups ...string) {
	life := pod.lifetime()
	pod.work.Go(func() {
		if !pod.waitReady(life) {
			return
		}
		for i, group := range groups {
			if i > 0 && !sleep(life, nativePause) || !pod.importNative(group) {
				return
			}
		}
	})
}

// waitReady reports whether to continue.
func (pod *Pod) waitReady(life context.Context) bool {
	deadline := time.Now().Add(nativeWait)
	for pod.platform.opts.ReadinessNeedsPod && pod.platform.readyPod() == nil {
		if time.Now().After(deadline) {
			return !pod.platform.opts.NativeGivesUp
		}
		if !sleep(life, time.Second) {
			return false
		}
	}
	return life.Err() == nil
}

func (pod *Pod) importNative(group string) bool {
	in := pullBody{Groups: []string{group}}
	in.Repository.ID = pod.release.ID
	b := pod.startBulk(in, pod.release.Select(in.Groups), pod.platform.newID("native"))
	if b == nil {
		return false
	}
	<-b.done
	return b.report != nil && pod.platform.bulkOutcome(b.entry) == Imported
}

func (p *Platform) bulkOutcome(bulk int) Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.Bulks[bulk].Outcome
}
