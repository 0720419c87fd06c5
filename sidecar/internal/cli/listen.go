// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"syscall"
)

// listen opens the port for probes. An address without a host means every address
// of the pod, of both families as far as there are any. Package net decides that by
// the loopback addresses, and so takes IPv4 alone in a pod that has no 127.0.0.1.
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

// acceptIPv4 lets a socket of IPv6 take connections of IPv4 as well.
func acceptIPv4(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
	})
	return cmp.Or(err, failed)
}
