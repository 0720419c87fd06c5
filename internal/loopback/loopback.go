// SPDX-License-Identifier: Apache-2.0

// Package loopback decides which hosts are this machine. Plain HTTP and credentials without
// encryption are allowed for these hosts only, and no proxy is used for them.
package loopback

import (
	"net"
	"strings"
)

// IsHost reports whether a host, without a port, is this machine by its name or address:
// localhost, 127.0.0.0/8 or ::1. No name is looked up.
func IsHost(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
