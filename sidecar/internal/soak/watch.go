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
	// probeInterval is the interval between probes of a sidecar, sampleInterval the interval between
	// samples.
	probeInterval  = 250 * time.Millisecond
	sampleInterval = 3 * time.Second
)

// probeUntilDone probes the current process of the slot until ctx ends.
func (s *slot) probeUntilDone(ctx context.Context) {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	sampled := time.Time{}
	for {
		if p := s.runningProcess(); p != nil && !p.hasEnded() {
			s.probeProcess(ctx, p)
			if time.Since(sampled) >= sampleInterval {
				sampled = time.Now()
				s.sampleProcess(ctx, p)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// addViolation adds a violation to the life of a process, unless the process is about to exit.
func (s *slot) addViolation(p *process, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.stopped.Load() || !p.life.Asked.IsZero() || s.runningProcess() != p || p.hasEnded() {
		return
	}
	text := fmt.Sprintf(format, args...)
	p.life.Wrong = append(p.life.Wrong, fmt.Sprintf("%s %s at %s", text, p.life.Pod, formatTime(time.Now())))
}

// probeProcess checks I2, that a Ready pod stays Ready, and I3, that a running process is alive.
func (s *slot) probeProcess(ctx context.Context, p *process) {
	code, body := p.fetchPath(ctx, "/readyz")
	p.mu.Lock()
	before := p.life.Ready
	if code == http.StatusOK && before.IsZero() {
		p.life.Ready = time.Now()
	}
	p.mu.Unlock()
	if code == http.StatusServiceUnavailable && !before.IsZero() && !s.mayCloseGate() {
		s.addViolation(p, "I2: no longer Ready (%.60s):", strings.TrimSpace(body))
	}
	if code, _ := p.fetchPath(ctx, "/livez"); code != http.StatusOK && code != 0 {
		s.addViolation(p, "I3: not alive, HTTP %d:", code)
	}
}

// mayCloseGate reports whether the gate may close, which only happens if the pod got another release in
// place.
func (s *slot) mayCloseGate() bool { return s.number == 0 }

// sampleProcess measures a process and checks I11, that it serves no token, and I12, that the metrics name
// the release and the failed groups like the status.
func (s *slot) sampleProcess(ctx context.Context, p *process) {
	before, err := p.fetchStatus(ctx)
	if err != nil {
		return
	}
	_, metrics := p.fetchPath(ctx, "/metrics")
	_, text := p.fetchPath(ctx, "/status")
	after, err := p.fetchStatus(ctx)
	if err != nil || metrics == "" {
		return
	}
	if strings.Contains(metrics, secretMark) || strings.Contains(text, secretMark) {
		s.addViolation(p, "I11: a token is in the status or the metrics of")
	}
	if cmp.Equal(expectedMetrics(&before), expectedMetrics(&after)) {
		if missing := findMissing(metrics, &after); missing != "" {
			s.addViolation(p, "I12: the metrics lack %s:", missing)
		}
	}
	one := Sample{
		At:         time.Now(),
		Slot:       s.number,
		Watches:    p.countWatches(),
		RSS:        metricValue(metrics, "process_resident_memory_bytes"),
		FDs:        int(metricValue(metrics, "process_open_fds")),
		Goroutines: int(metricValue(metrics, "go_goroutines")),
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if one.RSS > 0 && one.Watches > 0 { // skip a process that is exiting
		s.record.Samples = append(s.record.Samples, one)
	}
}

// expectedMetrics returns the metrics that must follow from a status.
func expectedMetrics(s *state.Snapshot) []string {
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

// findMissing returns the first expected metric that is missing, or "".
func findMissing(metrics string, s *state.Snapshot) string {
	for _, want := range expectedMetrics(s) {
		if !strings.Contains(metrics, want) {
			return want
		}
	}
	return ""
}

// metricValue returns the value of a metric without labels, or 0 if it is missing.
func metricValue(metrics, name string) float64 {
	_, rest, ok := strings.Cut(metrics, "\n"+name+" ")
	text, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil {
		return 0
	}
	return value
}
