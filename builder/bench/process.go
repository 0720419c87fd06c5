// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
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

// sample is a measurement of one run of a process.
type sample struct {
	wall, cpu time.Duration
	// peak is the maximum resident set in MiB. It includes that of the parent before exec, so this
	// program must stay small.
	peak float64
}

// command is a measured command. before runs before each run and is not measured.
type command struct {
	before func() error
	args   []string
	shell  string // instead of args
}

// runOnce runs a command to completion.
func (c command) runOnce(ctx context.Context) (sample, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return sample{}, err
		}
	}
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

// alternate runs the commands in turn, A B A B, after one unmeasured run of each, and returns the
// median of each.
func alternate(ctx context.Context, runs int, commands ...command) ([]sample, error) {
	all := make([][]sample, len(commands))
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
	medians := make([]sample, len(commands))
	for i, samples := range all {
		slices.SortFunc(samples, func(a, b sample) int { return int(a.wall - b.wall) })
		medians[i] = samples[len(samples)/2]
	}
	return medians, nil
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
	cmd := exec.Command("docker-registry", "serve", config)
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the registry (apt-get install docker-registry): %w", err)
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	for range 200 {
		if conn, err := net.DialTimeout("tcp", host, time.Second); err == nil {
			conn.Close()
			return host, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("the registry does not listen on %s", host)
}
