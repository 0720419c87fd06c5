// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

const (
	// readyTimeout bounds the whole command. It is below the time-out of the
	// chart's probe, so that the pod's events show our line and not the kubelet's.
	readyTimeout = 2 * time.Second
	// maxReady bounds the answer of the sidecar, in bytes.
	maxReady = 16 << 10
)

type readyFlags struct{ target string }

func (f *readyFlags) set(env map[string]string) *flag.FlagSet {
	fs := flag.NewFlagSet("ready", flag.ContinueOnError)
	fs.StringVar(&f.target, "target", listenAddress(env),
		"ask the sidecar at this `address`; without a host, loopback of either family")
	return fs
}

// ready exits with 0 if the gate of a running sidecar is open, else with 1 and
// one line that says why. It is an exec probe: Kubernetes shows its output in the
// events of the pod, but never the body of an HTTP probe.
//
// It speaks HTTP over a plain connection, because an http.Client costs more than
// everything else that a process does which lives for some milliseconds.
func (a *app) ready(ctx context.Context, args []string) error {
	var f readyFlags
	if err := parse(f.set(a.env), args); err != nil {
		return err
	}
	addresses, err := targetAddresses(f.target)
	if err != nil {
		return usageError(fmt.Errorf("--target: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	open, line, err := askFirst(ctx, addresses)
	if err != nil {
		line = "not ready: the sidecar does not answer: " + err.Error()
	}
	if _, err := fmt.Fprintln(a.Out, clean(line)); err != nil {
		return err
	}
	if !open {
		return quiet(exitNotReady)
	}
	return nil
}

func askFirst(ctx context.Context, addresses []string) (open bool, line string, err error) {
	conn, err := dialFirst(ctx, addresses)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	open, line, err = askGate(ctx, conn)
	if err != nil {
		return false, "", fmt.Errorf("%s: %w", conn.RemoteAddr(), err)
	}
	return open, line, nil
}

// askGate returns whether the gate is open, and the line that says why.
func askGate(ctx context.Context, conn net.Conn) (open bool, line string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return false, "", err
		}
	}
	if _, err := io.WriteString(conn, "GET /readyz HTTP/1.0\r\nHost: sidecar\r\n\r\n"); err != nil {
		return false, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxReady)), nil)
	if err != nil {
		return false, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	line = strings.TrimSpace(string(body))
	switch {
	case err != nil:
		return false, "", err
	case resp.StatusCode == http.StatusOK:
		return true, line, nil
	case resp.StatusCode == http.StatusServiceUnavailable && line != "":
		return false, line, nil
	}
	return false, "", errors.New("HTTP " + resp.Status)
}

// dialFirst connects to the first address that takes the connection.
func dialFirst(ctx context.Context, addresses []string) (net.Conn, error) {
	var errs []string
	for _, address := range addresses {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err.Error())
	}
	return nil, errors.New(strings.Join(errs, "; "))
}

// listenAddress is where a sidecar with the same environment listens: ready and
// status run in its container.
func listenAddress(env map[string]string) string {
	address := env[config.EnvPrefix+"LISTEN"]
	if _, _, err := net.SplitHostPort(address); err != nil {
		return config.Default("").Listen
	}
	return address
}

// targetAddresses lists where a program of this pod reaches an address that
// another one listens on. No host, and a wildcard, stand for loopback.
func targetAddresses(address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return nil, errors.New("want an address such as :9400")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)}, nil
	}
	return []string{address}, nil
}
