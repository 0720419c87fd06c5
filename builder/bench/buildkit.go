// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dockerfile is the vendor's documented build. It copies the workspaces from the context instead of
// cloning them, and has TruffleHog in its base instead of installing it.
const dockerfile = `FROM %[1]s AS scan
COPY . /source
RUN trufflehog filesystem /source --no-verification --no-update --fail
FROM %[1]s
RUN rm -rf /www/workspaces
COPY --from=scan /source /www/workspaces
`

// daemon is BuildKit's daemon, which builds the Dockerfile.
type daemon struct {
	program, dir string
	stop         func()
	pid          int
}

func (d *daemon) socketPath() string { return filepath.Join(d.dir, "socket") }

// startDaemon starts the daemon. With cold, it has no state of an earlier run.
func (d *daemon) startDaemon(cold bool) error {
	state := filepath.Join(d.dir, "state")
	if cold {
		if err := os.RemoveAll(state); err != nil {
			return err
		}
	}
	cmd := exec.Command(d.program, "--config", os.DevNull, "--root", state, "--addr", "unix://"+d.socketPath(),
		"--containerd-worker=false", "--oci-worker-binary=runc", "--oci-worker-net=host")
	var err error
	if d.stop, err = startServer(cmd, "unix", d.socketPath()); err != nil {
		return fmt.Errorf("%w (apt-get install runc; needs root)", err)
	}
	d.pid = cmd.Process.Pid
	return nil
}

// stopDaemon stops the daemon.
func (d *daemon) stopDaemon() error {
	d.stop()
	return os.RemoveAll(d.socketPath())
}

// clockTicks is the number of ticks a second in which Linux reports CPU times to programs.
const clockTicks = 100

// readUsage returns the CPU time of the daemon and of the processes that it has waited for, and the
// peak memory of the daemon.
func (d *daemon) readUsage() (sample, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.pid))
	if err != nil {
		return sample{}, err
	}
	// The fields after the name, which is in parentheses, start with the third: proc_pid_stat(5).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return sample{}, err
		}
		ticks += n
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.pid))
	if err != nil {
		return sample{}, err
	}
	var peak float64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &peak); err == nil {
			return sample{cpu: time.Duration(ticks) * time.Second / clockTicks, peak: peak / 1024}, nil
		}
	}
	return sample{}, errors.New("the daemon's status has no VmHWM")
}

// dockerfileCommand builds workspaces with the Dockerfile.
func (b *bench) dockerfileCommand(workspaces, base string, cold bool) command {
	dir := filepath.Join(b.dir, "dockerfile")
	d := &daemon{program: b.buildkitd, dir: dir}
	if !cold {
		d.dir = filepath.Join(b.dir, "warm", workspaces, base)
	}
	c := command{server: d.readUsage, after: d.stopDaemon}
	c.before = func() error {
		b.pushed++
		text := fmt.Sprintf(dockerfile, b.baseReference(base))
		if err := writeFile(filepath.Join(dir, base, "Dockerfile"), text); err != nil {
			return err
		}
		if err := os.MkdirAll(d.dir, 0o755); err != nil {
			return err
		}
		if !cold {
			if err := b.changeOne(workspaces); err != nil {
				return err
			}
		}
		return d.startDaemon(cold)
	}
	c.shell = fmt.Sprintf("%s --addr unix://%s build --frontend dockerfile.v0 --local context=%s --local dockerfile=%s "+
		"--output type=image,name=%s/acme/dockerfile-$(date +%%s%%N):v1,push=true,registry.insecure=true",
		b.buildctl, d.socketPath(), filepath.Join(b.dir, workspaces), filepath.Join(dir, base), b.host)
	return c
}
