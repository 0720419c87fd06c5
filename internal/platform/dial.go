// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"net"
	"strings"
)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialLocalhost makes localhost mean both loopback addresses, without a resolver. It tries IPv4
// first, where most services listen. Pods of single-stack clusters have only one of the addresses,
// and the hosts file of an image may have none.
func dialLocalhost(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || !strings.EqualFold(host, "localhost") {
			return dial(ctx, network, address)
		}
		conn, err := dial(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			return conn, nil
		}
		conn, other := dial(ctx, network, net.JoinHostPort("::1", port))
		if other == nil {
			return conn, nil
		}
		return nil, fmt.Errorf("%w; %w", err, other)
	}
}
