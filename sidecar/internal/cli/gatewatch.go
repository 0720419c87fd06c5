// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// gateInterval is the interval between gate checks. They only write logs: probes evaluate the gate
	// on each request.
	gateInterval = time.Second
	// alarmInterval is the interval at which an unconfirmed open gate is logged again.
	alarmInterval = 10 * time.Minute
	// tokenInterval is the interval between checks of the token's expiry.
	tokenInterval = time.Hour
	// tokenRetryInterval is the retry interval after a failed check.
	tokenRetryInterval = time.Minute
)

// watchGate logs an error while the gate is open without confirmation.
func (g *agent) watchGate(ctx context.Context) {
	tick := time.NewTicker(gateInterval)
	defer tick.Stop()
	for lastAlarm := (time.Time{}); ctx.Err() == nil; {
		lastAlarm = g.checkGate(lastAlarm)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// checkGate logs an open gate without confirmation, at most once per alarmInterval. It returns the
// time of the last such log.
func (g *agent) checkGate(lastAlarm time.Time) time.Time {
	gate, changed := g.store.Gate(g.gatePolicy())
	s := g.store.Get()
	if changed { // no probe evaluated the gate first
		g.log.Info("gate opened", "why", gate.Why, "policy", g.gatePolicy().String(), "confirmed", s.Confirmed)
	}
	if !gate.Open || s.Confirmed || gate.Why == state.GateConfirmed || time.Since(lastAlarm) < alarmInterval {
		return lastAlarm
	}
	g.log.Error("the pod is Ready without a confirmed release", "why", gate.Why, "policy", g.gatePolicy().String(),
		"phase", s.Phase, "runbook", "docs/runbooks/gate-opened-unconfirmed.md")
	return time.Now()
}

// watchToken keeps the token's expiry in the state up to date.
func (g *agent) watchToken(ctx context.Context) {
	for ctx.Err() == nil {
		t := time.NewTimer(g.checkTokenExpiry(ctx))
		select {
		case <-t.C:
		case <-g.tokenChanged:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// checkTokenExpiry stores the token's expiry and returns the time until the next check.
func (g *agent) checkTokenExpiry(ctx context.Context) time.Duration {
	gateway := g.inputs.Gateway()
	if gateway == nil || g.live.Get().TokenFile == "" {
		return tokenInterval
	}
	user, err := gateway.Me(ctx)
	if err != nil {
		g.log.Debug("cannot read the token's expiry", "error", err)
		return tokenRetryInterval
	}
	g.store.Update(func(s *state.Snapshot) {
		s.TokenExpires = nil
		if !user.Expires.IsZero() {
			s.TokenExpires = &user.Expires
		}
	})
	return tokenInterval
}

// requestTokenCheck makes watchToken check immediately. It never blocks.
func (g *agent) requestTokenCheck() {
	select {
	case g.tokenChanged <- struct{}{}:
	default: // a check is already pending
	}
}
