// SPDX-License-Identifier: Apache-2.0

package needs

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddress returns a loopback address with a port on which nothing listens, for a program that
// gets its address before it listens, and for clients that find nothing there. The address stays
// free, because its host is a random one: other programs allocate ports on 127.0.0.1.
func FreeAddress(t testing.TB) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d", 16+rand.IntN(200), rand.IntN(256), 1+rand.IntN(254))
	address, err := findAddress(host)
	if err != nil {
		return LocalAddress(t) // this system has no other loopback address
	}
	return address
}

// LocalAddress is [FreeAddress] on 127.0.0.1, for servers whose certificate names that host. Another
// program may take the port first.
func LocalAddress(t testing.TB) string {
	t.Helper()
	address, err := findAddress("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// findAddress returns an address of the host with a port on which nothing listens.
func findAddress(host string) (string, error) {
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
