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

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

const (
	// readyTimeout bounds the whole command. It is shorter than the timeout of the chart's probe,
	// so that the pod's events show the command's output rather than the kubelet's timeout.
	readyTimeout = 2 * time.Second
	// maxReady limits the response, in bytes.
	maxReady = 16 << 10
)

type readyFlags struct{ target string }

func (f *readyFlags) newFlagSet(env map[string]string) *flag.FlagSet {
	fs := flag.NewFlagSet("ready", flag.ContinueOnError)
	fs.StringVar(&f.target, "target", listenAddress(env),
		"query the sidecar at this `address`; without a host, IPv4 and IPv6 loopback")
	return fs
}

// runReady exits with 0 if the gate of a running sidecar is open, otherwise with 1. It prints one line
// that gives the reason. It serves as an exec probe: Kubernetes shows the output of an exec probe
// in the pod's events, but not the body of an HTTP probe.
//
// The request is written to a plain connection: setting up an http.Client would dominate the
// runtime of a process that lives for a few milliseconds.
func (a *app) runReady(ctx context.Context, args []string) error {
	var f readyFlags
	if err := parseFlags(f.newFlagSet(a.env), args); err != nil {
		return err
	}
	addresses, err := targetAddresses(f.target)
	if err != nil {
		return usageError(fmt.Errorf("--target: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	open, line, err := queryFirst(ctx, addresses)
	if err != nil {
		line = "not ready: the sidecar did not respond: " + err.Error()
	}
	if _, err := fmt.Fprintln(a.Out, terminal.Safe(line)); err != nil {
		return err
	}
	if !open {
		return printedError(exitNotReady)
	}
	return nil
}

func queryFirst(ctx context.Context, addresses []string) (open bool, line string, err error) {
	conn, err := dialFirst(ctx, addresses)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	open, line, err = queryGate(ctx, conn)
	if err != nil {
		return false, "", fmt.Errorf("%s: %w", conn.RemoteAddr(), err)
	}
	return open, line, nil
}

// queryGate reports whether the gate is open, and the sidecar's explanation.
func queryGate(ctx context.Context, conn net.Conn) (open bool, line string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return false, "", err
		}
	}
	if _, err := io.WriteString(conn, "GET /readyz HTTP/1.0\r\nHost: sidecar\r\n\r\n"); err != nil {
		return false, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(limit.NewReader(conn, "the response", maxReady)), nil)
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

// dialFirst connects to the first address that accepts a connection.
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

// listenAddress returns the address that a sidecar with the same environment listens on: ready and
// status run in its container.
func listenAddress(env map[string]string) string {
	address := env[config.EnvPrefix+"LISTEN"]
	if _, _, err := net.SplitHostPort(address); err != nil {
		return config.Default("").Listen
	}
	return address
}

// targetAddresses returns the addresses at which a process in this pod reaches a listen address. An
// empty or wildcard host means loopback.
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
