// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// gateEvery is the interval between gate checks. They only write logs: probes evaluate the gate
	// on each request.
	gateEvery = time.Second
	// alarmEvery is the interval at which an unconfirmed open gate is logged again.
	alarmEvery = 10 * time.Minute
	// tokenEvery is the interval between checks of the token's expiry.
	tokenEvery = time.Hour
	// tokenAgain is the retry interval after a failed check.
	tokenAgain = time.Minute
)

// watchGate logs an error while the gate is open without confirmation.
func (g *agent) watchGate(ctx context.Context) {
	tick := time.NewTicker(gateEvery)
	defer tick.Stop()
	for told := (time.Time{}); ctx.Err() == nil; {
		told = g.checkGate(told)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// checkGate logs an open gate without confirmation, at most once per alarmEvery. It returns the
// time of the last such log.
func (g *agent) checkGate(told time.Time) time.Time {
	gate, changed := g.store.Gate(g.gate())
	s := g.store.Get()
	if changed { // no probe evaluated the gate first
		g.log.Info("gate is open", "why", gate.Why, "policy", g.gate().String(), "confirmed", s.Confirmed)
	}
	if !gate.Open || s.Confirmed || gate.Why == state.GateConfirmed || time.Since(told) < alarmEvery {
		return told
	}
	g.log.Error("the pod is Ready without a confirmed release", "why", gate.Why, "policy", g.gate().String(),
		"phase", s.Phase, "runbook", "docs/runbooks/gate-opened-unconfirmed.md")
	return time.Now()
}

// watchToken keeps the token's expiry in the state up to date.
func (g *agent) watchToken(ctx context.Context) {
	for ctx.Err() == nil {
		t := time.NewTimer(g.checkTokenExpiry(ctx))
		select {
		case <-t.C:
		case <-g.rotated:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// checkTokenExpiry stores the token's expiry and returns the time until the next check.
func (g *agent) checkTokenExpiry(ctx context.Context) time.Duration {
	gateway := g.inputs.Gateway()
	if gateway == nil || g.live.Get().TokenFile == "" {
		return tokenEvery
	}
	user, err := gateway.Me(ctx)
	if err != nil {
		g.log.Debug("cannot read the token's expiry", "error", err)
		return tokenAgain
	}
	g.store.Update(func(s *state.Snapshot) {
		s.TokenExpires = nil
		if !user.Expires.IsZero() {
			s.TokenExpires = &user.Expires
		}
	})
	return tokenEvery
}

// requestTokenCheck makes watchToken check immediately. It never blocks.
func (g *agent) newToken() {
	select {
	case g.rotated <- struct{}{}:
	default: // a check is already pending
	}
}
