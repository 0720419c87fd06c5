// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The certificates are unique authorities without constraints.
func TestAuthorities(t *testing.T) {
	conditional, all := map[string]bool{}, 0
	for root := range bundle.Roots() {
		conditional[string(root.Certificate)] = root.Constraint != nil
		all++
	}
	left, written := encodeAuthorities(), 0
	for ; len(left) > 0; written++ {
		block, rest := pem.Decode(left)
		if block == nil || bytes.Equal(rest, left) {
			t.Fatalf("no certificate: %.80q", left)
		}
		left = rest
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !c.IsCA {
			t.Errorf("no authority: %v, %v", c, err)
		}
		if is, known := conditional[string(block.Bytes)]; is || !known {
			t.Errorf("%s is trusted with conditions, or not at all", c.Subject)
		}
	}
	refused := 0
	for _, is := range conditional {
		if is {
			refused++
		}
	}
	if written != all-refused || written < 100 {
		t.Errorf("%d certificates of %d", written, all)
	}
}
