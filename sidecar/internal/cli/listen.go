// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"syscall"
)

// listen opens the port for probes. An address without a host listens on all addresses of the pod,
// IPv4 and IPv6. Package net chooses the family by the loopback addresses, so in a pod without
// 127.0.0.1 it would listen on IPv4 only.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	if host == "" {
		both := net.ListenConfig{Control: acceptIPv4}
		if l, err := both.Listen(ctx, "tcp6", net.JoinHostPort("::", port)); err == nil {
			return l, nil
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	return l, nil
}

// acceptIPv4 lets an IPv6 socket accept IPv4 connections as well.
func acceptIPv4(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
	})
	return cmp.Or(err, failed)
}
