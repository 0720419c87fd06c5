// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// probeEvery is the interval between probes of a sidecar, sampleEvery the interval between
	// samples.
	probeEvery  = 250 * time.Millisecond
	sampleEvery = 3 * time.Second
)

// watch probes the current process of the slot until ctx ends.
func (s *slot) watch(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	sampled := time.Time{}
	for {
		if p := s.running(); p != nil && !p.hasEnded() {
			s.probe(ctx, p)
			if time.Since(sampled) >= sampleEvery {
				sampled = time.Now()
				s.sample(ctx, p)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// blame adds a violation to the life of a process, unless the process is about to exit.
func (s *slot) blame(p *process, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.stopped.Load() || !p.life.Asked.IsZero() || s.running() != p || p.hasEnded() {
		return
	}
	text := fmt.Sprintf(format, args...)
	p.life.Wrong = append(p.life.Wrong, fmt.Sprintf("%s %s at %s", text, p.life.Pod, stamp(time.Now())))
}

// probe checks I2, that a Ready pod stays Ready, and I3, that a running process is alive.
func (s *slot) probe(ctx context.Context, p *process) {
	code, body := p.get(ctx, "/readyz")
	p.mu.Lock()
	before := p.life.Ready
	if code == http.StatusOK && before.IsZero() {
		p.life.Ready = time.Now()
	}
	p.mu.Unlock()
	if code == http.StatusServiceUnavailable && !before.IsZero() && !s.mayClose() {
		s.blame(p, "I2: no longer Ready (%.60s):", strings.TrimSpace(body))
	}
	if code, _ := p.get(ctx, "/livez"); code != http.StatusOK && code != 0 {
		s.blame(p, "I3: not alive, HTTP %d:", code)
	}
}

// mayClose reports whether the gate may close, which only happens if the pod got another release in
// place.
func (s *slot) mayClose() bool { return s.number == 0 }

// sample measures a process and checks I11, that it serves no token, and I12, that the metrics name
// the release and the failed groups like the status.
func (s *slot) sample(ctx context.Context, p *process) {
	before, err := p.status(ctx)
	if err != nil {
		return
	}
	_, metrics := p.get(ctx, "/metrics")
	_, text := p.get(ctx, "/status")
	after, err := p.status(ctx)
	if err != nil || metrics == "" {
		return
	}
	if strings.Contains(metrics, secretMark) || strings.Contains(text, secretMark) {
		s.blame(p, "I11: a token is in the status or the metrics of")
	}
	if cmp.Equal(told(&before), told(&after)) {
		if missing := lacks(metrics, &after); missing != "" {
			s.blame(p, "I12: the metrics lack %s:", missing)
		}
	}
	one := Sample{
		At:         time.Now(),
		Slot:       s.number,
		Watches:    p.watches(),
		RSS:        number(metrics, "process_resident_memory_bytes"),
		FDs:        int(number(metrics, "process_open_fds")),
		Goroutines: int(number(metrics, "go_goroutines")),
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if one.RSS > 0 && one.Watches > 0 { // skip a process that is exiting
		s.record.Samples = append(s.record.Samples, one)
	}
}

// told returns the metrics that must follow from a status.
func told(s *state.Snapshot) []string {
	all := []string{fmt.Sprintf("release=%q", s.Release.Name)}
	for _, g := range s.Groups {
		failed := 0
		if g.State == state.GroupFailed {
			failed = 1
		}
		all = append(all, fmt.Sprintf("workspaces_import_group_failed{group=%q} %d", g.Name, failed))
	}
	return all
}

// lacks returns the first expected metric that is missing, or "".
func lacks(metrics string, s *state.Snapshot) string {
	for _, want := range told(s) {
		if !strings.Contains(metrics, want) {
			return want
		}
	}
	return ""
}

// number returns the value of a metric without labels, or 0 if it is missing.
func number(metrics, name string) float64 {
	_, rest, ok := strings.Cut(metrics, "\n"+name+" ")
	text, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil {
		return 0
	}
	return value
}
