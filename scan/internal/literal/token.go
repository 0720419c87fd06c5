// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

const (
	// longExpired is the start of 2020 as Unix time. Tokens that expired earlier come from
	// documentation.
	longExpired = 1577836800
	// firstToken is the publication month of RFC 7519 as Unix time. Older tokens are made up.
	firstToken = 1430438400
)

// IsHarmlessToken reports a signed token (JWT) that grants no access, and the header of one alone.
func IsHarmlessToken(v string) bool {
	if !strings.HasPrefix(v, "eyJ") {
		return false
	}
	parts := strings.Split(v, ".")
	switch len(parts) {
	case 1:
		head, err := base64.RawURLEncoding.DecodeString(v[:len(v)/4*4])
		return err == nil && tokenHeader.Match(head)
	case 3:
		return IsExampleToken(parts[1]) || hasNoSignature(parts[0])
	}
	return false
}

// tokenHeader matches the start of a token's header.
var tokenHeader = lazyregexp.New(`^\{\s*"(?:alg|typ)"\s*:`)

func hasNoSignature(header string) bool {
	var h struct{ Alg string }
	data, err := base64.RawURLEncoding.DecodeString(header)
	return err == nil && json.Unmarshal(data, &h) == nil && strings.EqualFold(h.Alg, "none")
}

// IsExampleToken reports the payload of a signed token (JWT) that grants no access: the
// well-known example from the documentation, or a token that expired long ago.
func IsExampleToken(payload string) bool {
	var p struct {
		Name, Sub string
		Iat, Exp  int64
	}
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(data, &p) != nil {
		return false
	}
	return p.Name == "John Doe" && (p.Iat == 1516239022 || p.Sub == "1234567890") || p.Exp > 0 && p.Exp < longExpired ||
		p.Iat > 0 && p.Iat < firstToken
}
