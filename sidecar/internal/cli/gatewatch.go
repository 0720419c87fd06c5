// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// gateEvery is the time between two checks of the gate, for the log only:
	// probes evaluate the gate themselves.
	gateEvery = time.Second
	// alarmEvery is the time after which an open gate without confirmation is logged again.
	alarmEvery = 10 * time.Minute
	// tokenEvery is the time between two checks of the token's expiry.
	tokenEvery = time.Hour
	// tokenAgain is that time after a request failed.
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

// checkGate returns when an open gate without confirmation was last logged.
func (g *agent) checkGate(told time.Time) time.Time {
	gate, changed := g.store.Gate(g.gate())
	s := g.store.Get()
	if changed { // no probe was faster
		g.log.Info("gate is open", "why", gate.Why, "policy", g.gate().String(), "confirmed", s.Confirmed)
	}
	if !gate.Open || s.Confirmed || gate.Why == state.GateConfirmed || time.Since(told) < alarmEvery {
		return told
	}
	g.log.Error("the pod is Ready, although the release is not confirmed", "why", gate.Why, "policy", g.gate().String(),
		"phase", s.Phase, "runbook", "docs/runbooks/gate-opened-unconfirmed.md")
	return time.Now()
}

// watchToken keeps the expiry of the token up to date in the state.
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

// checkTokenExpiry returns the time until the next check.
func (g *agent) checkTokenExpiry(ctx context.Context) time.Duration {
	gateway := g.inputs.Gateway()
	if gateway == nil || g.live.Get().TokenFile == "" {
		return tokenEvery
	}
	user, err := gateway.Me(ctx)
	if err != nil {
		g.log.Debug("cannot ask when the token expires", "error", err)
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

// newToken makes watchToken check at once.
func (g *agent) newToken() {
	select {
	case g.rotated <- struct{}{}:
	default: // it will look
	}
}
