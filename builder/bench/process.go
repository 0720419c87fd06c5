// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// startTimeout limits how long a server may take to listen.
const startTimeout = 30 * time.Second

// sample is a measurement of one run of a process.
type sample struct {
	wall, cpu time.Duration
	// peak is the maximum resident set in MiB. It includes that of the parent before exec, so this
	// program must stay small.
	peak float64
}

// command is a measured command. before and after run before and after each run and are not
// measured.
type command struct {
	before, after func() error
	args          []string
	shell         string // instead of args
	// server returns what a daemon has used that does the work of the command; nil without one.
	server func() (sample, error)
}

// runOnce runs a command to completion.
func (c command) runOnce(ctx context.Context) (s sample, err error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return sample{}, err
		}
	}
	if c.after != nil {
		defer func() { err = errors.Join(err, c.after()) }()
	}
	var usedBefore sample
	if c.server != nil {
		if usedBefore, err = c.server(); err != nil {
			return sample{}, err
		}
	}
	if s, err = c.runProcess(ctx); err != nil || c.server == nil {
		return s, err
	}
	used, err := c.server()
	s.cpu += used.cpu - usedBefore.cpu
	s.peak = max(s.peak, used.peak)
	return s, err
}

func (c command) runProcess(ctx context.Context) (sample, error) {
	args := c.args
	if c.shell != "" {
		args = []string{"sh", "-ec", c.shell}
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout = &output
	cmd.Stderr = &output
	started := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output.Bytes())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sample{time.Since(started), cpu, float64(usage.Maxrss) / 1024}, nil
}

// samples are the measurements of the counted runs of a command.
type samples []sample

// measureInTurn runs the commands in turn, A B A B, after one unmeasured run of each.
func measureInTurn(ctx context.Context, runs int, commands ...command) ([]samples, error) {
	all := make([]samples, len(commands))
	for n := range runs + 1 {
		for i, c := range commands {
			s, err := c.runOnce(ctx)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				all[i] = append(all[i], s)
			}
		}
	}
	return all, nil
}

// sortFigures returns a figure of every run in ascending order.
func sortFigures[T cmp.Ordered](list samples, figure func(sample) T) []T {
	var figures []T
	for _, s := range list {
		figures = append(figures, figure(s))
	}
	slices.Sort(figures)
	return figures
}

// medianSample returns the median of each figure.
func (list samples) medianSample() sample {
	middle := len(list) / 2
	return sample{
		wall: sortFigures(list, func(s sample) time.Duration { return s.wall })[middle],
		cpu:  sortFigures(list, func(s sample) time.Duration { return s.cpu })[middle],
		peak: sortFigures(list, func(s sample) float64 { return s.peak })[middle],
	}
}

// String returns cells of a table: time with its range, CPU, and peak memory.
func (list samples) String() string {
	m := list.medianSample()
	wall := sortFigures(list, func(s sample) time.Duration { return s.wall })
	spread := ""
	if len(wall) > 1 {
		spread = fmt.Sprintf(" (%.2f–%.2f)", wall[0].Seconds(), wall[len(wall)-1].Seconds())
	}
	return fmt.Sprintf("%.2f s%s | %.2f s | %.0f MiB", m.wall.Seconds(), spread, m.cpu.Seconds(), m.peak)
}

// startServer starts a server and waits until it listens.
func startServer(cmd *exec.Cmd, network, address string) (stop func(), err error) {
	var output bytes.Buffer
	cmd.Stdout = &output
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() { cmd.Process.Signal(syscall.SIGTERM); <-ended }
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		if conn, err := net.DialTimeout(network, address, time.Second); err == nil {
			conn.Close()
			return stop, nil
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("%s has ended: %w\n%s", cmd, err, output.Bytes())
		case <-time.After(20 * time.Millisecond): // polling another process
		}
	}
	stop()
	return nil, fmt.Errorf("%s does not listen on %s", cmd, address)
}

// startRegistry starts Debian's docker-registry, which is widely used, below dir.
func startRegistry(dir string) (host string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	host = listener.Addr().String()
	listener.Close()
	config := filepath.Join(dir, "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: "+
		"{rootdirectory: %s}}\nhttp: {addr: %s}\n",
		filepath.Join(dir, "registry"), host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	stop, err = startServer(exec.Command("docker-registry", "serve", config), "tcp", host)
	if err != nil {
		return "", nil, fmt.Errorf("start the registry (apt-get install docker-registry): %w", err)
	}
	return host, stop, nil
}
