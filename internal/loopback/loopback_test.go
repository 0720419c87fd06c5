// SPDX-License-Identifier: Apache-2.0

package loopback_test

import (
	"testing"

	"github.com/prismeai/workspaces-release/internal/loopback"
)

func TestIsHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":          true,
		"LocalHost":          true,
		"127.0.0.1":          true,
		"127.9.9.9":          true,
		"::1":                true,
		"::ffff:127.0.0.1":   true,
		"":                   false,
		"0.0.0.0":            false,
		"::":                 false,
		"10.0.0.1":           false,
		"localhost.example":  false,
		"127.0.0.1.example":  false,
		"localhost:80":       false,
		"[::1]":              false,
		"2130706433":         false,
		"0x7f.1":             false,
		"registry.localhost": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
