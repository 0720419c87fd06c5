// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

const (
	// firstGap is the time between two requests to a host after its first 429. It
	// doubles with each further 429, up to longestGap.
	firstGap   = 250 * time.Millisecond
	longestGap = time.Second
)

// pacer spaces out the requests to hosts that limit their rate.
type pacer struct {
	firstGap   time.Duration
	longestGap time.Duration

	mu    sync.Mutex
	hosts map[string]*pace
}

// pace is the schedule of one host.
type pace struct {
	gap  time.Duration
	next time.Time // when the next request may be sent
}

// waitForTurn blocks until the next request to host may be sent, or until ctx ends.
func (p *pacer) waitForTurn(ctx context.Context, host string) error {
	p.mu.Lock()
	h := p.hosts[host]
	if h == nil {
		p.mu.Unlock()
		return nil
	}
	start := time.Now()
	if h.next.After(start) {
		start = h.next
	}
	h.next = start.Add(h.gap)
	p.mu.Unlock()
	return backoff.Sleep(ctx, time.Until(start))
}

// slowDown widens the gap between the requests to host.
func (p *pacer) slowDown(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[string]*pace{}
	}
	h := p.hosts[host]
	if h == nil {
		p.hosts[host] = &pace{gap: p.firstGap}
		return
	}
	h.gap = min(2*h.gap, p.longestGap)
}
