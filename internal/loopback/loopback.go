// SPDX-License-Identifier: Apache-2.0

// Package loopback detects loopback hosts. Only for these are plain HTTP and unencrypted
// credentials allowed, and proxies are never used.
package loopback

import (
	"net"
	"strings"
)

// IsHost reports whether a host, without a port, is localhost, in 127.0.0.0/8, or ::1. It does not
// resolve names.
func IsHost(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
