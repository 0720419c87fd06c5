// SPDX-License-Identifier: AGPL-3.0-or-later

// Package buildkittest runs BuildKit's daemon in tests.
package buildkittest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// startTimeout limits how long the daemon may take to listen.
const startTimeout = 3 * time.Minute

// ServerName is the only name in the daemon's certificate.
const ServerName = "buildkitd.test"

// Daemon is a running buildkitd.
type Daemon struct {
	// Address is the daemon's socket, as unix://…. TCP is its address for TLS, if it has one.
	Address, TCP string
	// Root is the daemon's state directory.
	Root string
	log  string
}

// Start runs a daemon until the test ends. If files is not nil, the daemon also listens on TCP with
// mutual TLS. Builds never execute anything, so a stub serves as the runtime.
func Start(t testing.TB, files *tlstest.Files) *Daemon {
	t.Helper()
	program := needs.Program(t, "buildkitd")
	needs.Root(t)
	dir, err := os.MkdirTemp("", "bk") // socket paths have a length limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &Daemon{Address: "unix://" + dir + "/socket", Root: filepath.Join(dir, "root"), log: filepath.Join(dir, "log")}
	args := []string{
		"--config", os.DevNull, "--root", d.Root, "--addr", d.Address, "--debug",
		"--containerd-worker=false", "--oci-worker-binary=true", "--oci-worker-snapshotter=native", "--oci-worker-net=host",
	}
	if files != nil {
		d.TCP = "tcp://" + needs.LocalAddress(t)
		args = append(args, "--addr", d.TCP, "--tlscacert", files.CA, "--tlscert", files.ServerCert, "--tlskey",
			files.ServerKey)
	}
	// The daemon requires a program named runc in PATH, regardless of its configuration.
	if err := os.Symlink("/bin/true", filepath.Join(dir, "runc")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	d.startAndWait(t, cmd)
	return d
}

// startAndWait starts the daemon and waits until it listens.
func (d *Daemon) startAndWait(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("buildkitd:\n%s", lastLines(d.Log(t)))
		}
	})
	last := d.TCP // addresses are opened in the order of the command line
	if last == "" {
		last = d.Address
	}
	network, address, _ := strings.Cut(last, "://")
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		if conn, err := net.Dial(network, address); err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("buildkitd has ended: %v\n%s", err, d.Log(t))
		case <-time.After(20 * time.Millisecond): // polling another process
		}
	}
	t.Fatalf("buildkitd does not listen on %s", last)
}

// Log returns the daemon's log.
func (d *Daemon) Log(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(d.log)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Control runs buildctl and returns its output.
func (d *Daemon) Control(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), needs.Program(t, "buildctl"),
		append([]string{"--addr", d.Address}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("buildctl %q: %v\n%s", args, err, out)
	}
	return out
}

func lastLines(log []byte) []byte {
	lines := bytes.SplitAfter(log, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-40):], nil)
}

// Proxy prepends a directory with programs of the given names to PATH. Each program runs the
// buildctl command in its arguments against the daemon, and appends its own command line to the
// returned file.
func (d *Daemon) Proxy(t testing.TB, names ...string) (calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	script := "#!/bin/sh\n" +
		`echo "$(basename "$0") $*" >>'` + calls + "'\n" +
		`while [ "$1" != buildctl ]; do shift || exit 1; done` + "\n" +
		"shift\n" +
		"BUILDKIT_HOST='" + d.Address + "' exec '" + needs.Program(t, "buildctl") + `' "$@"` + "\n"
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return calls
}
