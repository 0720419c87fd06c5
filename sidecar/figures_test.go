// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

var figures = flag.Bool("figures", false, "measure the sidecar (make figures-sidecar)")

// figure is a row of the table.
type figure struct {
	name  string
	value float64
	unit  string
	limit float64 // 0 for no limit
}

const (
	manyWorkspaces = 10_000
	rounds         = 9
)

// TestFigures measures the release build and prints a table.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("figures are wanted by -figures: make figures-sidecar")
	}
	binary := filepath.Join(t.TempDir(), "sidecar")
	build(t, binary)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	all := []figure{{"binary, stripped", float64(info.Size()) / 1e6, "MB", maxBinary / 1e6}}
	all = append(all, small(t, binary)...)
	all = append(all, probes(t, binary)...)
	all = append(all, large(t, binary)...)
	fmt.Printf("%-52s %10s %8s\n", "figure", "measured", "goal")
	for _, f := range all {
		goal := ""
		if f.limit > 0 {
			goal = fmt.Sprintf("<= %g", f.limit)
		}
		fmt.Printf("%-52s %7.1f %-3s %7s\n", f.name, f.value, f.unit, goal)
	}
}

// measured starts the sidecar at binary on a port that is known before it listens.
func measured(t *testing.T, binary string, args ...string) (s *process, started time.Time) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"run", "--listen", address}, args...)...)
	cmd.Env = []string{}
	s = &process{t: t, cmd: cmd, url: "http://" + address, done: make(chan struct{})}
	cmd.Stderr = &s.log
	started = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(s.done); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-s.done })
	return s, started
}

func (p *process) untilOK(path string, since time.Time) time.Duration {
	p.t.Helper()
	p.eventually("answer "+path, func() bool { code, _ := p.get(path); return code == http.StatusOK })
	return time.Since(since)
}

// small measures times with the example workspaces, as the median of several rounds.
func small(t *testing.T, binary string) []figure {
	t.Helper()
	var probe, confirmed, again, opened []time.Duration
	for range rounds {
		p := newPod(t, 20*time.Millisecond)
		server := p.listen(t, p)
		s, started := measured(t, binary, p.args()...)
		probe = append(probe, s.untilOK("/livez", started))
		s.untilOK("/readyz", started)
		ready := time.Now()
		confirmed = append(confirmed, ready.Sub(lastImport(p)))
		s.stop()
		s, started = measured(t, binary, p.args()...)
		again = append(again, s.untilOK("/readyz", started))
		s.stop()
		opened = append(opened, afterOpening(t, binary, p, server))
	}
	return []figure{
		{"exec to first probe answered, median", milliseconds(probe), "ms", 50},
		{"last import to Ready, median", milliseconds(confirmed), "ms", 100},
		{"restart with nothing to do, exec to Ready, median", milliseconds(again), "ms", 300},
		{"the same, service answers to Ready, median", milliseconds(opened), "ms", 300},
	}
}

// afterOpening measures the time from the opening of the service's port to Ready.
func afterOpening(t *testing.T, binary string, p *pod, server *platformtest.Server) time.Duration {
	t.Helper()
	server.Close()
	s, _ := measured(t, binary, p.args()...)
	s.eventually("try", func() bool { return strings.Contains(s.log.String(), "target-down") })
	opened := time.Now()
	again, err := platformtest.Listen(p, strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	took := s.untilOK("/readyz", opened)
	s.stop()
	return took
}

func lastImport(p *pod) time.Time {
	imports := p.platform.Ledger().Imports
	return imports[len(imports)-1].End
}

func milliseconds(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// large measures memory and CPU with many workspaces.
func large(t *testing.T, binary string) []figure {
	t.Helper()
	p := newPod(t, 0)
	r := &platformtest.Release{ID: "release", Name: "Release v1.0.0"}
	for n := range manyWorkspaces {
		slug := fmt.Sprintf("workspace-%05d", n)
		r.Workspaces = append(r.Workspaces, platformtest.Workspace{Slug: slug, ID: fmt.Sprintf("id%05d", n),
			Name:    "Workspace " + slug,
			Version: "v1.0.0", Groups: []string{fmt.Sprintf("group%d", n%4)}, Files: 10})
	}
	p.write(t, r)
	p.Pod = p.platform.NewPod("pod-large", r)
	p.listen(t, p)
	s, started := measured(t, binary, p.args()...)
	s.untilOK("/readyz", started)
	peak := s.memory("VmHWM")
	for range 3 {
		for _, path := range []string{"/status", "/", "/metrics"} {
			s.get(path)
		}
	}
	all := []figure{{fmt.Sprintf("RSS peak, import of %d workspaces", manyWorkspaces), peak, "MB", 0},
		{"RSS peak, the same and 3 times page, status, metrics", s.memory("VmHWM"), "MB", 0}}
	cpu, from := s.cpu(), time.Now()
	for time.Since(from) < 20*time.Second { // like the kubelet and Prometheus, but more often
		s.get("/readyz")
		time.Sleep(time.Second)
	}
	used := (s.cpu() - cpu).Seconds() / time.Since(from).Seconds()
	all = append(all, figure{"RSS after 20 s of rest", s.memory("VmRSS"), "MB", 0},
		figure{"CPU at rest, a probe each second", used * 1000, "m", 0})
	s.stop()
	s, started = measured(t, binary, p.args()...)
	s.untilOK("/readyz", started)
	time.Sleep(3 * time.Second)
	all = append(all, figure{fmt.Sprintf("RSS peak, restart with %d workspaces installed", manyWorkspaces),
		s.memory("VmHWM"), "MB", 0})
	s.stop()
	return append(all, atRest(t, binary))
}

// probes measures the readiness probe command, which starts a process each time.
func probes(t *testing.T, binary string) []figure {
	t.Helper()
	const many = 100
	p := newPod(t, 0)
	p.listen(t, p)
	s, started := measured(t, binary, p.args()...)
	s.untilOK("/readyz", started)
	defer s.stop()
	var wall, cpu []time.Duration
	for range many {
		cmd := exec.CommandContext(t.Context(), binary, "ready", "--target", strings.TrimPrefix(s.url, "http://"))
		cmd.Env = []string{}
		start := time.Now()
		if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), "ready: ") {
			t.Fatalf("%v: %s", err, out)
		}
		wall = append(wall, time.Since(start))
		cpu = append(cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	return []figure{
		{"sidecar ready, exec to exit, median", milliseconds(wall), "ms", 15},
		{"sidecar ready, CPU of a probe, median", milliseconds(cpu), "ms", 0},
		{"sidecar ready, RSS peak", probeMemory(t, binary), "MB", 12},
	}
}

// probeMemory returns the peak memory of a probe. It reads it while the probe waits for the rest of
// a response: the kernel's figure after the exit includes the parent process.
func probeMemory(t *testing.T, binary string) float64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.CommandContext(t.Context(), binary, "ready", "--target", l.Addr().String())
	cmd.Env = []string{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "HTTP/1.0 503 Service Unavailable\r\nContent-Length: 800\r\n\r\n"+strings.Repeat("x",
		799)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // time to read the memory
	return (&process{t: t, cmd: cmd}).memory("VmHWM")
}

// atRest measures the memory with a release of typical size.
func atRest(t *testing.T, binary string) figure {
	t.Helper()
	p := newPod(t, 0)
	p.listen(t, p)
	s, started := measured(t, binary, p.args()...)
	s.untilOK("/readyz", started)
	s.get("/metrics")
	time.Sleep(3 * time.Second)
	defer s.stop()
	return figure{"RSS at rest, 8 workspaces", s.memory("VmRSS"), "MB", 15}
}

// memory returns a value of /proc/PID/status in megabytes.
func (p *process) memory(name string) float64 {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), name+":")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kib * 1024 / 1e6
}

// cpu returns the CPU time of the process.
func (p *process) cpu() time.Duration {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		p.t.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(user+system) * time.Second / 100 // the kernel's USER_HZ
}
