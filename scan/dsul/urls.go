// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// maxUserInfo limits the part of a URL to scan for user-info, in bytes.
const maxUserInfo = 512

var (
	urlHost = lazyregexp.New(`^(?:[\w.-]+|\[[0-9a-fA-F:]+\]|\x{E000})[\w.,:\x{E000}-]*(?:[/?#]|$)`)
	// exampleHost matches hosts reserved for documentation.
	exampleHost = lazyregexp.New(`^(?:[\w-]+\.)*example\.(?:com|org|net)\b`)
	portAndPath = lazyregexp.New(`^\d+(?:/|$)`)
)

// schemeOf returns the URL scheme at the end of a text.
func schemeOf(before string) string {
	start := len(before)
	for start > 0 && (isASCIILetter(before[start-1]) || strings.IndexByte("0123456789+.-", before[start-1]) >= 0) {
		start--
	}
	return strings.ToLower(before[start:])
}

// userInfo returns the secret in the user-info of a URL, given the text after its scheme. A
// password may contain characters that should have been escaped, so it extends to the last @
// before a host.
func userInfo(scheme, rest string) string {
	rest = rest[:min(len(rest), maxUserInfo)]
	if end := strings.IndexAny(rest, " \t\r\n\"'<>`\\"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	for at > 0 && !urlHost.MatchString(rest[at+1:]) {
		at = strings.LastIndexByte(rest[:at], '@')
	}
	if scheme == "" || scheme == "dotenv" || at <= 0 {
		return ""
	}
	user, pass, hasPass := strings.Cut(rest[:at], ":")
	switch {
	case strings.ContainsAny(user, "/?#,") || strings.ContainsRune(rest[:at], literal.Mask) && !hasPass:
		return ""
	case !hasPass && len(user) >= minURLToken && literal.LooksGenerated(user) && !strings.Contains(rest[at:], "sentry"):
		return user
	case !hasPass || len(pass) < 3 || strings.HasPrefix(pass, "//") || portAndPath.MatchString(pass) || !isGiven(pass):
		return ""
	case exampleHost.MatchString(rest[at+1:]) && len(pass) < minStrong:
		return ""
	case strings.Trim(pass, letters+"_") == "" && min(endStrength(user), endStrength(pass)) >= credential:
		// s3://access_key:secret_access_key@host
		return ""
	case user == pass && (strings.HasPrefix(rest[at:], "@l") || strings.HasPrefix(rest[at:], "@127.")): // a local test
		return ""
	}
	return pass
}

// isSecretURL reports a URL with random text in its path or its query, which protects a webhook.
func isSecretURL(text string) bool {
	_, rest, found := strings.Cut(text, "://")
	_, path, hasPath := strings.Cut(rest, "/")
	if !found || !hasPath || strings.ContainsAny(path, " \uE000") {
		return false
	}
	for part := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune("/?&=#", r) }) {
		if literal.LooksRandom(part) && hasUnbroken(part) && !isIdentifier(part) {
			return true
		}
	}
	return false
}

// minURLToken is the minimum length of a user name that may be a token.
const minURLToken = 12
