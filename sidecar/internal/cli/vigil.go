// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// gateEvery is the time between two looks at the gate, for the log only:
	// probes decide for themselves.
	gateEvery = time.Second
	// alarmEvery is the time after which an open gate without confirmation is told again.
	alarmEvery = 10 * time.Minute
	// tokenEvery is the time between two looks at the expiry of the token.
	tokenEvery = time.Hour
	// tokenAgain is that time after nobody answered.
	tokenAgain = time.Minute
)

// watchGate says loudly that the gate is open without confirmation.
func (g *agent) watchGate(ctx context.Context) {
	var told time.Time
	each(ctx, func() time.Duration {
		gate, changed := g.store.Gate(g.gate())
		s := g.store.Get()
		if changed { // no probe was faster
			g.log.Info("gate is open", "why", gate.Why, "policy", g.gate().String(), "confirmed", s.Confirmed)
		}
		if gate.Open && !s.Confirmed && gate.Why != state.GateConfirmed && time.Since(told) >= alarmEvery {
			told = time.Now()
			g.log.Error("the pod is Ready, although the release is not confirmed", "why", gate.Why, "policy", g.gate().String(),
				"phase", s.Phase, "runbook", "docs/runbooks/gate-opened-unconfirmed.md")
		}
		return gateEvery
	})
}

// watchToken keeps the time at which the token expires.
func (g *agent) watchToken(ctx context.Context) {
	each(ctx, func() time.Duration {
		in, err := g.inputs.Load(ctx)
		if in == nil || in.Gateway == nil || g.live.Get().TokenFile == "" {
			return tokenAgain // no token, or not yet; the pass tells why
		}
		user, err := in.Gateway.Me(ctx)
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
	})
}

// each calls f until ctx ends, after the time that it returns.
func each(ctx context.Context, f func() time.Duration) {
	for ctx.Err() == nil {
		t := time.NewTimer(f())
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}
