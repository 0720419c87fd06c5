// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/internal/syncbuffer"
	"github.com/prismeai/workspaces-release/sidecar/internal/cli"
)

// Values of asProgram that run a sidecar and a service in a network namespace with a single address
// family.
const (
	onlyIPv4 = "only IPv4"
	onlyIPv6 = "only IPv6"
)

// TestNodesOfOneFamily checks that the defaults of --listen, --platform-url and --target work on
// IPv4-only and IPv6-only nodes.
func TestNodesOfOneFamily(t *testing.T) {
	t.Parallel()
	for _, family := range []string{onlyIPv4, onlyIPv6} {
		t.Run(family, func(t *testing.T) {
			cmd := command(t)
			cmd.Env[0] = asProgram + "=" + family
			cmd.SysProcAttr = namespace(0)
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
			out, err := cmd.CombinedOutput()
			if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
				needs.Machine(t, "user namespaces (sysctl user.max_user_namespaces)")
			}
			if err != nil || !strings.Contains(string(out), "identity-refused") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// runInFamily prints the probe's output for a sidecar whose service rejects it, which requires that
// all three reach each other.
func runInFamily(family string) error {
	address, err := onlyFamily(family)
	if err != nil {
		return err
	}
	service, err := net.Listen("tcp", net.JoinHostPort(address, "80"))
	if err != nil {
		return err
	}
	defer service.Close()
	go func() {
		_ = http.Serve(service, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"AuthenticationError","message":"no"}`)
		}))
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var log syncbuffer.Buffer
	go cli.Run(ctx, []string{"run", "--repository", "r", "--groups", "g"}, cli.IO{Out: io.Discard, Err: &log})
	for ctx.Err() == nil {
		var line bytes.Buffer
		cli.Run(ctx, []string{"ready"}, cli.IO{Out: &line, Err: &line})
		if strings.Contains(line.String(), "identity-refused") {
			fmt.Print(line.String())
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New(log.String())
}

// onlyFamily brings up the loopback interface with one address family.
func onlyFamily(family string) (address string, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	up, err := unix.NewIfreq("lo")
	if err != nil {
		return "", err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOOPBACK)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up); err != nil {
		return "", err
	}
	if family == onlyIPv4 {
		return "127.0.0.1", os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0)
	}
	none, err := unix.NewIfreq("lo")
	if err == nil {
		err = none.SetInet4Addr(net.IPv4zero.To4())
	}
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCSIFADDR, none)
	}
	return "::1", err
}
