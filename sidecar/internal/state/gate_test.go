// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestParseGatePolicy(t *testing.T) {
	for in, want := range map[string]state.GatePolicy{
		"strict":           {},
		"off":              {Off: true},
		"open-after=10m":   {OpenAfter: 10 * time.Minute},
		"open-after=1h30m": {OpenAfter: 90 * time.Minute},
	} {
		got, err := state.ParseGatePolicy(in)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "Strict", "on", "open-after", "open-after=", "open-after=10", "open-after=0s",
		"open-after=-1m", "open-after=strict", " off"} {
		got, err := state.ParseGatePolicy(in)
		if err == nil || !strings.Contains(err.Error(), "open-after=") || got != (state.GatePolicy{}) {
			t.Errorf("%q is %+v, %v; want the strict policy and an error that names the choices", in, got, err)
		}
	}
}

// FuzzParseGatePolicy checks that the printed policy parses to the same policy.
func FuzzParseGatePolicy(f *testing.F) {
	for _, s := range []string{"strict", "off", "open-after=1h2m3.5s", "open-after=9223372036s", "open-after=1ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := state.ParseGatePolicy(s)
		if err != nil {
			return
		}
		if again, err := state.ParseGatePolicy(p.String()); err != nil || again != p {
			t.Errorf("%q is printed as %q, which is %+v, %v", s, p, again, err)
		}
	})
}

// TestDecide covers each policy in each state.
func TestDecide(t *testing.T) {
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	now, earlier := start.Add(10*time.Minute), start.Add(time.Minute)
	open := func(why state.GateWhy, since *time.Time) state.Gate {
		return state.Gate{Open: true, Why: why, Since: since}
	}
	closed := state.Gate{Why: state.GateWaits}
	strict, off := state.GatePolicy{}, state.GatePolicy{Off: true}
	after := func(d time.Duration) state.GatePolicy { return state.GatePolicy{OpenAfter: d} }
	for name, c := range map[string]struct {
		policy    state.GatePolicy
		confirmed bool
		gate      state.Gate
		want      state.Gate
	}{
		"strict waits":                         {strict, false, closed, closed},
		"strict opens by confirmation":         {strict, true, closed, open(state.GateConfirmed, &now)},
		"time is not over":                     {after(10*time.Minute + 1), false, closed, closed},
		"time is over":                         {after(10 * time.Minute), false, closed, open(state.GateTimedOut, &now)},
		"confirmed before the time":            {after(time.Hour), true, closed, open(state.GateConfirmed, &now)},
		"off":                                  {off, false, closed, open(state.GateOff, &now)},
		"off and confirmed":                    {off, true, closed, open(state.GateConfirmed, &now)},
		"stays open by confirmation":           {strict, true, open(state.GateConfirmed, &earlier), open(state.GateConfirmed, &earlier)},
		"stays open when the word is gone":     {strict, false, open(state.GateConfirmed, &earlier), open(state.GateConfirmed, &earlier)},
		"stays open after its time":            {after(time.Minute), false, open(state.GateTimedOut, &earlier), open(state.GateTimedOut, &earlier)},
		"stays open under a stricter policy":   {strict, false, open(state.GateTimedOut, &earlier), open(state.GateTimedOut, &earlier)},
		"stays open after off":                 {strict, false, open(state.GateOff, &earlier), open(state.GateOff, &earlier)},
		"is confirmed after its time":          {after(time.Minute), true, open(state.GateTimedOut, &earlier), open(state.GateConfirmed, &earlier)},
		"is confirmed while it is off":         {off, true, open(state.GateOff, &earlier), open(state.GateConfirmed, &earlier)},
		"is switched off after its time":       {off, false, open(state.GateTimedOut, &earlier), open(state.GateOff, &earlier)},
		"is switched off after the first word": {off, false, open(state.GateConfirmed, &earlier), open(state.GateConfirmed, &earlier)},
	} {
		s := &state.Snapshot{Started: start, Confirmed: c.confirmed, Gate: c.gate}
		if diff := cmp.Diff(c.want, c.policy.Decide(s, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestI1NotReadyBeforeTheReleaseIsConfirmed checks that the gate stays closed no matter how often
// and how long it is evaluated.
func TestI1NotReadyBeforeTheReleaseIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewStore()
		for _, phase := range state.Phases() {
			store.Update(func(s *state.Snapshot) { s.Phase, s.Problem = phase, state.NewProblem(state.ImportErrors, "x", "") })
			time.Sleep(24 * time.Hour)
			if g, changed := store.Gate(state.GatePolicy{}); g.Open || changed {
				t.Errorf("gate %+v in phase %s", g, phase)
			}
		}
	})
}

// TestI2ReadinessIsSticky checks that nothing closes an open gate.
func TestI2ReadinessIsSticky(t *testing.T) {
	trouble := map[string]func(*state.Snapshot){
		"word taken back": func(s *state.Snapshot) { s.Confirmed = false },
		"other release":   func(s *state.Snapshot) { s.Confirmed, s.Release, s.Groups = false, state.Release{Name: "v2"}, nil },
		"problem":         func(s *state.Snapshot) { s.Problem = state.NewProblem(state.TargetDown, "x", "") },
		"drift":           func(s *state.Snapshot) { s.Drift = &state.Drift{Workspaces: []string{"a"}} },
		"phase":           func(s *state.Snapshot) { s.Phase = state.Waiting },
	}
	policies := []state.GatePolicy{{}, {Off: true}, {OpenAfter: time.Minute}, {OpenAfter: 24 * time.Hour}}
	for name, change := range trouble {
		synctest.Test(t, func(t *testing.T) {
			for _, first := range policies {
				store := state.NewStore()
				store.Update(func(s *state.Snapshot) { s.Confirmed = true })
				was, changed := store.Gate(first)
				if !was.Open || !changed {
					t.Fatalf("%s: gate %+v, changed %t", name, was, changed)
				}
				store.Update(change)
				for _, later := range policies {
					time.Sleep(time.Hour)
					if g, changed := store.Gate(later); changed || !cmp.Equal(g, was) {
						t.Errorf("%s, policy %s after %s: gate %+v, was %+v", name, later, first, g, was)
					}
				}
			}
		})
	}
}

// TestGateOpensAfterItsTime checks the exact time, and that one caller sees the change.
func TestGateOpensAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, policy := state.NewStore(), state.GatePolicy{OpenAfter: 10 * time.Minute}
		time.Sleep(10*time.Minute - 1)
		if g, changed := store.Gate(policy); g.Open || changed {
			t.Errorf("early: %+v, changed %t", g, changed)
		}
		time.Sleep(time.Nanosecond)
		opened := time.Now()
		want := state.Gate{Open: true, Why: state.GateTimedOut, Since: &opened}
		if g, changed := store.Gate(policy); !changed || !cmp.Equal(g, want) {
			t.Errorf("gate %+v, changed %t; want %+v", g, changed, want)
		}
		time.Sleep(time.Minute)
		if g, changed := store.Gate(policy); changed || !cmp.Equal(g, want) {
			t.Errorf("later: %+v, changed %t", g, changed)
		}
	})
}
