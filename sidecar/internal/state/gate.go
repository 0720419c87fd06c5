// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"strings"
	"time"
)

// Gate is the readiness gate of the pod.
type Gate struct {
	Open  bool       `json:"open"`
	Why   GateWhy    `json:"why"`
	Since *time.Time `json:"since,omitempty"` // when it opened
}

// GateWhy is the reason for the state of the gate.
type GateWhy string

// Reasons for the state of the gate.
const (
	GateWaits     GateWhy = "waits"     // for the confirmation
	GateConfirmed GateWhy = "confirmed" // the release was confirmed at least once
	GateTimedOut  GateWhy = "timed-out" // opened after a while, without confirmation
	GateOff       GateWhy = "off"       // never closed
)

// GatePolicy decides when the gate opens. The zero value is strict.
type GatePolicy struct {
	// Off opens the gate immediately.
	Off bool
	// OpenAfter opens the gate after this time since the start, even without confirmation. Zero
	// means never.
	OpenAfter time.Duration
}

// ParseGatePolicy parses strict, off or open-after=DURATION.
func ParseGatePolicy(s string) (GatePolicy, error) {
	after, timed := strings.CutPrefix(s, "open-after=")
	switch {
	case s == "strict":
		return GatePolicy{}, nil
	case s == "off":
		return GatePolicy{Off: true}, nil
	case !timed:
		return GatePolicy{}, fmt.Errorf("gate %q is not strict, off or open-after=DURATION", s)
	}
	d, err := time.ParseDuration(after)
	if err != nil || d <= 0 {
		return GatePolicy{}, fmt.Errorf("gate %q has no duration such as 10m after open-after=", s)
	}
	return GatePolicy{OpenAfter: d}, nil
}

func (p GatePolicy) String() string {
	switch {
	case p.Off:
		return "off"
	case p.OpenAfter > 0:
		return "open-after=" + p.OpenAfter.String()
	}
	return "strict"
}

// Decide returns the gate at now. An open gate never closes again: a problem after the first
// confirmation raises an alert and does not cause an outage.
func (p GatePolicy) Decide(s *Snapshot, now time.Time) Gate {
	why := GateWaits
	switch {
	case s.Confirmed || s.Gate.Why == GateConfirmed:
		why = GateConfirmed
	case p.Off:
		why = GateOff
	case s.Gate.Open:
		return s.Gate
	case p.OpenAfter > 0 && now.Sub(s.Started) >= p.OpenAfter:
		why = GateTimedOut
	}
	switch {
	case why == GateWaits:
		return Gate{Why: GateWaits}
	case s.Gate.Open:
		return Gate{Open: true, Why: why, Since: s.Gate.Since}
	}
	return Gate{Open: true, Why: why, Since: &now}
}
